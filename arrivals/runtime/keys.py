"""The key store: one key per local day, and the long-lived secret behind person and plate keys.

A file of mode 0600, replaced atomically under a lock, so that several gateways on one machine share it. A reader that
meets a day it
does not know reads the file again. `destroy` removes a day's key; nothing of that day can be opened afterwards.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import Misconfigured, Rejected
from schemas.sealing import KEY_BYTES, Purpose, Seal


class KeyStore:
    """Day keys by day (`2020-02-18`) and the linking secret. Not thread-safe for writing; reading is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._days: dict[str, bytes] = {}
        self._destroyed: set[str] = set()
        self._linking = b""
        self._seals: dict[tuple[str, Purpose], Seal] = {}
        self._version = (0, 0)

    @classmethod
    def open(cls, path: Path, *, create: bool) -> KeyStore:
        """Opens the store; with `create` a missing one is made. Raises Misconfigured when it is missing or readable by others."""
        store = cls(path)
        if create and not path.exists():
            with store._locked():
                if not path.exists():
                    store._linking = secrets.token_bytes(KEY_BYTES)
                    store._write()
        store.reload()
        return store

    @property
    def linking_secret(self) -> bytes:
        """The secret of `schemas.sealing.keyed_hash`; it outlives the days."""
        return self._linking

    def refresh(self) -> None:
        """Reads the file anew when it is another one than before."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            found = None
        if found is None or (found.st_mtime_ns, found.st_ino) != self._version:
            self.reload()

    def reload(self) -> None:
        """Reads the file anew."""
        try:
            found = self._path.stat()
            self._version = (found.st_mtime_ns, found.st_ino)
            if found.st_mode & 0o077:
                raise Misconfigured("keys_exposed", f"{self._path} is readable by others.", f"Run: chmod 600 {self._path}")
            content = json.loads(self._path.read_text("utf-8"))
            self._linking = b64decode(content["linking"])
            self._days = {day: b64decode(key) for day, key in content["days"].items()}
            self._destroyed = set(content["destroyed"])
        except FileNotFoundError:
            raise Misconfigured(
                "keys_missing", f"The key store {self._path} does not exist.", "Set ARRIVALS_KEYS_FILE."
            ) from None
        except (ValueError, KeyError, TypeError):
            raise Misconfigured("keys_damaged", f"The key store {self._path} is damaged.", "Restore it from backup.") from None
        self._seals = {name: seal for name, seal in self._seals.items() if name[0] in self._days}

    def seal(self, day: str, purpose: Purpose) -> Seal:
        """The seal to open records of a day. Raises Rejected (`key_destroyed`, `key_unknown`) when there is no key any more."""
        found = self._seals.get((day, purpose))
        if found is not None:
            return found
        if day not in self._days:
            self.reload()
        if day in self._destroyed:
            raise Rejected("key_destroyed", f"The key of {day} was destroyed; its records cannot be opened.")
        if day not in self._days:
            raise Rejected("key_unknown", f"There is no key for {day}.")
        self._seals[day, purpose] = Seal(self._days[day], purpose)
        return self._seals[day, purpose]

    def seal_for_writing(self, day: str, purpose: Purpose) -> Seal:
        """The seal of a day for new records; the day's key is made on first use. A destroyed day is never made again."""
        found = self._seals.get((day, purpose))
        if found is None and day not in self._days:
            with self._locked():
                self.reload()
                if day not in self._days and day not in self._destroyed:
                    self._days[day] = secrets.token_bytes(KEY_BYTES)
                    self._write()
        return found or self.seal(day, purpose)

    def destroy(self, day: str) -> None:
        """Destroys the key of a day: erases every identity received on it, everywhere, for ever."""
        with self._locked():
            self.reload()
            self._days.pop(day, None)
            self._destroyed.add(day)
            self._write()
        self.reload()

    def days(self) -> tuple[str, ...]:
        """The days that can still be opened, ascending."""
        return tuple(sorted(self._days))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self._path.with_suffix(".lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self) -> None:
        content = {
            "linking": b64encode(self._linking).decode(),
            "days": {day: b64encode(key).decode() for day, key in sorted(self._days.items())},
            "destroyed": sorted(self._destroyed),
        }
        fresh = self._path.with_suffix(".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
