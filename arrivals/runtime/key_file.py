"""Files that hold one random key: made on first use where that is allowed, read by everybody else."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from schemas.errors import Misconfigured

KEY_BYTES = 32


def read_key(path: Path, name: str, *, create: bool) -> bytes:
    """The key in a file; with `create` a missing one is made (mode 0600). Raises Misconfigured when it is missing or too short.

    `name` says what it is for, and is the code of the error.
    """
    if create and not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):  # another part of ours was quicker
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
    try:
        key = path.read_bytes()
    except OSError:
        raise Misconfigured(name, f"The key file {path} cannot be read.", f"Set ARRIVALS_{name.upper()}_FILE.") from None
    if len(key) < KEY_BYTES:
        raise Misconfigured(name, f"The key file {path} is too short.", "Write 32 random bytes into it.")
    return key
