"""The seal around identities: AES-256-GCM under subkeys of a day key, and keyed hashes for what must stay comparable.

Destroying a day's key makes that day unreadable in Kafka, in ClickHouse and in every backup. Randomness comes from the caller.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode
from binascii import b2a_base64
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from schemas.errors import Rejected

Purpose = Literal["identity", "address", "payload", "note"]
NONCE_BYTES = 12
KEY_BYTES = 32


def subkey(day_key: bytes, purpose: Purpose) -> bytes:
    """The key for one purpose under a day key (HKDF-SHA-256): whoever holds one cannot open what another sealed."""
    return HKDFExpand(SHA256(), KEY_BYTES, f"checkpoint-arrivals/{purpose}/1".encode()).derive(day_key)


class Seal:
    """Seals and opens texts under one day and one purpose. The event id is bound in, so a ciphertext cannot be moved."""

    def __init__(self, day_key: bytes, purpose: Purpose) -> None:
        self._aead = AESGCM(subkey(day_key, purpose))

    def close(self, plaintext: bytes, event_id: str, nonce: bytes) -> str:
        """Base64 of nonce and ciphertext. `nonce` is 12 bytes that were never used before under this key."""
        return b2a_base64(nonce + self._aead.encrypt(nonce, plaintext, event_id.encode()), newline=False).decode("ascii")

    def open(self, sealed: str, event_id: str) -> bytes:
        """The plaintext; raises Rejected (`seal_broken`) when the text was altered, moved, or sealed under another key."""
        try:
            raw = b64decode(sealed, validate=True)
            return self._aead.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], event_id.encode())
        except (InvalidTag, ValueError):
            raise Rejected("seal_broken", "A sealed field cannot be opened with the key of its day.") from None


def keyed_hash(secret: bytes, *parts: str) -> str:
    """HMAC-SHA-256 over the parts, first 16 bytes as hex: the same person or plate gives the same text."""
    return hmac.digest(secret, "\x1f".join(parts).encode(), hashlib.sha256)[:16].hex()


class KeyedHash:
    """`keyed_hash` under one secret, for hot paths: what depends on the secret alone is done once (RFC 2104, 4)."""

    def __init__(self, secret: bytes) -> None:
        block = hashlib.sha256().block_size
        padded = (secret if len(secret) <= block else hashlib.sha256(secret).digest()).ljust(block, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def __call__(self, *parts: str) -> str:
        """The same text as `keyed_hash(secret, *parts)`."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update("\x1f".join(parts).encode())
        outer.update(inner.digest())
        return outer.hexdigest()[:32]
