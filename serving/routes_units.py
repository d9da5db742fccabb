"""`/v1/units/…`: a unit's list and its live stream. What is not yours answers exactly like what does not exist."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from reference.snapshot import Snapshot
from schemas.errors import Unavailable
from serving.access import Principal, may_view
from serving.authentication import EVERYBODY, Allow
from serving.desk.lists import LISTS
from serving.duty_list import DutyList
from serving.names import unit_exists
from serving.problems import not_found
from serving.services import Services
from serving.unit_list import UnitList

_LIST = """The unit's arrivals, newest receipt first. Follow `next_cursor` for the next page. `duties` holds the state of each.

`position` says up to where the list surely holds the stream: a stream opened with `after=<position>` leaves nothing out."""
_STREAM = """Server-sent events. Send `Last-Event-ID` (or `after`) to resume without a gap.

`arrival`: one arrival, new or changed; replace by `event_id`. `moved`: an arrival came into the hands of `unit` and left those of
`unit_before`; both are told once their lists of the desk (`state=…`) say so. `task`: isolate and test a contact of a case.
`duty`: duties of the unit changed; fetch their list. `start`, `reset`: fetch the list now, what it may lack follows.
`ping`: every 15 seconds. `farewell`: come back with the last id."""


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1/units/{unit}", tags=["units"], dependencies=[Depends(Allow(services, EVERYBODY))])
    lists, by_duty = UnitList(services.database, services.snapshot), DutyList(services.database, services.desk)

    @routes.get("/arrivals", description=_LIST, summary="A unit's arrivals")
    async def arrivals(
        request: Request,
        unit: str,
        state: str | None = Query(None, description=f"`all` as routed, or a list of the desk: {', '.join(LISTS)}"),
        risk: str | None = Query(None, description="`high`, `medium`, `low` or `unknown`"),
        cursor: str | None = Query(None, description="`next_cursor` of the page before"),
        limit: str | None = Query(None, description="Rows per page, 1 to 200"),
    ) -> Response:
        who, snapshot = request.state.who, services.snapshot()
        admit(services, who, unit)
        asked = {"state": state, "risk": risk, "cursor": cursor, "limit": limit}
        if state in LISTS:
            return answer(await by_duty.page(unit, asked, who, snapshot))
        page = await lists.page(unit, asked)
        return answer(page | {"duties": await _duties(by_duty, page, who, snapshot)})

    @routes.get("/stream", description=_STREAM, summary="A unit's live stream", response_class=Response)
    async def stream(request: Request, unit: str, after: str | None = None) -> Response:
        admit(services, request.state.who, unit)
        return await services.streams.open(unit, request.state.who, request.headers.get("last-event-id") or after)

    return routes


async def _duties(by_duty: DutyList, page: dict[str, Any], who: Principal, snapshot: Snapshot) -> dict[str, Any] | None:
    """The duties of a page; none while the desk's database is away: the list itself can still be read."""
    try:
        return await by_duty.duties([told["event_id"] for told in page["arrivals"]], who, snapshot)
    except Unavailable:
        return None


def admit(services: Services, who: Principal, unit: str) -> None:
    """Raises Refused (404) unless the unit exists and is the principal's to see; the two are not told apart.

    The list of a unit that ended is open to whoever sees the unit that answers for it now.
    """
    snapshot = services.snapshot()
    allowed = may_view(who, unit) or may_view(who, snapshot.standing(unit, services.now()))
    if not (unit_exists(snapshot, unit) and allowed):
        raise not_found()


def answer(body: Any) -> Response:
    """A JSON response that is not kept anywhere."""
    return Response(orjson.dumps(body), media_type="application/json")
