"""The memory of the live stream: the last events with their SSE frames, ready to be sent again. Pure.

Guarantee: `since(position, unit)` gives every event of that unit after the position, in order and once, provided
`covers(position)`.
A record the topic holds twice (the router delivers at least once) is one event as long as the first is in the ring;
after that a client
sees it again with the same event id and revision and replaces its row.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from serving.positions import START, Position, encode, reached


@dataclass(frozen=True, slots=True)
class Fresh:
    """A record just read: its coordinates, its identity (event id, revision), who sees it, its JSON, and the name of the event.

    One that nobody sees only moves the position.
    """

    partition: int
    offset: int
    identity: tuple[str, int]
    units: frozenset[str]
    body: bytes
    event: str = "arrival"


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the stream: `frame` is what goes over the wire, encoded once for all readers."""

    partition: int
    offset: int
    identity: tuple[str, int]
    units: frozenset[str]
    frame: bytes


def frame(event: str, data: bytes, position: Position | None = None) -> bytes:
    """One SSE frame. `data` holds no line break (JSON never does)."""
    number = f"id: {encode(position)}\n".encode() if position is not None else b""
    return b"%sevent: %s\ndata: %s\n\n" % (number, event.encode(), data)


def mark(position: Position, event: bytes = b"") -> bytes:
    """A frame, by default without an event, that moves the reader's Last-Event-ID, so that a quiet unit need not
    catch up from far behind.
    """
    return b": ping\nid: %s\n%s\n" % (encode(position).encode(), event)


def replay(events: Iterable[Event], position: Position) -> list[bytes]:
    """The frames of remembered events for one reader who stands at `position`; their ids never fall behind it.

    An event's own id tells how far *this* process had read. A reader who comes from another process may be further in
    one partition, and
    would get events twice if its position went back.
    """
    running, frames = dict(position), []
    for event in events:
        running[event.partition] = event.offset
        frames.append(f"id: {encode(running)}\n".encode() + event.frame.partition(b"\n")[2])
    return frames


class Ring:
    """The last `capacity` events. `position` is what was read, `floor` what was read and is no longer remembered."""

    def __init__(self, capacity: int, start: Position) -> None:
        self._events: deque[Event] = deque()
        self._capacity = capacity
        self._identities: set[tuple[str, int]] = set()
        self.position = dict(start)
        self.floor = dict(start)

    def append(self, fresh: Fresh) -> Event | None:
        """Takes a record in; None when it repeats an event that is still remembered, or an offset already read."""
        if fresh.offset <= self.position.get(fresh.partition, START):
            return None
        self.position[fresh.partition] = fresh.offset
        if fresh.identity in self._identities or not fresh.units:
            return None
        event = Event(fresh.partition, fresh.offset, fresh.identity, fresh.units, frame(fresh.event, fresh.body, self.position))
        self._events.append(event)
        self._identities.add(event.identity)
        if len(self._events) > self._capacity:
            self._forget()
        return event

    def covers(self, position: Position) -> bool:
        """Whether everything after `position` is still remembered."""
        return reached(position, self.floor)

    def ahead(self, position: Position) -> bool:
        """Whether `position` claims something that was not read yet: from another topic, or from a future that never was."""
        return not reached(self.position, position)

    def since(self, position: Position, unit: str) -> list[Event]:
        """The unit's remembered events after `position`, in order."""
        if reached(position, self.position):
            return []
        return [e for e in self._events if unit in e.units and e.offset > position.get(e.partition, START)]

    def _forget(self) -> None:
        gone = self._events.popleft()
        self._identities.discard(gone.identity)
        self.floor[gone.partition] = gone.offset
