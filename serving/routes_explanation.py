"""Why an arrival was decided as it was: `/v1/arrivals/{id}/explanation` for machines, `/arrivals/{id}` for people.

Scoped like the arrival itself: what is not yours answers exactly like what does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from serving.access import EVERYONE, TRACING, Principal, arrival_restriction
from serving.authentication import EVERYBODY, Allow, identify
from serving.duties.rights import parts
from serving.explanation import COLUMNS, explain, explanation_sql
from serving.explanation_text import as_lines
from serving.names import place_name
from serving.pages import Pages
from serving.problems import not_found
from serving.reasons import words
from serving.routes_units import answer
from serving.services import Services
from serving.versions import versions_sql

_DESCRIPTION = """Where from and where to, how both were located, every rule that spoke with its evidence, source and version,
the grade rows and the pass it rests on, and the one that decided; every version, what changed
in it, who changed it and why. `text_zh` and `text_en` say the same in plain words."""


def router(services: Services, pages: Pages) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["units"])
    allow = [Depends(Allow(services, EVERYBODY))]

    @routes.get("/v1/arrivals/{event_id}/explanation", description=_DESCRIPTION, summary="Why", dependencies=allow)
    async def explanation(request: Request, event_id: str) -> Response:
        told = await _explained(services, request.state.who, event_id)
        return answer(told | {f"text_{tongue}": _lines(services, told, tongue) for tongue in ("zh", "en")})

    @routes.get("/arrivals/{event_id}", include_in_schema=False)
    async def page(request: Request, event_id: str) -> Response:
        who = await identify(services, request)
        if who is None:
            return RedirectResponse("/login", 303)
        told, language = await _explained(services, who, event_id), pages.language(request)
        lines = _lines(services, told, language)
        context = {"told": told, "lines": lines, "w": words(language), "tracing": who.role in TRACING}
        return pages.render(request, "arrival.html", context)

    return routes


async def _explained(services: Services, who: Principal, event_id: str) -> dict[str, Any]:
    """The explanation of an arrival the principal may look at. Raises Refused (404) for every other id."""
    found = await stored_arrival(services, who, event_id, COLUMNS)
    history = (await services.database.ask(*versions_sql(event_id))).records()
    return explain(found, services.snapshot(), history)


async def stored_arrival(services: Services, who: Principal, event_id: str, columns: Sequence[str]) -> dict[str, Any]:
    """The present version of an arrival the principal may look at. Raises Refused (404) for every other id."""
    try:
        known = str(UUID(event_id))
    except ValueError:
        raise not_found() from None
    if known != event_id:
        raise not_found()
    former = services.snapshot().former(who.scope, services.now())
    found = (await services.database.ask(*explanation_sql(event_id, arrival_restriction(who, former), columns))).records()
    if not found and await in_hands(services, who, event_id):
        found = (await services.database.ask(*explanation_sql(event_id, EVERYONE, columns))).records()
    if not found:
        raise not_found()
    return found[0]


async def in_hands(services: Services, who: Principal, event_id: str) -> bool:
    """Whether the arrival came into the caller's hands otherwise than by its routing: a transfer, an escalation."""
    desk = services.desk
    duty = (await desk.run(lambda: desk.store.find([event_id]))).get(event_id)
    return duty is not None and bool(parts(who, duty, desk.situation().now) - {"author"})


def _lines(services: Services, told: dict[str, Any], language: Any) -> list[str]:
    snapshot = services.snapshot()
    return as_lines(told, lambda code: place_name(snapshot, code), language)
