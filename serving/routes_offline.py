"""What a browser needs to open a page of duties without network: its worker, and what it shows in place of other pages."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.pages import Pages

#: A worker lives under the policy it came with: it asks this server and nobody else.
_HEADERS = {"Content-Security-Policy": "default-src 'none'; connect-src 'self'", "Cache-Control": "no-cache"}


def router(pages: Pages) -> APIRouter:
    """The routes. The worker lies at the root because that is how far it reaches."""
    routes = APIRouter(include_in_schema=False)
    worker = (files("serving") / "static" / "worker.js").read_bytes()

    @routes.get("/worker.js")
    async def worker_script() -> Response:
        return Response(worker, media_type="text/javascript", headers=_HEADERS)

    @routes.get("/offline")
    async def offline(request: Request) -> Response:
        return pages.render(request, "offline.html", {})

    return routes
