"""The phone page of a unit's duties: lists by state, acts with undo, name and phone on request. It acts through `/v1`."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from serving.authentication import EVERYBODY, Allow, identify
from serving.duty_page import DutyPage
from serving.duty_views import page_words
from serving.names import short_name
from serving.pages import Pages
from serving.problems import not_found
from serving.routes_units import admit, answer
from serving.services import Services
from serving.sessions import reader_mark

_CITY_DIGITS = 4


def router(services: Services, pages: Pages) -> APIRouter:
    """The routes."""
    routes = APIRouter(include_in_schema=False)
    page = DutyPage(services.database, services.desk)

    @routes.get("/units/{unit}/duties")
    async def duties(request: Request, unit: str, state: str | None = None, cursor: str | None = None) -> Response:
        who = await identify(services, request)
        if who is None:
            return RedirectResponse("/login", 303)
        admit(services, who, unit)
        language, asked = pages.language(request), {"state": state, "cursor": cursor}
        context = await page.context(unit, asked, who, services.snapshot(), language)
        context |= {"reader": reader_mark(who), **page_words(language)}
        response = pages.render(request, "duties.html", context)
        if cursor is None:
            # The browser's worker keeps what has this header, under this address, for the time without network.
            response.headers["Content-Location"] = f"/units/{unit}/duties?state={context['chosen']}"
        return response

    @routes.get("/v1/areas/{area}/units", dependencies=[Depends(Allow(services, EVERYBODY))])
    async def below(area: str) -> Response:
        snapshot = services.snapshot()
        if not area.isdigit() or len(area) < _CITY_DIGITS or snapshot.gazetteer.get(area) is None:
            raise not_found()
        children = snapshot.gazetteer.children(area)
        return answer({"units": [{"unit": child.code, "name": short_name(snapshot, child.code)} for child in children]})

    return routes
