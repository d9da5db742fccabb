"""The command view, live: every watcher of a county (or of the city) is sent the sections that changed, at most once a tick.

A watcher who is cut off gets the whole overview again on coming back; there is nothing to resume.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson

from reference.snapshot import Snapshot
from schemas.errors import Unavailable
from serving.access import Principal, county_of
from serving.event_stream import EventStream
from serving.hub import Hub
from serving.names import counties
from serving.overview import changes, fold
from serving.overview_feed import TICK_SECONDS, OverviewFeed
from serving.stream import frame

_WATCHING = "overview:"
#: After the last event the database may still be storing: so many ticks are looked at before the feed rests.
_AFTER_TICKS = 10


class Board:
    """Overviews for pages and streams. `run` is the one task that looks and tells."""

    def __init__(self, feed: OverviewFeed, hub: Hub, snapshot: Callable[[], Snapshot], now: Callable[[], datetime]) -> None:
        self._feed = feed
        self._hub = hub
        self._snapshot = snapshot
        self._now = now
        self._told: dict[str, dict[str, Any]] = {}

    async def present(self, who: Principal) -> dict[str, Any]:
        """The overview the principal may see, of the newest day. Raises Unavailable."""
        return fold(await self._feed.look(), county_of(who), counties(self._snapshot()))

    async def open(self, who: Principal) -> EventStream:
        """A stream that begins with the whole overview."""
        key = _WATCHING + (county_of(who) or "")
        reader = self._hub.join(key, who)
        try:
            opening = self._frame(await self.present(who))
        except Unavailable:
            self._hub.leave(reader)
            raise
        return EventStream(
            reader, b"retry: 2000\n\n" + opening, _nothing(), lambda: b": ping\nevent: ping\ndata: {}\n\n", self._hub.leave
        )

    async def run(self) -> None:
        """Looks and tells until cancelled; a database that is away is asked again at the next tick."""
        quiet, seen = 0, -1
        while True:
            await asyncio.sleep(TICK_SECONDS)
            quiet, seen = (quiet + 1, seen) if seen == self._hub.changed else (0, self._hub.changed)
            watched = [key for key in self._hub.watched() if key.startswith(_WATCHING)]
            if not watched or quiet > _AFTER_TICKS:
                continue
            try:
                cube = await self._feed.look()
            except Unavailable:
                continue
            for key in watched:
                self._tell(key, fold(cube, key.removeprefix(_WATCHING) or None, counties(self._snapshot())))

    def _tell(self, key: str, overview: dict[str, Any]) -> None:
        different = changes(self._told.get(key, {}), overview)
        self._told[key] = overview
        if different:
            self._hub.tell(key, self._frame(different))

    def _frame(self, sections: dict[str, Any]) -> bytes:
        return frame("overview", orjson.dumps({**sections, "at": self._now().strftime("%H:%M:%S")}))


async def _nothing() -> bytes:
    return b""
