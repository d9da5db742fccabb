"""One-time codes for opening the console from a terminal on the same machine: short, ten minutes, once.

An access code never stands in a link. The link carries such a code after the `#`, which browsers do not send; the
page posts it. A code
is a file named by its digest; taking it is renaming the file, so that of two who try one wins.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

#: Without letters and digits that look alike.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 12
VALID_SECONDS = 600


class LoginCodes:
    """The codes in one folder, shared by the processes of one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def issue(self, digest: str) -> str:
        """A new code for the credential with that token digest."""
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self._path(code), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(digest)
        return f"{code[:4]}-{code[4:8]}-{code[8:]}"

    def redeem(self, code: str, now: float) -> str | None:
        """The credential's digest, once; None for a code that is unknown, used or too old. `now` is seconds since 1970."""
        plain = code.replace("-", "").replace(" ", "").upper()
        if len(plain) != _LENGTH or not set(plain) <= set(_ALPHABET):
            return None
        path = self._path(plain)
        taken = path.with_suffix(f".{secrets.token_hex(4)}")
        try:
            path.rename(taken)
        except FileNotFoundError:
            return None
        digest, issued = taken.read_text(), taken.stat().st_mtime
        taken.unlink()
        return digest if now - issued < VALID_SECONDS else None

    def _path(self, code: str) -> Path:
        return self._folder / hashlib.sha256(code.encode()).hexdigest()
