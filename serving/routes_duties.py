"""The state of duties: of one arrival, of a unit and the units below it, and of this half-day's reports. Reading only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from serving.access import TRACING, Principal
from serving.authentication import EVERYBODY, Allow
from serving.desk import lists, trail
from serving.desk.duty_json import told_duty
from serving.duties.duty import Duty
from serving.duties.households import Household
from serving.duties.rights import parts
from serving.names import place_name
from serving.problems import not_found
from serving.routes_desk import known_id
from serving.routes_units import admit, answer
from serving.services import Services
from serving.units import read_limit

_HISTORY = 200


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["desk"], dependencies=[Depends(Allow(services, EVERYBODY))])
    desk = services.desk

    def told(duty: Duty, who: Principal) -> dict[str, Any]:
        return told_duty(duty, who, services.snapshot(), desk.situation().now)

    @routes.get("/arrivals/{event_id}/duty", summary="The state of an arrival's duty and how it came about")
    async def duty(request: Request, event_id: str) -> Response:
        who, known = request.state.who, known_id(event_id)
        found, history, others = await desk.run(lambda: _look(services, known, who))
        also = [{"unit": o.unit, "unit_name": place_name(services.snapshot(), o.unit), "state": o.state} for o in others]
        return answer(told(found, who) | {"history": [_line(line, who) for line in history], "already_with": also})

    @routes.get("/units/{unit}/duties", summary="How many duties are in each list of a unit and of the units below")
    async def progress(request: Request, unit: str) -> Response:
        admit(services, request.state.who, unit)
        now, engine, snapshot = desk.situation().now, desk.store.engine, services.snapshot()
        counts, below = await desk.run(lambda: (lists.counts(engine, unit, now), lists.progress(engine, unit, now)))
        rows = [{"unit": code, "unit_name": place_name(snapshot, code), **found} for code, found in below.items()]
        return answer({"unit": unit, "unit_name": place_name(snapshot, unit), "counts": counts, "below": rows})

    @routes.get("/units/{unit}/observations", summary="Who has to report in this half-day, by household")
    async def observations(request: Request, unit: str) -> Response:
        who = request.state.who
        admit(services, who, unit)
        now, engine, asked = desk.situation().now, desk.store.engine, request.query_params
        limit, cursor = read_limit(asked.get("limit")), asked.get("cursor")
        people, missing = await desk.run(lambda: lists.observed(engine, unit, now))
        shown, after = await desk.run(lambda: lists.households_page(engine, unit, cursor, limit, now))
        rows = [_household(household, lambda duty: told(duty, who)) for household in shown]
        numbers = {"expected": people, "reported": people - missing, "missing": missing}
        return answer({"unit": unit, **numbers, "households": rows, "next_cursor": after})

    return routes


def _look(services: Services, event_id: str, who: Principal) -> tuple[Duty, list[dict[str, Any]], list[Duty]]:
    """A duty with its history and what other units have of the same person. Raises Refused (404) for strangers."""
    desk, engine = services.desk, services.desk.store.engine
    found = desk.store.find([event_id]).get(event_id)
    if found is None or not parts(who, found, desk.situation().now) - {"author"}:
        raise not_found()
    return found, trail.newest(engine, _HISTORY, event_id=event_id), lists.others_of(engine, [found])[event_id]


def _household(household: Household, told: Callable[[Duty], dict[str, Any]]) -> dict[str, Any]:
    return {
        "answers": household.answers,
        "members": [told(duty) for duty in household.members],
        "missing": [duty.event_id for duty in household.missing],
    }


def _line(line: dict[str, Any], who: Principal) -> dict[str, Any]:
    """A line of the trail; without the case whose contact the person is, for everybody but the desks that trace."""
    told = {name: line[name] for name in ("line", "at", "actor", "role", "kind", "detail")}
    kept = {name: value for name, value in told["detail"].items() if name != "case" or who.role in TRACING}
    return told | {"detail": kept}
