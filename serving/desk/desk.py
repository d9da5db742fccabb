"""The desk as the routes use it: the store behind a few threads, so that the event loop never waits for a database."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from arrivals.runtime.desk_engine import reading
from arrivals.runtime.keys import KeyStore
from reference.snapshot import Snapshot
from schemas.errors import ArrivalsError
from schemas.sealing import NONCE_BYTES
from serving.desk.schema import check_desk
from serving.desk.store import DeskStore
from serving.duties.situation import Situation, situation
from serving.threads import Threads

T = TypeVar("T")
THREADS = 8
#: Requests that may wait for a thread before new ones are turned away.
WAITING = 200
_PROBE_SECONDS = 3


class Desk:
    """The store, the situation of the moment, and threads to ask in."""

    def __init__(self, store: DeskStore, snapshot: Callable[[], Snapshot], now: Callable[[], datetime]) -> None:
        self.store = store
        self._snapshot = snapshot
        self._now = now
        self._threads = Threads("desk", THREADS, WAITING)

    def situation(self) -> Situation:
        """The situation now."""
        return situation(self._snapshot(), self._now())

    async def run(self, work: Callable[[], T]) -> T:
        """Runs blocking work in one of the threads. Raises Unavailable when too much waits."""
        return await self._threads.run(work)

    def problem(self) -> str | None:
        """None when the database answers in time and has its schema, else what is wrong."""
        try:
            self._threads.submit(self._probe).result(_PROBE_SECONDS)
        except ArrivalsError as error:
            return error.message
        except (TimeoutError, RuntimeError):
            return "the desk's database does not answer"
        return None

    def close(self) -> None:
        """Waits for what is running and closes the connections."""
        self._threads.close()
        self.store.engine.dispose()

    def _probe(self) -> None:
        check_desk(self.store.engine)
        with reading(self.store.engine):
            pass


def note_seal(keys: KeyStore) -> Callable[[str, str, str], str]:
    """Seals notes under the key of the arrival's day, so that they are erased with it."""
    return lambda text, event_id, key_id: keys.seal(key_id, "note").close(
        text.encode(), event_id, secrets.token_bytes(NONCE_BYTES)
    )
