"""`/healthz`, `/readyz`, `/metrics`: for operators and probes, without a credential and without personal data."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from arrivals.runtime.health import readiness
from arrivals.runtime.metrics import CONTENT_TYPE
from serving.services import Services


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["operations"])

    @routes.get("/healthz", summary="Whether the process lives", response_class=PlainTextResponse)
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")

    @routes.get("/readyz", summary="Whether it can serve; names what is missing")
    async def readyz() -> Response:
        # The checks may ask a server: not in the event loop.
        status, body = await asyncio.to_thread(readiness, services.checks)
        return Response(body, status, media_type="application/json")

    @routes.get("/metrics", summary="Prometheus metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        return Response(services.metrics.exposition(), media_type=CONTENT_TYPE)

    return routes
