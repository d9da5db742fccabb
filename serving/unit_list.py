"""Reads a unit's list from the database, with the position up to which it surely holds the topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from reference.snapshot import Snapshot
from schemas.base import LOCAL
from serving.arrival_json import from_row, told
from serving.database import Database
from serving.desk.lists import LISTS
from serving.names import place_name
from serving.overview import DAY_SQL
from serving.positions import encode
from serving.units import (
    RISKS,
    STATES,
    STRETCHES,
    Page,
    count_sql,
    first_day,
    local_day,
    page_sql,
    read_choice,
    read_cursor,
    read_limit,
    stored_sql,
    worth_asking,
    write_cursor,
)


class UnitList:
    """Pages of units' lists. All questions of one page are asked in one worker thread, the position first."""

    def __init__(self, database: Database, snapshot: Callable[[], Snapshot]) -> None:
        self._database = database
        self._snapshot = snapshot

    async def page(self, unit: str, asked: Mapping[str, str | None]) -> dict[str, Any]:
        """One page as the API answers it. Raises Rejected for a wrong parameter, Unavailable."""
        read_choice("state", asked["state"], (*STATES, *LISTS))
        page = Page(
            limit=read_limit(asked["limit"]),
            after=read_cursor(asked["cursor"]) if asked["cursor"] else None,
            risk=read_choice("risk", asked["risk"], RISKS),
        )
        return await self._database.run(lambda: self._read(unit, page))

    async def counts(self, unit: str) -> dict[str, Any]:
        """The newest day and the unit's counts on it by risk: `{"day", "arrivals", "fever", "high", …}`."""
        return await self._database.run(lambda: self._count(unit))

    def _read(self, unit: str, page: Page) -> dict[str, Any]:
        ask, snapshot = self._database.ask_now, self._snapshot()
        stored = {int(partition): int(last) for partition, last in ask(*stored_sql()).rows}
        newest = local_day(datetime.fromtimestamp(page.after[0] / 1000, LOCAL)) if page.after else ask(DAY_SQL, {}).rows[0][0]
        rows: list[dict[str, Any]] = []
        looked = 0
        for days in STRETCHES:
            if len(rows) <= page.limit and worth_asking(days, looked, len(rows), page.limit):
                rows, looked = ask(*page_sql(unit, page, first_day(newest, days))).records(), days or looked
        more, rows = len(rows) > page.limit, rows[: page.limit]
        return {
            "unit": unit,
            "unit_name": place_name(snapshot, unit),
            "arrivals": [told(from_row(row), snapshot) for row in rows],
            "next_cursor": write_cursor(rows[-1]["received_at"], str(rows[-1]["event_id"])) if more else None,
            "position": encode(stored),
        }

    def _count(self, unit: str) -> dict[str, Any]:
        ask = self._database.ask_now
        day: date = ask(DAY_SQL, {}).rows[0][0]
        rows = ask(*count_sql(unit, day)).records()
        counts: dict[str, Any] = dict.fromkeys(RISKS, 0) | {row["risk"]: row["arrivals"] for row in rows}
        counts |= {"arrivals": sum(row["arrivals"] for row in rows), "fever": sum(row["fever"] for row in rows)}
        return counts | {"day": day.isoformat()}
