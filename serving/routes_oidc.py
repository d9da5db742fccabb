"""Logging in through the organisation's OpenID Connect provider, where one is set. It opens accounts there are, and makes none.

What ties the browser that comes back to the one that went is a cookie of ten minutes: the answer must carry its state, the token
its nonce, and the code is worth nothing without its verifier. Browsers do not send `SameSite=Strict` cookies along a way that
began elsewhere, so the last step is a page of ours that goes on by itself.
"""

from __future__ import annotations

import hmac

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from arrivals.runtime.oidc_client import CALLBACK, Flow, OidcClient
from schemas.errors import Refused
from serving.accounts.account import Account, read_login
from serving.authentication import opens
from serving.pages import Pages
from serving.problems import not_found
from serving.routes_session import begin_session, login_view
from serving.services import Services

_SECURE_COOKIE, _PLAIN_COOKIE = "__Host-arrivals-oidc", "arrivals_oidc"
_FLOW_SECONDS = 600


def router(services: Services, pages: Pages) -> APIRouter:
    """The routes."""
    routes = APIRouter(include_in_schema=False)
    cookie = _SECURE_COOKIE if services.secure else _PLAIN_COOKIE

    def keep(response: Response, value: str, seconds: int) -> Response:
        response.set_cookie(cookie, value, max_age=seconds, path="/", secure=services.secure, httponly=True, samesite="lax")
        return response

    @routes.get("/login/oidc")
    async def begin() -> Response:
        flow = Flow.new()
        return keep(RedirectResponse(await _provider(services).begin(flow), 303), flow.write(), _FLOW_SECONDS)

    @routes.get(CALLBACK)
    async def finish(request: Request, state: str = "", code: str = "") -> Response:
        provider, flow = _provider(services), Flow.read(request.cookies.get(cookie, ""))
        try:
            if flow is None or not code or not hmac.compare_digest(flow.state.encode(), state.encode()):
                raise Refused("login_oidc", "This answer belongs to no log-in of this browser.", 403)
            account = await _account(services, await provider.finish(code, flow))
            response = pages.render(request, "entered.html", {})
            await begin_session(services, request, response, account, "oidc")
        except Refused as error:
            response = login_view(services, pages, request, error.code, 403)
        return keep(response, "", 0)

    return routes


def _provider(services: Services) -> OidcClient:
    if services.oidc is None:
        raise not_found()
    return services.oidc


async def _account(services: Services, name: str) -> Account:
    """The active account of exactly that name. Raises Refused, Unavailable."""
    store = services.entrance.store
    account = await services.desk.run(lambda: store.find(name)) if read_login(name) == name else None
    if account is None or not account.active:
        raise Refused("login_oidc_account", "There is no active account of that name.", 403)
    if not opens(services, account):
        raise Refused("login_unit_ended", "The unit of this account has ended.", 403)
    return account
