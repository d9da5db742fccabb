"""Secrets and signatures of webhooks in the Standard Webhooks format. Pure.

A secret follows from one key of the notifier, the endpoint and its generation, so none is stored or travels: whoever holds the
key can tell it again, and a new generation is a new secret.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime

from schemas.webhook import WebhookData

PREFIX = "whsec_"


def secret(key: bytes, endpoint: str, generation: int) -> bytes:
    """The 32 bytes of a generation's secret."""
    return hmac.digest(key, f"checkpoint-arrivals/webhook/1|{endpoint}|{generation}".encode(), hashlib.sha256)


def told_secret(key: bytes, endpoint: str, generation: int) -> str:
    """The secret as a receiver is given it: `whsec_` and base64."""
    return PREFIX + b64encode(secret(key, endpoint, generation)).decode("ascii")


def secrets_in_force(key: bytes, data: WebhookData, at: datetime) -> tuple[bytes, ...]:
    """The secrets that sign at a time: the present one, and during a change-over the one before it."""
    overlap = data.generation > 1 and data.previous_until is not None and at < data.previous_until
    return tuple(secret(key, data.endpoint, data.generation - back) for back in range(1 + overlap))


def signed_headers(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one attempt: id, seconds since 1970, and a signature for every secret."""
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = (b64encode(hmac.digest(each, content, hashlib.sha256)).decode("ascii") for each in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
