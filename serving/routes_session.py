"""Logging in by name and password or by access code, changing the password, logging out. Pages for people.

Every log-in makes a new session and ends the one the browser had. As long as a password must be changed the session opens nothing
but the page where it is changed.
"""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from schemas.errors import Refused, Rejected
from serving.access import Principal
from serving.accounts.account import Account
from serving.accounts.attempts import TooManyAttempts
from serving.accounts.session_store import SESSION_HOURS, Way
from serving.authentication import by_digest, cookie_name, digest_of, identify, opens, same_origin, session_of
from serving.pages import Pages
from serving.problems import problem
from serving.request_body import read_form
from serving.services import Services
from serving.sessions import reader_mark
from serving.texts import catalogue
from serving.throttle import WINDOW_SECONDS, Failures

#: Wrong passwords from one address, whatever the login: a whole county may come from one.
_MOST_WRONG_PASSWORDS = 60


def router(services: Services, pages: Pages) -> APIRouter:
    """The routes."""
    routes = APIRouter(include_in_schema=False)
    wrong_codes, wrong_passwords = Failures(), Failures(_MOST_WRONG_PASSWORDS)

    @routes.get("/login")
    async def login_page(request: Request) -> Response:
        session = await session_of(services, request)
        if session is not None and session.must_change:
            return RedirectResponse("/password", 303)
        return login_view(services, pages, request, "login_ended" if "ended" in request.query_params else "", 200)

    @routes.post("/login", dependencies=[Depends(same_origin)])
    async def login(request: Request) -> Response:
        form = await read_form(request)
        return await _log_in(services, pages, request, form, wrong_passwords if form.get("login") else wrong_codes)

    @routes.post("/logout", dependencies=[Depends(same_origin)])
    async def logout(request: Request) -> Response:
        await _end(services, request)
        response = RedirectResponse("/login?ended", 303)
        _set_cookie(response, services, "", 0)
        return response

    @routes.get("/session")
    async def session(request: Request) -> Response:
        who = await identify(services, request)
        if who is None:
            return problem(401, "credential_required", "The session has ended.")
        return Response(status_code=204, headers={"Arrivals-Reader": reader_mark(who)})

    return routes


def password_router(services: Services, pages: Pages) -> APIRouter:
    """Changing the password."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/password")
    async def page(request: Request) -> Response:
        session = await session_of(services, request)
        if session is None or session.account is None:
            return RedirectResponse("/login" if session is None else "/", 303)
        return _password_page(pages, request, session.account, "")

    @routes.post("/password", dependencies=[Depends(same_origin)])
    async def change(request: Request) -> Response:
        session = await session_of(services, request)
        if session is None or session.account is None:
            return RedirectResponse("/login", 303)
        form, texts = await read_form(request), catalogue(pages.language(request))
        new = form.get("new", "")
        if new != form.get("again", ""):
            return _password_page(pages, request, session.account, texts["password_differs"], 400)
        try:
            account = await services.entrance.change(session.account, form.get("current", ""), new, _address(request))
        except Rejected as error:
            reason = error.reasons[0]
            said = reason.message_zh if texts["lang"] == "zh-CN" else reason.message
            return _password_page(pages, request, session.account, said, 400)
        except TooManyAttempts as error:
            return _waiting(services, pages, request, error.retry_after_seconds)
        except Refused as error:
            said = texts["password_wrong" if error.code == "login_wrong" else error.code]
            return _password_page(pages, request, session.account, said, error.status)
        services.sessions.forget()
        return await _entered(services, request, account)

    return routes


async def _log_in(services: Services, pages: Pages, request: Request, form: dict[str, str], failures: Failures) -> Response:
    address, now = _address(request), services.now().timestamp()
    if failures.too_many(address, now):
        return _waiting(services, pages, request, int(WINDOW_SECONDS))
    try:
        holder = (
            await _account(services, form, address) if form.get("login") else _code_holder(services, form.get("code", ""), now)
        )
        return await _entered(services, request, holder)
    except TooManyAttempts as error:
        return _waiting(services, pages, request, error.retry_after_seconds)
    except Refused as error:
        failures.note(address, now)
        return login_view(services, pages, request, error.code, 403)


async def _account(services: Services, form: dict[str, str], address: str) -> Account:
    """The account of a name and a password. Raises Refused, TooManyAttempts, Unavailable."""
    account = await services.entrance.enter(form["login"], form.get("password", ""), address)
    if not opens(services, account):
        raise Refused("login_unit_ended", "The unit of this account has ended.", 403)
    return account


def _code_holder(services: Services, code: str, now: float) -> Principal:
    """The principal of an access code, or of a one-time code, which is then used up. Raises Refused."""
    who = by_digest(services, services.login_codes.redeem(code.strip(), now) or digest_of(code.strip()))
    if who is None:
        raise Refused("login_wrong_code", "The access code is wrong.", 403)
    if who.role == "device":
        raise Refused("login_device", "A device's access code opens no pages.", 403)
    return who


async def _entered(services: Services, request: Request, holder: Account | Principal) -> Response:
    by_password = isinstance(holder, Account)
    response = RedirectResponse("/password" if isinstance(holder, Account) and holder.must_change else "/", 303)
    await begin_session(services, request, response, holder, "password" if by_password else "code")
    return response


async def begin_session(services: Services, request: Request, response: Response, holder: Account | Principal, way: Way) -> None:
    """Opens a session and ends the one the browser had. Raises Refused when the account has just been changed, Unavailable."""
    await _end(services, request)
    session_id = await services.sessions.open(holder if isinstance(holder, Account) else holder.digest, way)
    _set_cookie(response, services, session_id, SESSION_HOURS * 3600)


async def _end(services: Services, request: Request) -> None:
    cookie = request.cookies.get(cookie_name(services))
    if cookie:
        await services.sessions.end(cookie)


def _password_page(pages: Pages, request: Request, account: Account, wrong: str, status: int = 200) -> Response:
    context = {"login": account.login, "must": account.must_change, "wrong": wrong}
    return pages.render(request, "password.html", context, status)


def login_view(services: Services, pages: Pages, request: Request, message: str, status: int) -> Response:
    """The page to log in at, with a message by its key in the catalogue."""
    return pages.render(request, "login.html", {"message": message, "oidc": services.oidc is not None}, status)


def _waiting(services: Services, pages: Pages, request: Request, seconds: int) -> Response:
    response = login_view(services, pages, request, "login_many", 429)
    response.headers["Retry-After"] = str(seconds)
    return response


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _set_cookie(response: Response, services: Services, value: str, seconds: int) -> None:
    response.set_cookie(
        cookie_name(services), value, max_age=seconds, path="/", secure=services.secure, httponly=True, samesite="strict"
    )
