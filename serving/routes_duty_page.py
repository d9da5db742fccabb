"""The phone page of a unit's duties: lists by state, acts with undo, name and phone on request. It acts through `/v1`."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from serving.access import HEALTH
from serving.authentication import EVERYBODY, Allow, identify
from serving.desk import lists
from serving.duty_list import DutyList
from serving.duty_views import HEALTH_TABS, TABS, duty_cards, page_words, tabs
from serving.names import short_name
from serving.pages import Pages
from serving.problems import not_found
from serving.routes_units import admit, answer
from serving.services import Services

_PAGE = "20"
_CITY_DIGITS = 4


def router(services: Services, pages: Pages) -> APIRouter:
    """The routes."""
    routes = APIRouter(include_in_schema=False)
    by_duty, desk = DutyList(services.database, services.desk), services.desk

    @routes.get("/units/{unit}/duties")
    async def duties(request: Request, unit: str, state: str | None = None, cursor: str | None = None) -> Response:
        who = await identify(services, request)
        if who is None:
            return RedirectResponse("/login", 303)
        admit(services, who, unit)
        names = HEALTH_TABS if unit.endswith(HEALTH) else TABS
        chosen, language, snapshot = state or names[0], pages.language(request), services.snapshot()
        asked = {"state": chosen, "risk": None, "cursor": cursor, "limit": _PAGE}
        page, now = await by_duty.page(unit, asked, who, snapshot), desk.situation().now
        counts = await desk.run(lambda: lists.counts(desk.store.engine, unit, now))
        context = {
            "unit": unit,
            "name": page["unit_name"],
            "chosen": chosen,
            "tabs": tabs(names, counts, chosen, language),
            "cards": duty_cards(page, language),
            "next": page["next_cursor"],
            "townships": [(area.code, area.name) for area in snapshot.gazetteer.children(unit.partition("-")[0][:6])],
        }
        return pages.render(request, "duties.html", context | page_words(language))

    @routes.get("/v1/areas/{area}/units", dependencies=[Depends(Allow(services, EVERYBODY))])
    async def below(area: str) -> Response:
        snapshot = services.snapshot()
        if not area.isdigit() or len(area) < _CITY_DIGITS or snapshot.gazetteer.get(area) is None:
            raise not_found()
        children = snapshot.gazetteer.children(area)
        return answer({"units": [{"unit": child.code, "name": short_name(snapshot, child.code)} for child in children]})

    return routes
