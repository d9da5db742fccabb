"""`/v1/overview`: the day at a glance, once or as it changes. Aggregates and masked alerts only, confined to the
credential's county.
"""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from serving.access import ANALYSING
from serving.authentication import Allow
from serving.routes_units import answer
from serving.services import Services


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1/overview", tags=["overview"], dependencies=[Depends(Allow(services, ANALYSING))])

    @routes.get("", summary="The newest day at a glance")
    async def overview(request: Request) -> Response:
        return answer(await services.board.present(request.state.who))

    @routes.get("/stream", summary="The same, followed by the sections that change", response_class=Response)
    async def stream(request: Request) -> Response:
        return await services.board.open(request.state.who)

    return routes
