"""The gateway: `POST /v1/scans` for devices, and health for operators. A FastAPI app built from its parts; nothing happens at import.

The hot route reads the raw body and answers raw bytes; FastAPI gives the documentation its shape.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import orjson
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from arrivals.runtime.health import Checks, readiness
from arrivals.runtime.metrics import CONTENT_TYPE, Metrics
from arrivals.runtime.settings import Settings
from producers.bodies import read_body
from producers.describe import DESCRIPTION, document
from producers.parsing import parse_body
from producers.problems import problem, render
from producers.rates import RateLimit
from producers.receiving import Device, Receiving
from reference.snapshot import Snapshot
from schemas.base import LOCAL, format_instant, parse_instant
from schemas.errors import ArrivalsError, Refused, Rejected

_SIMULATED = "x-simulated-now"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the gateway is made of."""

    settings: Settings
    snapshot: Callable[[], Snapshot]
    receiving: Receiving
    rates: RateLimit
    metrics: Metrics
    checks: Checks


def build_app(parts: Parts) -> FastAPI:
    """The ASGI application."""
    app = FastAPI(title="checkpoint-arrivals gateway", description=DESCRIPTION, docs_url=None, redoc_url=None)
    seconds = parts.metrics.histogram("arrivals_gateway_request_seconds")

    async def post_scans(request: Request) -> Response:
        begun = time.perf_counter()
        response = await _answer(parts, request)
        seconds.labels(str(response.status_code)).observe(time.perf_counter() - begun)
        return response

    async def not_here(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        advice = {404: "Nothing is here; scans go to POST /v1/scans.", 405: "This address takes another method."}
        return render(
            status, f"http_{status}", advice.get(status, "The gateway failed; the scan may be repeated."), _wall_clock()
        )

    app.router.add_route("/v1/scans", post_scans, methods=["POST"])
    app.add_exception_handler(HTTPException, not_here)
    app.add_exception_handler(500, not_here)
    _add_operations(app, parts)
    document(app)
    return app


async def _answer(parts: Parts, request: Request) -> Response:
    now = _wall_clock()
    try:
        now = _now(parts.settings, request, now)
        device = _device(parts, request, now)
        body, charset = await read_body(request, parts.settings.gateway_max_body_bytes, parts.settings.gateway_body_seconds)
        return await _receive(parts, body, charset, device, now)
    except ArrivalsError as error:
        return problem(error, now)


async def _receive(parts: Parts, body: bytes, charset: str, device: Device, now: datetime) -> Response:
    try:
        values, many = parse_body(body, charset)
    except Rejected as error:
        await parts.receiving.keep_refused_body(body, error.reasons[0], device, now)
        status = 413 if error.code == "batch_too_large" else 400
        return render(status, error.code, error.message, now, reasons=error.reasons)
    wait = parts.rates.wait_seconds(device.device_id, len(values), time.monotonic())
    if wait:
        detail = "This device posts more scans than it may; keep them and send them later."
        return render(429, "rate_limited", detail, now, retry_after=max(1, round(wait)))
    results = await parts.receiving.receive(values, body, device, now)
    if not many and results[0].status == "rejected":
        reasons = results[0].reasons
        status = 409 if reasons[0].code == "id_conflict" else 403 if reasons[0].code == "site_forbidden" else 422
        return render(status, reasons[0].code, reasons[0].message, now, reasons=reasons)
    content = {"server_time": format_instant(_wall_clock() if not parts.settings.simulated_clock else now)}
    answer = orjson.dumps({**content, "results": [result.as_dict() for result in results]})
    return Response(answer, 202, media_type="application/json")


def _device(parts: Parts, request: Request, now: datetime) -> Device:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused("token_missing", "No device token was sent.", 401, "Send Authorization: Bearer <device token>.")
    credential = parts.snapshot().credential(hashlib.sha256(token.strip().encode()).hexdigest(), now)
    if credential is None:
        raise Refused("token_unknown", "This token is not valid.", 401, "Ask the administrator for a new one.")
    if credential.role != "device":
        raise Refused("role_forbidden", "This token may not post scans.", 403, "Use the token of the device.")
    return Device.of(credential)


def _now(settings: Settings, request: Request, wall: datetime) -> datetime:
    stated = request.headers.get(_SIMULATED)
    if stated is None:
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
