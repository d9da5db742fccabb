"""Who is asking: a bearer token, or the cookie of a console session. Both name a credential that must hold at this moment."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import Request

from schemas.errors import Refused
from schemas.reference_rows import Role
from serving.access import Principal, principal
from serving.services import Services

SECURE_COOKIE = "__Host-arrivals"
PLAIN_COOKIE = "arrivals_session"
_LONGEST_TOKEN = 200
#: Roles bound to a unit: when it is merged, split or dissolved its codes end, and its successor's are issued anew.
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
        who = identify(self._services, request)
        if who is None:
            raise Refused("credential_required", "A valid access code is needed.", 401, "Send it as `Authorization: Bearer`.")
        if who.role not in self.roles:
            raise Refused("role_not_allowed", "This access code may not do this.", 403)
        request.state.who = who


def identify(services: Services, request: Request) -> Principal | None:
    """The principal of a request; None without a credential that holds now. A wrong token is not rescued by a cookie."""
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        return by_digest(services, digest_of(token.strip())) if scheme.lower() == "bearer" else None
    cookie = request.cookies.get(cookie_name(services))
    digest = services.sessions.read(cookie, services.now().timestamp()) if cookie else None
    return by_digest(services, digest) if digest else None


def by_digest(services: Services, digest: str) -> Principal | None:
    """The principal of a token's digest, if its credential holds now and, for a desk's, the unit it is for still stands."""
    snapshot, now = services.snapshot(), services.now()
    credential = snapshot.credential(digest, now)
    if credential is None or (credential.role in _DESKS and snapshot.standing(credential.scope, now) != credential.scope):
        return None
    return principal(credential, digest)


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
