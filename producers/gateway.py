"""The gateway: `POST /v1/scans` and `/v1/checkins` for devices, health for operators. Built from its parts, nothing at import.

The hot routes are answered before FastAPI's layers, from raw bytes to raw bytes; FastAPI serves everything else.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from fastapi import FastAPI
from prometheus_client import Histogram
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from arrivals.runtime.health import Checks, readiness
from arrivals.runtime.metrics import CONTENT_TYPE, Metrics
from arrivals.runtime.settings import Settings
from producers.bodies import Bodies, Incoming
from producers.deriving import Posted
from producers.describe import DESCRIPTION, document
from producers.devices import authenticate
from producers.problems import Accepted, problem, render
from producers.rates import RateLimit
from producers.receiving import Receiving
from reference.snapshot import Snapshot
from schemas.base import LOCAL, format_instant, parse_instant
from schemas.errors import ArrivalsError, Refused

_SIMULATED = b"x-simulated-now"
_WRONG_TOKENS_PER_SECOND = 1.0
_UNAUTHORIZED = 401
_CODES = {"id_conflict": 409, "site_forbidden": 403, "place_forbidden": 403, "batch_too_large": 413}
_ADVICE = {
    404: "Nothing is here; scans go to POST /v1/scans, check-ins to POST /v1/checkins.",
    405: "This address takes another method.",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What the gateway is made of; `receiving` by the path posted to. `strangers` limits wrong tokens by address; right ones are
    never slowed by it.
    """

    settings: Settings
    snapshot: Callable[[], Snapshot]
    receiving: Mapping[str, Receiving]
    bodies: Bodies
    metrics: Metrics
    checks: Checks
    strangers: RateLimit = field(default_factory=lambda: RateLimit(_WRONG_TOKENS_PER_SECOND))


def build_app(parts: Parts) -> ASGIApp:
    """The ASGI application."""
    pages = _pages(parts)
    seconds, by_status = parts.metrics.histogram("arrivals_gateway_request_seconds"), dict[int, Histogram]()

    async def entry(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or (receiving := parts.receiving.get(scope["path"])) is None:
            await pages(scope, receive, send)
            return
        begun = time.perf_counter()
        response = await _answer(parts, receiving, Incoming(dict(reversed(scope["headers"])), receive), scope)
        status = response.status_code
        if status not in by_status:
            by_status[status] = seconds.labels(str(status))
        by_status[status].observe(time.perf_counter() - begun)
        await response(scope, receive, send)

    return ServerErrorMiddleware(entry, handler=_failed)


def _pages(parts: Parts) -> FastAPI:
    """Everything but the hot routes: documentation, health, metrics, and problems for what is not here."""
    app = FastAPI(title="checkpoint-arrivals gateway", description=DESCRIPTION, docs_url=None, redoc_url=None)

    async def not_here(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 (registered for nothing else)
        status = error.status_code
        answer = render(status, f"http_{status}", _ADVICE.get(status, error.detail), _wall_clock())
        answer.headers.update(error.headers or {})
        return answer

    async def other_methods(_: Request) -> Response:
        raise HTTPException(405, headers={"Allow": "POST"})

    for path in parts.receiving:
        app.router.add_route(path, other_methods, methods=["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
    app.add_exception_handler(HTTPException, not_here)
    _add_operations(app, parts)
    document(app)
    return app


async def _failed(_: Request, error: Exception) -> Response:
    """A fault of ours: answered as a problem, raised on to the server's log."""
    return render(500, "gateway_failed", f"The gateway failed ({type(error).__name__}); repeat the same post.", _wall_clock())


async def _answer(parts: Parts, receiving: Receiving, request: Incoming, scope: Scope) -> Accepted | Response:
    now = _wall_clock()
    try:
        now = _now(parts.settings, request, now)
        device = authenticate(request.header(b"authorization"), parts.snapshot(), now)
        body = await parts.bodies.read(request)
        try:
            return await _receive(parts, receiving, Posted(body.content, body.charset, device, now))
        finally:
            parts.bodies.release(body)
    except Refused as error:
        parts.metrics.counter("arrivals_gateway_refused_total").labels(error.code).inc()
        return _stranger(parts, scope, now) or problem(error, now) if error.status == _UNAUTHORIZED else problem(error, now)
    except ArrivalsError as error:
        return problem(error, now)


def _stranger(parts: Parts, scope: Scope, now: datetime) -> Response | None:
    """429 for an address that keeps trying wrong tokens."""
    address = (scope.get("client") or ("",))[0]
    wait = parts.strangers.wait_seconds(address, 1, time.monotonic())
    return _later("too_many_wrong_tokens", "Too many wrong tokens came from this address.", wait, now) if wait else None


async def _receive(parts: Parts, receiving: Receiving, posted: Posted) -> Accepted | Response:
    answer, now = await receiving.receive(posted), posted.now
    if answer.wait_seconds:
        detail = "This device posts more than it may; keep it and send it later."
        return _later("rate_limited", detail, answer.wait_seconds, now)
    first = answer.results[0]
    if not answer.many and first.status == "rejected":
        why = first.reasons[0]
        status = _CODES.get(why.code, 422 if answer.readable else 400)
        return render(status, why.code, why.message, now, reasons=first.reasons)
    server_time = format_instant(now if parts.settings.simulated_clock else _wall_clock())
    return Accepted(orjson.dumps({"server_time": server_time, "results": answer.results}))


def _later(code: str, detail: str, wait: float, now: datetime) -> Response:
    return render(429, code, detail, now, retry_after=max(1, round(wait)))


def _now(settings: Settings, request: Incoming, wall: datetime) -> datetime:
    stated = request.header(_SIMULATED)
    if not stated:
        return wall
    if not settings.simulated_clock:
        raise Refused("simulated_clock", "This gateway keeps its own clock.", 400, "Leave X-Simulated-Now out.")
    try:
        return parse_instant(stated)
    except ValueError:
        raise Refused("simulated_clock", "X-Simulated-Now is no time.", 400, "Write RFC 3339 with an offset.") from None


def _wall_clock() -> datetime:
    return datetime.now(LOCAL)


def _add_operations(app: FastAPI, parts: Parts) -> None:
    async def healthz(_: Request) -> Response:
        return Response("ok\n", media_type="text/plain")

    async def readyz(_: Request) -> Response:
        status, body = readiness(parts.checks)
        return Response(body, status, media_type="application/json")

    async def metrics(_: Request) -> Response:
        return Response(parts.metrics.exposition(), media_type=CONTENT_TYPE)

    routes: dict[str, Callable[[Request], Awaitable[Response]]] = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}
    for path, route in routes.items():
        app.router.add_route(path, route, methods=["GET"])
