"""What `arrivals` holds, by event and version: a digest of the bytes, in a file on disk, so that memory stays bounded."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

_SCHEMA = """CREATE TABLE held (
    event BLOB, revision INTEGER, cause TEXT, digest BLOB, conflicts INTEGER DEFAULT 0, seen INTEGER DEFAULT 0,
    PRIMARY KEY (event, revision)
) WITHOUT ROWID"""
_KEEP = """INSERT INTO held (event, revision, cause, digest) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET conflicts = conflicts + (digest != excluded.digest)"""


class Held(NamedTuple):
    """One version: under which reference version, why, and the digest of its bytes."""

    revision: int
    cause: str
    digest: bytes


class HeldVersions:
    """Filled once with the records of the topic, then asked event by event."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(_SCHEMA)

    def keep(self, versions: Iterable[tuple[str, Held]]) -> None:
        """Takes versions of events in; one that says something else under the same version is a conflict."""
        self._db.execute("BEGIN")
        self._db.executemany(_KEEP, ((UUID(event).bytes, *held) for event, held in versions))
        self._db.execute("COMMIT")

    def of(self, event_id: str) -> list[Held]:
        """The versions of an event, oldest first; from now on the event counts as seen."""
        event = UUID(event_id).bytes
        found = self._db.execute(
            "SELECT revision, cause, digest FROM held WHERE event = ? ORDER BY revision", (event,)
        ).fetchall()
        if found:
            self._db.execute("UPDATE held SET seen = 1 WHERE event = ? AND seen = 0", (event,))
        return [Held(*row) for row in found]

    def conflicts(self) -> int:
        """Records that contradict another one of the same event and version."""
        return int(self._db.execute("SELECT coalesce(sum(conflicts), 0) FROM held").fetchone()[0])

    def unseen(self) -> list[str]:
        """Events nobody asked for: versions without a scan; at most a hundred."""
        found = self._db.execute("SELECT DISTINCT event FROM held WHERE seen = 0 LIMIT 100")
        return [str(UUID(bytes=row[0])) for row in found]

    def close(self) -> None:
        """Closes the file."""
        self._db.close()


def digest(value: bytes) -> bytes:
    """What is kept of a record's bytes."""
    return hashlib.blake2b(value, digest_size=16).digest()
