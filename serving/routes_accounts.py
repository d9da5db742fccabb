"""`/v1/accounts`: who may log in by name and password. For administrators of the whole city."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from schemas.errors import Refused
from serving.access import EVERYTHING
from serving.accounts.account import Account, NewAccount, read_login
from serving.accounts.administration import AccountCommand, told_account, told_session
from serving.authentication import Allow
from serving.duties.commands import rejection
from serving.problems import not_found
from serving.request_body import read_body
from serving.routes_desk import own_page
from serving.routes_units import answer
from serving.services import Services
from serving.units import LARGEST_PAGE, USUAL_PAGE

_LONGEST = 4_000
_NEW: TypeAdapter[NewAccount] = TypeAdapter(NewAccount)
_COMMAND: TypeAdapter[AccountCommand] = TypeAdapter(AccountCommand)
_ADD = """`login` (3 to 40 of `a-z 0-9 . _ -`), `display_name`, `role` (`unit, county, health_desk, analyst, administrator`) and
`scope`.

The answer holds `one_time_password`, once; it has to be changed at the first log-in."""
_ACT = """`disable`, `enable`, `end_sessions`, `reset_password` (the answer holds `one_time_password`, once), or `set_rights` with
`display_name`, `role` and `scope`. Each ends all sessions of the account
within five seconds, open streams too."""


async def _whole_city(request: Request) -> None:
    """A dependency behind `Allow`: an administrator of less than everything makes nobody an administrator of more."""
    if request.state.who.scope != EVERYTHING:
        raise Refused("role_not_allowed", "This access code may not do this.", 403)


def router(services: Services) -> APIRouter:
    """The routes."""
    allow = [Depends(Allow(services, frozenset({"administrator"}))), Depends(_whole_city)]
    ours = [Depends(own_page)]
    routes = APIRouter(prefix="/v1/accounts", tags=["administrators"], dependencies=allow)
    entrance, administration, desk = services.entrance, services.administration, services.desk

    @routes.get("", summary="The accounts, by login")
    async def listed(
        after: str = Query("", max_length=40, description="`next_after` of the page before"),
        limit: int = Query(USUAL_PAGE, ge=1, le=LARGEST_PAGE),
    ) -> Response:
        found = await desk.run(lambda: entrance.store.listed(limit + 1, after))
        more = found[limit - 1].login if len(found) > limit else None
        return answer({"accounts": [told_account(account) for account in found[:limit]], "next_after": more})

    @routes.post("", summary="Make an account", description=_ADD, dependencies=ours)
    async def add(request: Request) -> Response:
        who, new = request.state.who, _read(_NEW, await read_body(request, _LONGEST))
        return _told(*await entrance.run(lambda: administration.add(new, who)))

    @routes.get("/{login}", summary="An account and its open sessions")
    async def one(login: str) -> Response:
        name = _known(login)
        account = await desk.run(lambda: entrance.store.find(name))
        if account is None:
            raise not_found()
        sessions = await desk.run(lambda: services.sessions.store.of_account(name, services.now()))
        return answer(told_account(account) | {"sessions": [told_session(*session) for session in sessions]})

    @routes.post("/{login}/actions", summary="Change an account", description=_ACT, dependencies=ours)
    async def act(request: Request, login: str) -> Response:
        who, name, command = request.state.who, _known(login), _read(_COMMAND, await read_body(request, _LONGEST))
        done = await entrance.run(lambda: administration.act(name, command, who))
        services.sessions.forget()
        return _told(*done)

    return routes


def _known(login: str) -> str:
    if read_login(login) != login:
        raise not_found()
    return login


def _told(account: Account, one_time_password: str | None) -> Response:
    return answer(told_account(account) | ({"one_time_password": one_time_password} if one_time_password else {}))


def _read(adapter: TypeAdapter[Any], body: bytes) -> Any:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        raise rejection(error) from None
