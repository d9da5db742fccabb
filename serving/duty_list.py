"""A unit's list by the state of its duties: which arrivals the desk says, what they are the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reference.snapshot import Snapshot
from schemas.base import LOCAL
from serving.access import Principal
from serving.arrival_json import from_row, told
from serving.database import Database
from serving.desk import lists
from serving.desk.desk import Desk
from serving.desk.duty_json import told_duty
from serving.duties.duty import Duty
from serving.names import place_name
from serving.positions import encode
from serving.units import FIELDS, RISKS, read_choice, read_cursor, read_limit, stored_sql, write_cursor

#: Households of one page.
HOUSEHOLDS = 20
_SQL = f"SELECT {', '.join(FIELDS)}\nFROM v_arrivals WHERE toDate(received_at) IN %(days)s AND event_id IN %(ids)s"


class DutyList:
    """Pages of the desk's lists, in the order and shape of `UnitList`, with the duties by event id beside the arrivals."""

    def __init__(self, database: Database, desk: Desk) -> None:
        self._database = database
        self._desk = desk

    async def page(self, unit: str, asked: Mapping[str, str | None], who: Principal, snapshot: Snapshot) -> dict[str, Any]:
        """One page of the list named `state`. Raises Rejected for a wrong parameter, Unavailable."""
        name = read_choice("state", asked["state"], lists.LISTS) or "open"
        limit, now = read_limit(asked["limit"]), self._desk.situation().now
        after = read_cursor(asked["cursor"]) if asked["cursor"] else None
        risk = read_choice("risk", asked["risk"], RISKS)
        wanted = lists.Asked(name, limit, after, risk)
        # The position first: what moves while the page is read is then told again rather than left out.
        stored = (await self._database.ask(*stored_sql())).rows
        found = await self._desk.run(lambda: lists.page(self._desk.store.engine, unit, wanted, now))
        duties, more = found[:limit], len(found) > limit
        rows = await self._database.run(lambda: self._arrivals(duties, snapshot))
        return {
            "unit": unit,
            "unit_name": place_name(snapshot, unit),
            "arrivals": [rows.get(duty.event_id) or _not_stored_yet(duty, snapshot) for duty in duties],
            "duties": {duty.event_id: told_duty(duty, who, snapshot, now) for duty in duties},
            "next_cursor": write_cursor(duties[-1].facts.received_at, duties[-1].event_id) if more else None,
            "position": encode({int(partition): int(last) for partition, last in stored}),
        }

    async def households(self, unit: str, cursor: str | None, who: Principal, snapshot: Snapshot) -> dict[str, Any]:
        """One page of those under observation, by the phone that answers for them; those who still have to report come first."""
        now, engine = self._desk.situation().now, self._desk.store.engine
        shown, after = await self._desk.run(lambda: lists.households_page(engine, unit, cursor, HOUSEHOLDS, now))
        duties = [duty for household in shown for duty in household.members]
        rows = await self._database.run(lambda: self._arrivals(duties, snapshot))
        return {
            "unit_name": place_name(snapshot, unit),
            "arrivals": [rows.get(duty.event_id) or _not_stored_yet(duty, snapshot) for duty in duties],
            "duties": {duty.event_id: told_duty(duty, who, snapshot, now) for duty in duties},
            "households": shown,
            "next_cursor": after,
        }

    async def duties(self, event_ids: Sequence[str], who: Principal, snapshot: Snapshot) -> dict[str, Any]:
        """The duties of arrivals that were found otherwise, by event id."""
        now = self._desk.situation().now
        found = await self._desk.run(lambda: self._desk.store.find(event_ids))
        return {event_id: told_duty(duty, who, snapshot, now) for event_id, duty in found.items()}

    def _arrivals(self, duties: Sequence[Duty], snapshot: Snapshot) -> dict[str, dict[str, Any]]:
        if not duties:
            return {}
        days = tuple({duty.facts.received_at.astimezone(LOCAL).date() for duty in duties})
        rows = self._database.ask_now(_SQL, {"days": days, "ids": tuple(duty.event_id for duty in duties)}).records()
        return {str(row["event_id"]): told(from_row(row), snapshot) for row in rows}


def _not_stored_yet(duty: Duty, snapshot: Snapshot) -> dict[str, Any]:
    """What the desk itself knows of an arrival that reached it before the database."""
    facts = duty.facts.model_dump(mode="json", include={"revision", "risk", "decision", "received_at", "arrived_on", "site_id"})
    return {"event_id": duty.event_id, **facts, "unit": duty.unit, "unit_name": place_name(snapshot, duty.unit), "stored": False}
