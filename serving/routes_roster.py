"""A unit's list on paper: `/units/{unit}/roster` to print and sign, `/v1/units/{unit}/roster` the same as JSON or Excel.

Scoped like the list. Names are masked; with a reason they are opened for those whom the caller may reveal.
Guarantee: that, with the reason and the arrivals, is one line of the audit trail before anything is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from serving.access import HEALTH, Principal
from serving.authentication import EVERYBODY, Allow, identify
from serving.desk.lists import LISTS
from serving.desk.revealing import REASONS
from serving.duty_list import DutyList
from serving.duty_views import HEALTH_TABS, TABS, tab_word
from serving.pages import Pages
from serving.request_body import read_form
from serving.roster import COLUMNS, Roster, by_hand, cells, roster_rows, titles
from serving.roster_sheet import MEDIA_TYPE, file_name, to_sheet
from serving.routes_desk import own_page
from serving.routes_units import admit, answer
from serving.services import Services
from serving.texts import Language
from serving.units import read_choice

_PAGE = "100"
_FORMATS = ("json", "xlsx")
_DESCRIPTION = """One page of a list (`state`, as `/arrivals` has them; `open` by default) as a roster with a column to sign.

With a `reason` names, numbers, phones and addresses are in it, of the people you may reveal; that is one line of the audit trail
with the reason and the arrivals."""


def router(services: Services, pages: Pages) -> APIRouter:
    """The routes: for machines, and for people."""
    routes = APIRouter(tags=["units"])
    by_duty = DutyList(services.database, services.desk)

    @routes.get(
        "/v1/units/{unit}/roster",
        description=_DESCRIPTION,
        summary="A unit's roster",
        dependencies=[Depends(Allow(services, EVERYBODY))],
    )
    async def roster(
        request: Request,
        unit: str,
        state: str | None = Query(None, description=f"One of {', '.join(LISTS)}"),
        reason: str | None = Query(None, description=f"Why names are needed: {', '.join(REASONS)}"),
        cursor: str | None = Query(None, description="`next_cursor` of the page before"),
        format: str | None = Query(None, description="`json` or `xlsx`"),
    ) -> Response:
        if reason is not None:
            await own_page(request)
        kind = read_choice("format", format, _FORMATS) or "json"
        asked = {"state": state, "cursor": cursor, "reason": reason, "format": kind}
        made, following = await _made(services, by_duty, request.state.who, unit, asked, "zh")
        if kind == "xlsx":
            return _file(made)
        rows = {"columns": COLUMNS, "titles": made.titles, "rows": cells(made), "next_cursor": following}
        return answer({"unit": unit, "unit_name": made.unit_name, "mark": made.mark, "trail_line": made.line} | rows)

    _pages(routes, services, pages, by_duty)
    return routes


def _pages(routes: APIRouter, services: Services, pages: Pages, by_duty: DutyList) -> None:
    @routes.get("/units/{unit}/roster", include_in_schema=False)
    async def page(request: Request, unit: str, state: str | None = None, cursor: str | None = None) -> Response:
        return await _page(services, pages, by_duty, request, unit, {"state": state, "cursor": cursor, "reason": None})

    @routes.post("/units/{unit}/roster", include_in_schema=False, dependencies=[Depends(own_page)])
    async def page_with_names(request: Request, unit: str) -> Response:
        form = await read_form(request)
        asked = {name: form.get(name) for name in ("state", "cursor", "reason")}
        return await _page(services, pages, by_duty, request, unit, asked)


async def _page(
    services: Services, pages: Pages, by_duty: DutyList, request: Request, unit: str, asked: Mapping[str, str | None]
) -> Response:
    who = await identify(services, request)
    if who is None:
        return RedirectResponse("/login", 303)
    made, following = await _made(services, by_duty, who, unit, {**asked, "format": "page"}, pages.language(request))
    context = {
        "roster": made,
        "columns": [(name, title, by_hand(name)) for name, title in zip(COLUMNS, made.titles, strict=True)],
        "rows": cells(made),
        "cursor": asked["cursor"] or "",
        "next": following,
        "lists": [(name, tab_word(name, pages.language(request))) for name in (HEALTH_TABS if unit.endswith(HEALTH) else TABS)],
        "reasons": REASONS,
        "reason": asked["reason"] if made.line else None,
    }
    return pages.render(request, "roster.html", context)


async def _made(
    services: Services, by_duty: DutyList, who: Principal, unit: str, asked: Mapping[str, str | None], language: Language
) -> tuple[Roster, str | None]:
    """The roster and the cursor of the next page. Raises Refused (404) for strangers, Rejected, Unavailable."""
    admit(services, who, unit)
    reason, name = read_choice("reason", asked["reason"], REASONS), asked["state"] or "open"
    snapshot, desk = services.snapshot(), services.desk
    page = await by_duty.page(unit, {**asked, "state": name, "risk": None, "limit": _PAGE}, who, snapshot)
    line, opened = None, {}
    if reason is not None:
        detail = {"unit": unit, "list": name, "reason": reason, "format": asked["format"]}
        line, opened = await desk.run(lambda: _opened(services, page, detail, who))
    mark = f"{page['unit_name']} · {who.subject} · {services.now():%Y-%m-%d %H:%M}"
    rows = roster_rows(page, opened, language)
    made = Roster(unit, page["unit_name"], name, tab_word(name, language), titles(language), rows, mark, line)
    return made, page["next_cursor"]


def _opened(services: Services, page: Mapping[str, Any], detail: Mapping[str, Any], who: Principal) -> Any:
    duties = services.desk.store.find(told["event_id"] for told in page["arrivals"])
    return services.revealing.roster(list(duties.values()), detail, who, services.desk.situation())


def _file(made: Roster) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{file_name(made)}"', "Cache-Control": "no-store"}
    return Response(to_sheet(made), media_type=MEDIA_TYPE, headers=headers)
