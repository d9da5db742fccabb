"""What the page of duties asks for: a list, the households under observation, or how the units below get on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reference.snapshot import Snapshot
from serving.access import Principal
from serving.database import Database
from serving.desk import lists
from serving.desk.desk import Desk
from serving.duty_list import DutyList
from serving.duty_views import BELOW, duty_cards, household_views, progress_rows, tab_names, tabs
from serving.names import place_name, short_name
from serving.texts import Language

_PAGE = "20"
_TOWNSHIPS_OF = 6


class DutyPage:
    """Makes the context of the template; one question to the desk and one to the database, whatever the number of people."""

    def __init__(self, database: Database, desk: Desk) -> None:
        self._desk = desk
        self._lists = DutyList(database, desk)

    async def context(
        self, unit: str, asked: Mapping[str, str | None], who: Principal, snapshot: Snapshot, language: Language
    ) -> dict[str, Any]:
        """The page of a unit. Raises Rejected for a wrong parameter, Unavailable."""
        names, now = tab_names(unit), self._desk.situation().now
        chosen = asked["state"] or names[0]
        shown = await self._shown(unit, chosen, asked["cursor"], who, snapshot)
        counts = await self._desk.run(lambda: lists.counts(self._desk.store.engine, unit, now))
        return {
            "unit": unit,
            "name": place_name(snapshot, unit),
            "chosen": chosen,
            "tabs": tabs(names, counts, chosen, language),
            "cards": duty_cards(shown, language),
            "households": household_views(shown, language),
            "below": progress_rows(shown, lambda code: short_name(snapshot, code)),
            "states": lists.PROGRESS,
            "next": shown["next_cursor"],
            "at": _at(now),
            "townships": [(area.code, area.name) for area in snapshot.gazetteer.children(unit.partition("-")[0][:_TOWNSHIPS_OF])],
        }

    async def _shown(self, unit: str, chosen: str, cursor: str | None, who: Principal, snapshot: Snapshot) -> dict[str, Any]:
        if chosen == BELOW:
            now, engine = self._desk.situation().now, self._desk.store.engine
            below = await self._desk.run(lambda: lists.progress(engine, unit, now))
            return {"arrivals": [], "duties": {}, "below": below, "next_cursor": None}
        if chosen == "observing":
            return await self._lists.households(unit, cursor, who, snapshot)
        return await self._lists.page(unit, {"state": chosen, "risk": None, "cursor": cursor, "limit": _PAGE}, who, snapshot)


def _at(now: datetime) -> str:
    return f"{now:%m-%d %H:%M}"
