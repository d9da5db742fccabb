"""The device's outbox: a small SQLite file that keeps every scan until the gateway has answered it.

Delivery guarantee: a scan is on the disk (WAL, synchronous=FULL) when `put` returns, and leaves only with the answer
`accepted`, `duplicate` or
`rejected`. A crash between answer and deletion repeats the post with the same id, which the gateway answers `duplicate`.
A full or read-only disk raises at once: the device must show it, since the scan was not taken. The file holds people: mode 0600,
deleted rows are overwritten.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from producers.client import GatewayClient, ScanAnswer
from schemas.errors import Misconfigured, Rejected, Unavailable

_SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting (position INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, body BLOB
NOT NULL);
CREATE TABLE IF NOT EXISTS refused (event_id TEXT PRIMARY KEY, codes TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


class Outbox:
    """One device's waiting scans, oldest first. Safe to use from several threads; one process at a time."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file; raises Misconfigured when the folder cannot be written."""
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise Misconfigured("outbox", f"The outbox cannot be opened ({error}).", "Check folder and disk.") from None

    def put(self, event_id: str, body: bytes) -> None:
        """Keeps one scan; durable on return. The same scan twice is kept once; other content under a kept id is Rejected."""
        with self._transaction() as db:
            known = db.execute("SELECT body FROM waiting WHERE event_id = ?", (event_id,)).fetchone()
            if known is None:
                db.execute("INSERT INTO waiting (event_id, body) VALUES (?, ?)", (event_id, body))
            elif known[0] != body:
                raise Rejected("id_conflict", "Another scan with this event id is waiting already.")

    def next_sequence(self) -> int:
        """The device's next scan number, from 0; a number is never given twice, also across restarts."""
        with self._transaction() as db:
            db.execute("INSERT INTO counter VALUES ('sequence', 0) ON CONFLICT (name) DO UPDATE SET value = value + 1")
            (value,) = db.execute("SELECT value FROM counter WHERE name = 'sequence'").fetchone()
            return int(value)

    def waiting(self) -> int:
        """How many scans are still unanswered."""
        with self._transaction() as db:
            return int(db.execute("SELECT count(*) FROM waiting").fetchone()[0])

    def oldest(self, limit: int) -> list[tuple[str, bytes]]:
        """The oldest waiting scans as (event id, body)."""
        with self._transaction() as db:
            return db.execute("SELECT event_id, body FROM waiting ORDER BY position LIMIT ?", (limit,)).fetchall()

    def settle(self, answered: Sequence[tuple[str, ScanAnswer]]) -> None:
        """Removes answered scans; of the rejected ones id and reason codes stay, so that the staff can see them."""
        refused = [(event_id, ",".join(r.code for r in a.reasons)) for event_id, a in answered if a.status == "rejected"]
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO refused VALUES (?, ?)", refused)
            db.executemany("DELETE FROM waiting WHERE event_id = ?", [(event_id,) for event_id, _ in answered])

    def refused(self) -> dict[str, str]:
        """Event id -> reason codes of the scans the gateway rejected."""
        with self._transaction() as db:
            return dict(db.execute("SELECT event_id, codes FROM refused ORDER BY rowid"))

    async def flush(
        self,
        client: GatewayClient,
        token: str,
        headers: Mapping[str, str] | None = None,
        batch: int = 200,
        on_answer: Callable[[str, ScanAnswer], None] | None = None,
    ) -> Counter[str]:
        """Posts everything that waits, oldest first, and counts the answers by status.

        Raises Unavailable or Refused from the client; whatever was not answered stays.
        """
        counts: Counter[str] = Counter()
        while scans := self.oldest(batch):
            answers = await client.deliver([body for _, body in scans], token, headers)
            answered = [(event_id, answer) for (event_id, _), answer in zip(scans, answers, strict=True)]
            self.settle(answered)
            for event_id, answer in answered:
                counts[answer.status] += 1
                if on_answer is not None:
                    on_answer(event_id, answer)
        self._truncate()
        return counts

    def close(self) -> None:
        """Closes the file; what waits stays in it."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _truncate(self) -> None:
        """Empties the write-ahead log, which still holds the bytes of deleted scans."""
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One durable unit of work; a fault of the disk becomes Unavailable and leaves the file as it was."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                raise Unavailable("outbox_write", f"The outbox cannot be written ({error}).") from None
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
