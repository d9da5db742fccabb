"""`/v1/audit-trail`: who did and read what, for administrators, and whether the chain is whole."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from serving.authentication import Allow
from serving.desk import trail
from serving.routes_units import answer
from serving.services import Services
from serving.units import LARGEST_PAGE, USUAL_PAGE


def router(services: Services) -> APIRouter:
    """The routes."""
    allow = [Depends(Allow(services, frozenset({"administrator"})))]
    routes = APIRouter(prefix="/v1/audit-trail", tags=["administrators"], dependencies=allow)
    desk = services.desk

    @routes.get("", summary="The newest lines, of one arrival or of all")
    async def lines(
        event_id: str | None = Query(None, description="Only of this arrival"),
        before: int | None = Query(None, ge=1, description="Only lines below this number"),
        limit: int = Query(USUAL_PAGE, ge=1, le=LARGEST_PAGE),
    ) -> Response:
        return answer({"lines": await desk.run(lambda: trail.newest(desk.store.engine, limit, before, event_id))})

    @routes.get("/verification", summary="Whether every line still continues the one before")
    async def verification() -> Response:
        return answer(asdict(await desk.run(lambda: trail.verify(desk.store.engine))))

    return routes
