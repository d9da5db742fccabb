"""`/docs`: the OpenAPI description as one page of our own, readable without the internet."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.pages import Pages


def router(pages: Pages) -> APIRouter:
    """The route."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/docs")
    async def docs(request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        return pages.render(request, "docs.html", {"api": request.app.openapi(), "base": base})

    return routes
