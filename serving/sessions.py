"""Console sessions: a signed cookie that names a credential by its digest and expires. Nothing is kept on the server.

The cookie is not the access code and cannot be turned into it. A withdrawn credential ends its sessions, wherever they are.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from base64 import urlsafe_b64encode
from pathlib import Path

from schemas.errors import Misconfigured

#: A shift, and the way home.
SESSION_SECONDS = 12 * 3600
KEY_BYTES = 32
_COOKIE = re.compile(r"([0-9a-f]{64})\.(\d{10})\.([A-Za-z0-9_-]{43})", re.ASCII)


class Sessions:
    """Signs and reads session cookies under one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def open(cls, path: Path, *, create: bool) -> Sessions:
        """Opens the key file; with `create` a missing one is made (mode 0600). Raises Misconfigured when it is
        missing or too short.
        """
        if create and not path.exists():
            _create(path)
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            raise Misconfigured("session_key", f"The session key {path} is missing.", "Set ARRIVALS_SESSION_KEY_FILE.") from None
        if len(key) < KEY_BYTES:
            raise Misconfigured("session_key", f"The session key {path} is too short.", "Write 32 random bytes into it.")
        return cls(key)

    def issue(self, digest: str, now: float) -> str:
        """The cookie of a session that begins at `now` (seconds since 1970)."""
        content = f"{digest}.{int(now) + SESSION_SECONDS}"
        return f"{content}.{self._sign(content)}"

    def read(self, cookie: str, now: float) -> str | None:
        """The credential's digest; None when the cookie is forged, damaged or expired."""
        match = _COOKIE.fullmatch(cookie)
        if not match or not hmac.compare_digest(self._sign(f"{match[1]}.{match[2]}"), match[3]):
            return None
        return match[1] if now < int(match[2]) else None

    def _sign(self, content: str) -> str:
        return urlsafe_b64encode(hmac.digest(self._key, content.encode(), hashlib.sha256)).rstrip(b"=").decode()


def reader_mark(digest: str) -> str:
    """A name of a credential for its own browser, to keep apart what two of them left there. It opens nothing."""
    return hashlib.sha256(f"reader {digest}".encode()).hexdigest()[:16]


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
