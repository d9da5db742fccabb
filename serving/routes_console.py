"""The console: command view and unit view. Pages for people; machines use `/v1`."""

from __future__ import annotations

from importlib.resources import files

import orjson
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from serving.access import ANALYSING, county_of, home_unit
from serving.authentication import identify
from serving.console_views import blank_row, command_view, person_row, words
from serving.county_map import draw
from serving.names import place_name
from serving.pages import Pages
from serving.routes_units import admit
from serving.services import Services
from serving.unit_list import UnitList
from serving.units import RISKS

_MAP_FILE = "shangqiu.geojson"


def router(services: Services, pages: Pages) -> APIRouter:
    """The routes."""
    routes = APIRouter(include_in_schema=False)
    lists = UnitList(services.database, services.snapshot)
    county_map = draw(orjson.loads((files("serving") / "static" / _MAP_FILE).read_bytes()))

    @routes.get("/")
    async def home(request: Request) -> Response:
        who = await identify(services, request)
        if who is None:
            return RedirectResponse("/login", 303)
        if who.role not in ANALYSING:
            return RedirectResponse(f"/units/{home_unit(who)}", 303)
        snapshot, language = services.snapshot(), pages.language(request)
        context = command_view(await services.board.present(who), county_map, snapshot, language)
        county = county_of(who)
        place, desk = place_name(snapshot, county or ""), county if who.role == "county" else None
        return pages.render(
            request,
            "command.html",
            context | {"place": place, "desk": desk, "accounts": who.role == "administrator", "at": _clock(services)},
        )

    @routes.get("/units/{unit}")
    async def unit_page(request: Request, unit: str, risk: str | None = None, cursor: str | None = None) -> Response:
        who = await identify(services, request)
        if who is None:
            return RedirectResponse("/login", 303)
        admit(services, who, unit)
        language = pages.language(request)
        page = await lists.page(unit, {"state": None, "risk": risk, "cursor": cursor, "limit": None})
        context = {
            "name": page["unit_name"],
            "former": [
                (code, place_name(services.snapshot(), code)) for code in services.snapshot().former(unit, services.now())
            ],
            "counts": await lists.counts(unit),
            "rows": [person_row(told, language) for told in page["arrivals"]],
            "next": page["next_cursor"],
            "first": cursor is None,
            "risk": risk,
            "risks": RISKS,
            "blank": blank_row(),
            "words": words(language),
            "stream": f"/v1/units/{unit}/stream?after={page['position']}",
            "at": _clock(services),
        }
        return pages.render(request, "unit.html", context)

    return routes


def _clock(services: Services) -> str:
    return services.now().strftime("%H:%M:%S")
