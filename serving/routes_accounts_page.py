"""`/accounts`: the accounts as a page for administrators of the whole city: find, make, disable, enable, reset, log out.

A one-time password stands in the answer to the form that asked for it and nowhere else: not in an address, not in the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from fastapi import APIRouter, Depends, Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import RedirectResponse, Response

from schemas.errors import Refused, Rejected
from serving.access import EVERYTHING, Principal
from serving.accounts.account import Account, AccountRole, NewAccount, read_login
from serving.accounts.administration import AccountCommand
from serving.authentication import identify
from serving.desk.words import REFUSALS_ZH
from serving.duties.commands import rejection
from serving.pages import Pages
from serving.request_body import read_form
from serving.routes_desk import own_page
from serving.services import Services

_PAGE = 100
_FIELDS = ("login", "display_name", "role", "scope")
_NOTHING = dict.fromkeys(("action", *_FIELDS), "")
_NEW: TypeAdapter[NewAccount] = TypeAdapter(NewAccount)
_COMMAND: TypeAdapter[AccountCommand] = TypeAdapter(AccountCommand)


def router(services: Services, pages: Pages) -> APIRouter:
    """The routes."""
    routes = APIRouter(include_in_schema=False)

    async def view(request: Request, status: int = 200, given: Mapping[str, str] = _NOTHING, **said: Any) -> Response:
        query = request.query_params
        found = await services.desk.run(lambda: _found(services, query.get("find", ""), query.get("after", "")))
        more = found[_PAGE - 1].login if len(found) > _PAGE else None
        context = {"accounts": found[:_PAGE], "next": more, "find": query.get("find", ""), "roles": get_args(AccountRole)}
        shown = {"given": {**_NOTHING, **given}, "wrong": "", "done": None, "made": None, **said}
        return pages.render(request, "accounts.html", context | shown, status)

    @routes.get("/accounts")
    async def page(request: Request) -> Response:
        return await view(request) if await _administrator(services, request) else RedirectResponse("/login", 303)

    @routes.post("/accounts", dependencies=[Depends(own_page)])
    async def act(request: Request) -> Response:
        who = await _administrator(services, request)
        if who is None:
            return RedirectResponse("/login", 303)
        form, chinese = await read_form(request), pages.language(request) == "zh"
        try:
            account, made = await services.entrance.run(lambda: _do(services, form, who))
        except Rejected as error:
            fields = "、".join(f"{reason.field}：{reason.message_zh if chinese else reason.message}" for reason in error.reasons)
            return await view(request, 400, wrong=fields, given=form)
        except Refused as error:
            return await view(request, error.status, wrong=REFUSALS_ZH[error.code] if chinese else str(error), given=form)
        services.sessions.forget()
        return await view(request, done=account, made=made)

    return routes


def _do(services: Services, form: dict[str, str], who: Principal) -> tuple[Account, str | None]:
    """What a form asks for. Raises Rejected, Refused, Unavailable. Blocking."""
    action = form.get("action", "")
    try:
        if action == "add":
            return services.administration.add(_NEW.validate_python({name: form.get(name, "") for name in _FIELDS}), who)
        command = _COMMAND.validate_python({"action": action})
    except ValidationError as error:
        raise rejection(error) from None
    return services.administration.act(form.get("login", ""), command, who)


def _found(services: Services, find: str, after: str) -> list[Account]:
    store = services.entrance.store
    if not find:
        return store.listed(_PAGE + 1, after)
    login = read_login(find)
    account = store.find(login) if login else None
    return [account] if account else []


async def _administrator(services: Services, request: Request) -> Principal | None:
    """Who asks; None for strangers. Raises Refused (403) for everybody who is no administrator of the whole city."""
    who = await identify(services, request)
    if who is not None and (who.role, who.scope) != ("administrator", EVERYTHING):
        raise Refused("role_not_allowed", "Only administrators of the whole city may do this.", 403)
    return who
