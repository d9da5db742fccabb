"""Hands live events to the readers of each unit. Lives in one event loop; nothing here blocks.

Guarantee: a reader gets every event of its unit after the position it joined at, in order, once, until it is closed;
then it is told to
come back with its Last-Event-ID. A reader too slow for `BUFFER_BYTES` is closed and counted; the others do not notice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from arrivals.runtime.metrics import Metrics
from schemas.errors import Unavailable
from serving.access import Principal
from serving.stream import Fresh, Ring

BUFFER_BYTES = 1_000_000
MOST_READERS = 5_000
#: Events after which the readers get a turn.
_TURN = 64


class Reader:
    """One open stream: what waits to be written to it. `closed` is the reason it must end, once there is one."""

    def __init__(self, unit: str, who: Principal) -> None:
        self.unit = unit
        self.who = who
        self.closed: str | None = None
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()

    def push(self, chunk: bytes) -> bool:
        """Queues a chunk; False when the reader is too far behind."""
        if self._bytes + len(chunk) > BUFFER_BYTES:
            return False
        self._waiting.append(chunk)
        self._bytes += len(chunk)
        self._wake.set()
        return True

    def close(self, reason: str) -> None:
        """Ends the stream; a reader who is too slow does not get what is queued, its position stays true."""
        self.closed = self.closed or reason
        if reason == "slow":
            self._waiting.clear()
        self._wake.set()

    async def take(self, timeout_seconds: float) -> bytes:
        """Everything queued, joined; empty after the timeout or at the end."""
        if not self._waiting and not self.closed:
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self._wake.wait()
            except TimeoutError:
                return b""
        self._wake.clear()
        chunk = b"".join(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        return chunk


class Hub:
    """The ring and its readers. `changed` counts events, for those who only want to know that something happened."""

    def __init__(self, metrics: Metrics) -> None:
        self.changed = 0
        self._ring: Ring | None = None
        self._count = 0
        self._readers: dict[str, set[Reader]] = {}
        self._open = metrics.gauge("arrivals_api_streams")
        self._events = metrics.counter("arrivals_api_stream_events_total")
        self._dropped = metrics.counter("arrivals_api_streams_dropped_total")

    def begin(self, ring: Ring) -> None:
        """Takes the ring into use, once the topic's position is known."""
        self._ring = ring

    @property
    def ring(self) -> Ring:
        """The ring. Raises Unavailable until the topic is being read."""
        if self._ring is None:
            raise Unavailable("live_not_ready", "The live stream is still starting.", 2)
        return self._ring

    def join(self, unit: str, who: Principal) -> Reader:
        """A new reader of a unit, from the ring's present position on. Raises Unavailable when there are too many."""
        if self._count >= MOST_READERS:
            raise Unavailable("too_many_streams", "Too many streams are open here.", 10)
        reader = Reader(unit, who)
        self._readers.setdefault(unit, set()).add(reader)
        self._count += 1
        self._open.inc()
        return reader

    def leave(self, reader: Reader) -> None:
        """Forgets a reader; harmless when repeated."""
        readers = self._readers.get(reader.unit, set())
        if reader in readers:
            readers.discard(reader)
            self._count -= 1
            self._open.dec()
            if not readers:
                del self._readers[reader.unit]

    async def publish(self, batch: Sequence[Fresh]) -> None:
        """Takes a batch into the ring and hands each new event to the readers of the units that see it.

        Lets the readers' tasks write in between: in a burst a reader must not look slow only because it had no turn.
        """
        for number, fresh in enumerate(batch, 1):
            event = self.ring.append(fresh)
            if event is not None:
                self.changed += 1
                for unit in event.units & self._readers.keys():
                    self._hand(unit, event.frame)
            if number % _TURN == 0:
                await asyncio.sleep(0)

    def watched(self) -> list[str]:
        """The units (and other keys) somebody reads."""
        return list(self._readers)

    def tell(self, unit: str, chunk: bytes) -> None:
        """Hands a frame that is not of the ring to the readers of one key."""
        if unit in self._readers:
            self._hand(unit, chunk)

    def principals(self) -> set[Principal]:
        """Those who read."""
        return {reader.who for readers in self._readers.values() for reader in readers}

    def sweep(self, valid: Callable[[Principal], bool]) -> None:
        """Closes the readers whose right no longer holds."""
        for readers in list(self._readers.values()):
            for reader in list(readers):
                if not valid(reader.who):
                    reader.close("revoked")

    def close(self) -> None:
        """Says farewell to everybody: the process is going to stop."""
        for readers in list(self._readers.values()):
            for reader in list(readers):
                reader.close("shutdown")

    def _hand(self, unit: str, chunk: bytes) -> None:
        for reader in list(self._readers[unit]):
            if reader.closed:
                continue
            if reader.push(chunk):
                self._events.inc()
            else:
                self._dropped.inc()
                reader.close("slow")
