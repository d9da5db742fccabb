"""Keeps the command view's day fresh: one question to the database per tick for all who watch, and none while nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from time import monotonic
from typing import Any

import orjson

from reference.snapshot import Snapshot
from schemas.base import LOCAL
from serving.arrival_json import plain_value
from serving.database import Database
from serving.names import place_name, site_name
from serving.overview import ALERTS_SQL, CUBE_SQL, DAY_SQL, ORIGINS_SQL, SITES_SQL, Cube
from serving.reasons import reasons

#: Seconds between two looks at the database, and how long a look counts as fresh for a page.
TICK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a day: the cube, and when it was taken (monotonic seconds)."""

    cube: Cube
    taken: float


class OverviewFeed:
    """Looks at the newest day for everybody who watches. `look` shares one answer among callers within a tick."""

    def __init__(self, database: Database, snapshot: Callable[[], Snapshot]) -> None:
        self._database = database
        self._snapshot = snapshot
        self._looks: dict[date | None, Look] = {}
        self._lock = asyncio.Lock()

    async def look(self, day: date | None = None) -> Cube:
        """The cube of a day (the newest when none is named), at most a tick old. Raises Unavailable."""
        async with self._lock:
            look = self._looks.get(day)
            if look is None or monotonic() - look.taken >= TICK_SECONDS:
                cube = await self._database.run(lambda: self._ask(day))
                look = Look(cube, monotonic())
                self._looks = {**{d: v for d, v in self._looks.items() if look.taken - v.taken < TICK_SECONDS}, day: look}
            return look.cube

    def _ask(self, day: date | None) -> Cube:
        ask, snapshot = self._database.ask_now, self._snapshot()
        values = {"day": day or ask(DAY_SQL, {}).rows[0][0]}
        alerts = [self._alert(row) for row in ask(ALERTS_SQL, values).records()]
        origins = [row | {"name": place_name(snapshot, row["code"])} for row in ask(ORIGINS_SQL, values).records()]
        noon = datetime.combine(values["day"], time(12), LOCAL)
        sites = [row | {"name": site_name(snapshot, row["code"], noon)} for row in ask(SITES_SQL, values).records()]
        return Cube(values["day"], ask(CUBE_SQL, values).records(), origins, sites, alerts)

    def _alert(self, row: dict[str, Any]) -> dict[str, Any]:
        snapshot = self._snapshot()

        def name(code: str) -> str:
            return place_name(snapshot, code)

        zh, en = reasons(orjson.loads(row["findings"] or "[]"), row["desk_reason"], name, snapshot.rules)
        told = {field: plain_value(value) for field, value in row.items() if field != "findings"}
        return told | {
            "site_name": site_name(snapshot, row["site_id"], row["occurred_at"]),
            "origin_name": name(row["origin_code"]),
            "unit_name": name(row["unit"]),
            "reason_zh": zh,
            "reason_en": en,
        }
