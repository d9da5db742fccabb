"""Who is asking: a bearer token, or the cookie of a session of an account or of an access code. All must hold at this moment.

A principal's `digest` is that of what was shown: of the access code, or of the session's id. `present` finds him again by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

from fastapi import Request

from schemas.errors import Refused, Unavailable
from schemas.reference_rows import Role
from serving.access import Principal, principal
from serving.accounts.account import ACTOR, Account
from serving.accounts.session_store import Session
from serving.services import Services

SECURE_COOKIE = "__Host-arrivals"
PLAIN_COOKIE = "arrivals_session"
_LONGEST_TOKEN = 200
#: Roles bound to a unit: when it is merged, split or dissolved its codes and accounts open nothing any more.
_DESKS: frozenset[Role] = frozenset({"unit", "county"})
EVERYBODY: frozenset[Role] = frozenset({"unit", "county", "health_desk", "analyst", "administrator", "device"})


class Allow:
    """A route's declared roles. As a dependency it puts the principal into `request.state.who`.

    Raises Refused: 401 without a valid credential, 403 for another role.
    """

    def __init__(self, services: Services, roles: frozenset[Role]) -> None:
        self._services = services
        self.roles = roles

    async def __call__(self, request: Request) -> None:
        """Checks the request."""
        who = await identify(self._services, request)
        if who is None:
            raise Refused("credential_required", "A valid access code is needed.", 401, "Send it as `Authorization: Bearer`.")
        if who.role not in self.roles:
            raise Refused("role_not_allowed", "This access code may not do this.", 403)
        request.state.who = who


async def identify(services: Services, request: Request) -> Principal | None:
    """The principal of a request; None without a right that holds now. A wrong token is not rescued by a cookie.

    Raises Unavailable when nobody can say whether a session holds.
    """
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        return by_digest(services, digest_of(token.strip())) if scheme.lower() == "bearer" else None
    return by_session(services, await session_of(services, request))


async def session_of(services: Services, request: Request) -> Session | None:
    """The open session of a request, also one in which only the password may be changed. Raises Unavailable.

    Pages show whose account it is: `request.state.account`.
    """
    cookie = request.cookies.get(cookie_name(services))
    session = await services.sessions.find(cookie) if cookie else None
    if session is not None and session.account is not None:
        request.state.account = session.account.display_name
    return session


def by_session(services: Services, session: Session | None) -> Principal | None:
    """The principal of a session, if its account or access code holds now; none as long as a password must be changed."""
    if session is None:
        return None
    if session.account is None:
        who = by_digest(services, session.credential or "")
        return replace(who, digest=session.digest) if who else None
    account = session.account
    if session.must_change or not opens(services, account):
        return None
    return Principal(account.role, account.actor, account.scope, session.digest)


def by_digest(services: Services, digest: str) -> Principal | None:
    """The principal of a token's digest, if its credential holds now and, for a desk's, the unit it is for still stands.

    None for a credential named like an account: nobody acts under another's name.
    """
    credential = services.snapshot().credential(digest, services.now())
    if credential is None or credential.subject.startswith(ACTOR) or not _stands(services, credential.role, credential.scope):
        return None
    return principal(credential, digest)


async def present(services: Services, principals: Iterable[Principal]) -> frozenset[Principal]:
    """Those of the principals who hold still. Sessions that nobody could say anything about for a while hold no more."""
    known = {who.digest: by_digest(services, who.digest) for who in principals}
    sessions = [digest for digest, who in known.items() if who is None]
    with suppress(Unavailable):
        await services.sessions.look(sessions)
    known |= {digest: by_session(services, services.sessions.known(digest)) for digest in sessions}
    return frozenset(who for who in known.values() if who)


def opens(services: Services, account: Account) -> bool:
    """Whether an account opens anything: the unit it is for stands."""
    return _stands(services, account.role, account.scope)


def _stands(services: Services, role: Role, scope: str) -> bool:
    return role not in _DESKS or services.snapshot().standing(scope, services.now()) == scope


def digest_of(token: str) -> str:
    """The SHA-256 of a token; over-long text is cut, it is no token of ours."""
    return hashlib.sha256(token[:_LONGEST_TOKEN].encode()).hexdigest()


def cookie_name(services: Services) -> str:
    """The session cookie's name: browsers accept `__Host-` over HTTPS only."""
    return SECURE_COOKIE if services.secure else PLAIN_COOKIE


async def same_origin(request: Request) -> None:
    """A dependency for forms: refuses (403) what another site sent with this browser's cookies."""
    fetched = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if fetched is not None:
        fine = fetched in ("same-origin", "none")
    else:
        fine = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
    if not fine:
        raise Refused("cross_site", "This form was not sent from our own page.", 403, "Open the page again.")


Dependency = Callable[[Request], Awaitable[None]]
