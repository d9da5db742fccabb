"""Puts the API together: routes, headers, errors, documentation. `create_app` starts nothing; the app's lifespan does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.resources import files

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from serving import (
    problems,
    routes_accounts,
    routes_accounts_page,
    routes_analysis,
    routes_analyst,
    routes_console,
    routes_contacts,
    routes_corrections,
    routes_desk,
    routes_docs,
    routes_duties,
    routes_duty_page,
    routes_explanation,
    routes_grades,
    routes_offline,
    routes_oidc,
    routes_operations,
    routes_overview,
    routes_roster,
    routes_session,
    routes_trail,
    routes_units,
)
from serving.authentication import present
from serving.headers import Headers
from serving.pages import Pages
from serving.services import Services

#: How often open streams are compared with the rights in force: one that was taken away ends its streams within five seconds.
SWEEP_SECONDS = 2.0
_DESCRIPTION = (
    "Who arrived, whose business it is, and why. All times are Beijing time; all errors are problem details (RFC 9457)."
)


def create_app(services: Services) -> FastAPI:
    """The ASGI application over the given services."""
    app = FastAPI(
        title="checkpoint-arrivals",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(services),
    )
    pages = Pages(secure=services.secure)
    for routes in (
        routes_operations.router(services),
        routes_units.router(services),
        routes_desk.router(services),
        routes_duties.router(services),
        routes_trail.router(services),
        routes_accounts.router(services),
        routes_explanation.router(services, pages),
        routes_grades.router(services, pages),
        routes_corrections.router(services),
        routes_contacts.router(services, pages),
        routes_overview.router(services),
        routes_analyst.router(services),
        routes_console.router(services, pages),
        routes_duty_page.router(services, pages),
        routes_roster.router(services, pages),
        routes_analysis.router(services, pages),
        routes_session.router(services, pages),
        routes_session.password_router(services, pages),
        routes_oidc.router(services, pages),
        routes_accounts_page.router(services, pages),
        routes_docs.router(pages),
        routes_offline.router(pages),
    ):
        app.include_router(routes)
    app.mount("/static", StaticFiles(directory=str(files("serving") / "static")), name="static")
    problems.install(app, pages)
    app.add_middleware(Headers, metrics=services.metrics, secure=services.secure)
    return app


def _lifespan(services: Services) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(services.board.run()), asyncio.create_task(_sweep(services))]
        try:
            yield
        finally:
            services.hub.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return lifespan


async def _sweep(services: Services) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        readers = services.hub.principals()
        ended = readers - await present(services, readers)
        services.hub.sweep(lambda who, ended=ended: who not in ended)  # type: ignore[misc]
