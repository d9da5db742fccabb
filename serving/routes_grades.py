"""Grades: `/v1/reference/grades` and `/proposals`, `/v1/arrivals/{id}/grades`, and the page `/grades`.

What grade an area has is no secret: whoever has an access code may ask. An arrival's places are told to those alone who see it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from schemas.base import format_instant
from schemas.errors import Rejected
from serving import grade_view
from serving.authentication import EVERYBODY, Allow, identify
from serving.pages import Pages
from serving.reasons import words
from serving.routes_explanation import stored_arrival
from serving.routes_units import answer
from serving.services import Services
from serving.texts import Language, catalogue

_GRADES = """With `area` (a code or a name): the grade that holds at `at`, as it was known at `known_at` (else at `at` itself) and
as it is known now, and every row behind it with who said it and why. The longest prefix of the code wins; merged areas bear the
grade of what they became. Without `area`: every row that holds at `at`."""
_PROPOSALS = """What the case counts up to 24:00 of the day propose by the criteria of 17 February 2020, beside the grade decided
for the next day. `possible` are the grades the counts leave open; the highest of them is `proposed`."""
_AT, _KNOWN_AT = "RFC 3339 with offset, or a day; now when left out", "As known at this time"


def router(services: Services, pages: Pages) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["grades"])
    allow = [Depends(Allow(services, EVERYBODY))]

    @routes.get("/v1/reference/grades", description=_GRADES, summary="Grades and their history", dependencies=allow)
    async def grades(
        area: str | None = Query(None, description="Code or name"),
        at: str | None = Query(None, description=_AT),
        known_at: str | None = Query(None, description=_KNOWN_AT),
    ) -> Response:
        when, known = _instants(services, at, known_at)
        snapshot = services.snapshot()
        if area is not None:
            return answer(grade_view.area_view(snapshot, grade_view.read_area(area, snapshot), when, known))
        told = {"at": format_instant(when), "known_at": format_instant(known) if known else None}
        return answer(told | {"grades": grade_view.list_view(snapshot, when, known)})

    @routes.get("/v1/reference/proposals", description=_PROPOSALS, summary="What case counts propose", dependencies=allow)
    async def proposals(
        day: str | None = Query(None, description="YYYY-MM-DD; the newest counted day when left out"),
        known_at: str | None = Query(None, description=_KNOWN_AT),
    ) -> Response:
        _, known = _instants(services, None, known_at)
        return answer(_proposals(services, day, known))

    @routes.get("/v1/arrivals/{event_id}/grades", summary="The grades of an arrival's places", dependencies=allow)
    async def arrival_grades(request: Request, event_id: str) -> Response:
        found = await stored_arrival(services, request.state.who, event_id, grade_view.COLUMNS)
        return answer(grade_view.arrival_view(services.snapshot(), found))

    @routes.get("/grades", include_in_schema=False)
    async def page(request: Request) -> Response:
        if await identify(services, request) is None:
            return RedirectResponse("/login", 303)
        return _page(services, pages, request)

    return routes


def _instants(services: Services, at: str | None, known_at: str | None) -> tuple[datetime, datetime | None]:
    return grade_view.read_instant("at", at) or services.now(), grade_view.read_instant("known_at", known_at)


def _proposals(services: Services, day: str | None, known_at: datetime | None) -> dict[str, Any]:
    snapshot = services.snapshot()
    about = grade_view.read_day(day) if day else grade_view.newest_counted_day(snapshot)
    found = grade_view.proposals_view(snapshot, about, known_at) if about else []
    return {"day": about.isoformat() if about else None, "proposals": found}


def _page(services: Services, pages: Pages, request: Request) -> Response:
    """The page: an area's grade then and now with its history, or all grades in force; and the proposals of a day."""
    given = {name: request.query_params.get(name, "") for name in ("area", "at", "known_at", "day")}
    language, snapshot = pages.language(request), services.snapshot()
    context: dict[str, Any] = {
        "given": given,
        "view": None,
        "listed": [],
        "proposed": {"day": None, "proposals": []},
        "wrong": {},
    }
    try:
        at, known = _instants(services, given["at"], given["known_at"])
        if given["area"]:
            area = grade_view.read_area(given["area"], snapshot)
            context["view"] = grade_view.area_view(snapshot, area, at, known)
        else:
            context["listed"] = grade_view.list_view(snapshot, at, known)
    except Rejected as error:
        context["wrong"] |= _wrong(error, language)
    try:
        _, known = _instants(services, None, given["known_at"])
        context["proposed"] = _proposals(services, given["day"], known)
    except Rejected as error:
        context["wrong"] |= _wrong(error, language)
    status = 400 if context["wrong"] else 200
    return pages.render(request, "grades.html", context | {"w": words(language), "fields": _fields(language)}, status)


def _wrong(error: Rejected, language: Language) -> dict[str, str]:
    return {r.field: r.message_zh if language == "zh" else r.message for r in error.reasons}


def _fields(language: Language) -> list[tuple[str, str]]:
    t = catalogue(language)
    return [(name, t[f"grades.{name}"]) for name in ("area", "at", "known_at", "day")]
