"""The headers every answer carries, and the time each route takes. Plain ASGI, so that streams pass through untouched."""

from __future__ import annotations

import time
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from arrivals.runtime.metrics import Metrics

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_UNLESS_SET = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
_HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_STATIC = (b"cache-control", b"public, max-age=31536000, immutable")


class Headers:
    """Middleware: adds the headers and observes `arrivals_api_request_seconds` by route, not by address."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, secure: bool) -> None:
        self._app = app
        self._seconds = metrics.histogram("arrivals_api_request_seconds")
        self._always = (*_ALWAYS, _HSTS) if secure else _ALWAYS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), "500"

        async def add(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
                message = {**message, "headers": self._with_ours(scope["path"], message.get("headers", ()))}
            await send(message)

        await self._app(scope, receive, add)
        route = getattr(scope.get("route"), "path", "static" if scope["path"].startswith("/static/") else "none")
        if not route.endswith("/stream"):
            self._seconds.labels(route, status).observe(time.perf_counter() - began)

    def _with_ours(self, path: str, theirs: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        headers = list(theirs)
        names = {name.lower() for name, _ in headers}
        if path.startswith("/static/") and b"cache-control" not in names:
            headers.append(_STATIC)
            names.add(b"cache-control")
        headers += [pair for pair in _UNLESS_SET if pair[0] not in names]
        headers += self._always
        return headers
