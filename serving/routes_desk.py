"""What units do with their arrivals: acts on one or on many, looking who the person is, reading what was noted.

A browser's session may act only from our own pages. What is not yours answers exactly like what does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import Field, TypeAdapter, ValidationError
from starlette.responses import Response

from schemas.base import Strict
from schemas.errors import Refused
from serving.access import Principal
from serving.authentication import EVERYBODY, Allow, same_origin
from serving.desk.duty_json import told_duty
from serving.desk.revealing import RevealReason
from serving.desk.store import Acted
from serving.desk.words import REFUSALS_ZH, told_refusal
from serving.duties.changes import Conflict
from serving.duties.commands import BulkItem, read_command, rejection
from serving.duties.duty import Duty
from serving.problems import not_found, problem
from serving.request_body import read_body
from serving.routes_units import answer
from serving.services import Services

MOST_AT_ONCE = 300
_ONE, _MANY = 8_000, 1_000_000
_ACT = """One act: `acknowledge, decline, transfer, withdraw, accept, register, observe, temperature, release, note, undo`.

`version` is the version you have seen; when somebody was faster the answer is 409 with the present state. With a `request_id` a
request may be sent again safely. For ten seconds whoever acted may `undo`."""


class Many(Strict):
    """Acts on up to 300 arrivals; each is answered by itself."""

    items: Annotated[tuple[BulkItem, ...], Field(strict=False, min_length=1, max_length=MOST_AT_ONCE)]


class Reveal(Strict):
    """Why somebody has to know who it is."""

    reason: RevealReason


_MANY_ADAPTER, _REVEAL_ADAPTER = TypeAdapter(Many), TypeAdapter(Reveal)


async def own_page(request: Request) -> None:
    """For everything that changes something: a session counts only when our own page sent the request."""
    if "authorization" not in request.headers:
        await same_origin(request)


def router(services: Services) -> APIRouter:
    """The routes."""
    allow = [Depends(Allow(services, EVERYBODY)), Depends(own_page)]
    routes = APIRouter(prefix="/v1", tags=["desk"], dependencies=allow)
    desk = services.desk

    def told(duty: Duty, who: Principal) -> dict[str, Any]:
        return told_duty(duty, who, services.snapshot(), desk.situation().now)

    @routes.post("/arrivals/actions", summary="Act on up to 300 arrivals at once")
    async def act_on_many(request: Request) -> Response:
        who, many = request.state.who, _read(_MANY_ADAPTER, await read_body(request, _MANY))
        acts = [(item.event_id, item.command) for item in many.items]
        answers = await desk.run(lambda: desk.store.act_on_many(acts, who, desk.situation()))
        return answer({"results": [_result(acted, lambda duty: told(duty, who)) for acted in answers]})

    @routes.post("/arrivals/{event_id}/actions", summary="Act on an arrival", description=_ACT)
    async def act(request: Request, event_id: str) -> Response:
        who, command = request.state.who, read_command(await read_body(request, _ONE))
        known = known_id(event_id)
        try:
            duty = await desk.run(lambda: desk.store.act(known, command, who, desk.situation()))
        except Conflict as error:
            more = {"detail_zh": REFUSALS_ZH[error.code], "present": told(error.duty, who)}
            return problem(409, error.code, error.message, **more)
        return answer(told(duty, who))

    @routes.post("/arrivals/{event_id}/reveal", summary="Who it is; noted in the audit trail")
    async def reveal(request: Request, event_id: str) -> Response:
        who, known = request.state.who, known_id(event_id)
        reason = _read(_REVEAL_ADAPTER, await read_body(request, _ONE)).reason
        return answer(await desk.run(lambda: services.revealing.reveal(known, reason, who, desk.situation())))

    @routes.post("/arrivals/{event_id}/notes", summary="The notes about an arrival; noted in the audit trail")
    async def notes(request: Request, event_id: str) -> Response:
        who, known = request.state.who, known_id(event_id)
        reason = _read(_REVEAL_ADAPTER, await read_body(request, _ONE)).reason
        return answer(await desk.run(lambda: services.revealing.notes(known, reason, who, desk.situation())))

    return routes


def _result(acted: Acted, told: Callable[[Duty], dict[str, Any]]) -> dict[str, Any]:
    if acted.error is None and acted.duty is not None:
        return {"event_id": acted.event_id, "status": 200, "duty": told(acted.duty)}
    refused = acted.error if isinstance(acted.error, Refused) else Refused("identity_erased", "The key of that day is gone.", 410)
    present = {"present": told(acted.duty)} if acted.duty else {}
    return {"event_id": acted.event_id, **told_refusal(refused), **present}


def known_id(event_id: str) -> str:
    """The id as we write ids. Raises Refused (404) for everything else."""
    try:
        if str(UUID(event_id)) == event_id:
            return event_id
    except ValueError:
        pass
    raise not_found()


def _read(adapter: TypeAdapter[Any], body: bytes) -> Any:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        raise rejection(error) from None
