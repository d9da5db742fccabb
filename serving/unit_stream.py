"""Where a unit's stream starts: from memory, from the database, or anew.

Guarantee: after the opening no event of the unit is missing. From memory when the ring still has everything after the
reader's position;
otherwise the older part from ClickHouse, once the sink has stored it; otherwise `event: reset`, after which the
reader has to fetch the
list. Events the list may not hold yet are sent again then, and a reader replaces rows by event id and revision.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import orjson

from reference.snapshot import Snapshot
from schemas.errors import Unavailable
from serving.access import Principal
from serving.arrival_json import from_row, told
from serving.database import Database
from serving.event_stream import EventStream
from serving.hub import Hub, Reader
from serving.moves import event_name, moves_sql, told_move
from serving.positions import Position, decode, furthest, reached
from serving.stream import Event, frame, mark, replay
from serving.units import backfill_sql, stored_sql

#: A reader who missed more fetches the list anew.
MOST_BACKFILLED = 2_000
_WAIT_SECONDS, _AHEAD_SECONDS, _LOOKS = 0.25, 0.05, 12
_RETRY_MS = (1_000, 5_000)


class UnitStreams:
    """Opens streams of units."""

    def __init__(self, hub: Hub, database: Database, snapshot: Callable[[], Snapshot]) -> None:
        self._hub = hub
        self._database = database
        self._snapshot = snapshot

    async def open(self, unit: str, who: Principal, after: str | None) -> EventStream:
        """The stream of a unit after a position. Raises Refused (400) for a position that is none, Unavailable."""
        position = decode(after) if after else None
        ring = self._hub.ring
        for _ in range(_LOOKS if position else 0):
            # A reader who comes from another process may be a moment ahead of this one.
            if not ring.ahead(position or {}):
                break
            await asyncio.sleep(_AHEAD_SECONDS)
        here = dict(ring.position)
        # From here to the end of `join` nothing is awaited: no event can slip in between memory and queue.
        floor = dict(ring.floor)
        remembered = ring.since({}, unit) if position is None or not ring.covers(position) else ring.since(position, unit)
        reader = self._hub.join(unit, who)
        jitter = random.randint(*_RETRY_MS)  # noqa: S311
        if position is not None and not ring.ahead(position) and ring.covers(position):
            backlog = _now(b"".join(replay(remembered, position)) + mark(here))
        elif position is not None and not ring.ahead(position):
            backlog = self._older(unit, position, floor, remembered, here)
        else:
            backlog = self._anew(unit, "start" if position is None else "reset", remembered, here)
        return EventStream(reader, b"retry: %d\n\n" % jitter, backlog, self._ping, self._left)

    async def stored(self) -> dict[int, int]:
        """Up to where the database surely holds the topics. Raises Unavailable."""
        table = await self._database.ask(*stored_sql())
        return {int(partition): int(last) for partition, last in table.rows}

    def _ping(self) -> bytes:
        return mark(self._hub.ring.position, b"event: ping\ndata: {}\n")

    def _left(self, reader: Reader) -> None:
        self._hub.leave(reader)

    async def _older(self, unit: str, position: Position, floor: Position, remembered: list[Event], here: Position) -> bytes:
        try:
            for _ in range(_LOOKS):
                if reached(await self.stored(), floor):
                    break
                await asyncio.sleep(_WAIT_SECONDS)
            else:
                return await self._anew(unit, "reset", remembered, here)
            sql, values = backfill_sql(unit, position, floor, MOST_BACKFILLED + 1)
            rows = (await self._database.ask(sql, values)).records()
            moves = (await self._database.ask(*moves_sql(unit, position, floor, MOST_BACKFILLED + 1))).records()
        except Unavailable:
            return await self._anew(unit, "reset", remembered, here)
        if len(rows) + len(moves) > MOST_BACKFILLED:
            return await self._anew(unit, "reset", remembered, here)
        running, frames, snapshot = dict(position), [], self._snapshot()
        for row in rows:
            running[row["kafka_partition"]] = row["kafka_offset"]
            frames.append(frame("arrival", orjson.dumps(told(from_row(row), snapshot)), running))
        for row in moves:
            running[row["partition"]] = row["kafka_offset"]
            frames.append(frame(event_name(row), orjson.dumps(told_move(row, snapshot)), running))
        from_here = furthest(position, floor)
        unseen = [e for e in remembered if e.offset > from_here.get(e.partition, -1)]
        return b"".join([*frames, *replay(unseen, from_here), mark(here)])

    async def _anew(self, unit: str, event: str, remembered: list[Event], here: Position) -> bytes:
        """The opening without a usable position: the reader fetches the list, and gets here what the list may lack."""
        try:
            stored = await self.stored()
        except Unavailable:
            stored = {}
        unsure = [e for e in remembered if e.offset > stored.get(e.partition, -1)]
        body = orjson.dumps({"unit": unit})
        return b"".join([frame(event, body), *replay(unsure, stored), mark(here)])


async def _now(backlog: bytes) -> bytes:
    return backlog
