"""`arrivals gateway`, `router`, `sink`, `api`: one part in the foreground, as compose and Kubernetes run it."""

from __future__ import annotations

import typer

from arrivals.runtime.settings import load_settings


def gateway() -> None:
    """Run the gateway: devices post scans here."""
    from producers.serve_gateway import run_gateway

    run_gateway(load_settings())


def router() -> None:
    """Run one router: decides scans (as many processes as partitions may share the work)."""
    from streams.router import run_router

    run_router(load_settings())


def sink() -> None:
    """Run one sink: stores what was decided in ClickHouse."""
    from sinks.run_sink import run_sink

    run_sink(load_settings())


def api() -> None:
    """Run the API and the console."""
    from serving.run_api import run_api

    run_api(load_settings())


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    for command in (gateway, router, sink, api):
        app.command()(command)
