"""The console: command view, unit view, logging in and out. Pages for people; machines use `/v1`."""

from __future__ import annotations

from importlib.resources import files
from urllib.parse import parse_qs

import orjson
from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from serving.access import ANALYSING, Principal, county_of, home_unit
from serving.authentication import by_digest, cookie_name, digest_of, identify, same_origin
from serving.console_views import blank_row, command_view, person_row, words
from serving.county_map import draw
from serving.names import place_name
from serving.pages import Pages
from serving.problems import problem
from serving.routes_units import admit
from serving.services import Services
from serving.sessions import SESSION_SECONDS, reader_mark
from serving.throttle import Failures
from serving.unit_list import UnitList
from serving.units import RISKS

_LONGEST_FORM = 2_000
_MAP_FILE = "shangqiu.geojson"


def router(services: Services, pages: Pages) -> APIRouter:
    """The routes."""
    routes = APIRouter(include_in_schema=False)
    lists = UnitList(services.database, services.snapshot)
    county_map = draw(orjson.loads((files("serving") / "static" / _MAP_FILE).read_bytes()))

    @routes.get("/")
    async def home(request: Request) -> Response:
        who = identify(services, request)
        if who is None:
            return RedirectResponse("/login", 303)
        if who.role not in ANALYSING:
            return RedirectResponse(f"/units/{home_unit(who)}", 303)
        snapshot, language = services.snapshot(), pages.language(request)
        context = command_view(await services.board.present(who), county_map, snapshot, language)
        county = county_of(who)
        place, desk = place_name(snapshot, county or ""), county if who.role == "county" else None
        return pages.render(request, "command.html", context | {"place": place, "desk": desk, "at": _clock(services)})

    @routes.get("/units/{unit}")
    async def unit_page(request: Request, unit: str, risk: str | None = None, cursor: str | None = None) -> Response:
        who = identify(services, request)
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


def session_router(services: Services, pages: Pages) -> APIRouter:
    """Logging in and out."""
    routes = APIRouter(include_in_schema=False)
    failures = Failures()

    @routes.get("/login")
    async def login_page(request: Request) -> Response:
        return pages.render(request, "login.html", {"message": "login_ended" if "ended" in request.query_params else ""})

    @routes.post("/login", dependencies=[Depends(same_origin)])
    async def login(request: Request) -> Response:
        address, now = request.client.host if request.client else "", services.now().timestamp()
        if failures.too_many(address, now):
            return pages.render(request, "login.html", {"message": "login_many"}, 429)
        who = _enter(services, await _code(request), now)
        if who is None or who.role == "device":
            failures.note(address, now)
            return pages.render(request, "login.html", {"message": "login_device" if who else "login_wrong"}, 403)
        response = RedirectResponse("/", 303)
        _set_cookie(response, services, services.sessions.issue(who.digest, now), SESSION_SECONDS)
        return response

    @routes.post("/logout", dependencies=[Depends(same_origin)])
    async def logout() -> Response:
        response = RedirectResponse("/login?ended", 303)
        _set_cookie(response, services, "", 0)
        return response

    @routes.get("/session")
    async def session(request: Request) -> Response:
        who = identify(services, request)
        if who is None:
            return problem(401, "credential_required", "The session has ended.")
        return Response(status_code=204, headers={"Arrivals-Reader": reader_mark(who.digest)})

    return routes


async def _code(request: Request) -> str:
    """The code in a posted form; anything that is no small form holds none."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return ""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            return ""
    found = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10).get("code", [""])
    return found[0].strip()


def _enter(services: Services, code: str, now: float) -> Principal | None:
    """The principal of an access code, or of a one-time code, which is then used up."""
    digest = services.login_codes.redeem(code, now) or digest_of(code)
    return by_digest(services, digest)


def _set_cookie(response: Response, services: Services, value: str, seconds: int) -> None:
    response.set_cookie(
        cookie_name(services), value, max_age=seconds, path="/", secure=services.secure, httponly=True, samesite="strict"
    )


def _clock(services: Services) -> str:
    return services.now().strftime("%H:%M:%S")
