"""`arrivals gateway`, `router`, `sink`, `desk`, `api`, `notify`: one part in the foreground, as compose and Kubernetes run it."""

from __future__ import annotations

import typer

from arrivals.cli.helping import PARTS
from arrivals.runtime.settings import load_settings


def gateway() -> None:
    """Run the gateway: devices post scans here.

    In the foreground until SIGTERM or Ctrl-C, on ARRIVALS_GATEWAY_HOST and _PORT.
    """
    from producers.serve_gateway import run_gateway

    run_gateway(load_settings())


def router() -> None:
    """Run one router: it decides scans.

    As many processes as `scans` has partitions may share the work; health and metrics on ARRIVALS_ROUTER_METRICS_PORT.
    """
    from streams.router import run_router

    run_router(load_settings())


def sink() -> None:
    """Run one sink: it stores what was decided in ClickHouse.

    Exactly once in effect. Health and metrics on ARRIVALS_SINK_METRICS_PORT.
    """
    from sinks.run_sink import run_sink

    run_sink(load_settings())


def api() -> None:
    """Run the API and the console.

    In the foreground until SIGTERM or Ctrl-C, on ARRIVALS_API_HOST and _PORT.
    """
    from serving.run_api import run_api

    run_api(load_settings())


def notify() -> None:
    """Run the notifier: it tells units by webhook what lies on their lists.

    One process. Keeps its progress in ARRIVALS_WEBHOOK_STORE_FILE; health and metrics on ARRIVALS_NOTIFY_METRICS_PORT.
    """
    from sinks.webhooks.run_notify import run_notify

    run_notify(load_settings())


def desk() -> None:
    """Run one desk: it keeps the units' duties, watches their deadlines and publishes what they do.

    Health and metrics on ARRIVALS_DESK_METRICS_PORT; its database is ARRIVALS_DESK_URL (embedded: a file).
    """
    from serving.desk.run_desk import run_desk

    run_desk(load_settings())


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    for command in (gateway, router, sink, desk, api, notify):
        app.command(rich_help_panel=PARTS)(command)
