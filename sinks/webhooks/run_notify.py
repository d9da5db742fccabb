"""Builds the notifier from the settings and runs it in the foreground until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import uvloop

from arrivals.runtime.health import HealthServer
from arrivals.runtime.key_file import read_key
from arrivals.runtime.logs import configure_logs
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.reference_feed import ReferenceFeed
from arrivals.runtime.settings import Settings
from arrivals.runtime.webhook_addresses import read_networks
from arrivals.runtime.webhook_client import WebhookClient
from arrivals.runtime.webhook_store import WebhookStore
from reference.dated import Dated
from reference.gazetteer import load_gazetteer
from schemas.base import LOCAL
from schemas.webhook import WebhookData
from sinks.webhooks.delivering import Delivering, Step
from sinks.webhooks.endpoints import endpoints_in_force
from sinks.webhooks.gathering import Gathering

_STUCK_SECONDS = 60.0
#: Names of receivers resolved at one time; a name server that does not answer holds a thread for a while.
_NAME_THREADS = 64


def webhook_key(settings: Settings) -> bytes:
    """The key the secrets follow from; the embedded mode makes it. Raises Misconfigured."""
    path = settings.secret_path("webhooks", settings.webhook_key_file)
    return read_key(path, "webhook_key", create=settings.mode == "embedded")


def run_notify(settings: Settings, step: Step | None = None) -> None:
    """Runs until a signal. Raises Misconfigured or Unavailable when it cannot start. `step`: see `Delivering.run`."""
    log = configure_logs(settings, "notify")
    metrics, key, networks = Metrics(), webhook_key(settings), read_networks(settings.webhook_networks)
    store, feed = WebhookStore(settings.webhook_store()), ReferenceFeed(settings, load_gazetteer())

    def endpoints() -> Mapping[str, Dated[WebhookData]]:
        return endpoints_in_force(feed.current, datetime.now(LOCAL))

    gathering = Gathering(settings, store, endpoints, metrics)

    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        client = WebhookClient(networks, settings.webhook_seconds)
        delivering = Delivering(store, client, endpoints, key, settings.console_url)
        metrics.refresh(lambda: delivering.measure(metrics))
        loop.set_default_executor(ThreadPoolExecutor(_NAME_THREADS, "notify"))
        checks = {
            "reference": lambda: None if feed.ready() else "the reference topic was not read to its end, or reading failed",
            "kafka": gathering.problem,
        }
        health = HealthServer(
            settings.metrics_host,
            settings.notify_metrics_port,
            metrics,
            checks,
            lambda: time.monotonic() - delivering.ticked_at < _STUCK_SECONDS,
        )
        health.start()
        try:
            await asyncio.to_thread(feed.start)
            gathering.start()
            log.info("notifier started", metrics_port=health.port)
            await delivering.run(metrics, stop, step)
        finally:
            await asyncio.gather(*(asyncio.to_thread(end) for end in (gathering.stop, feed.stop, health.stop)))
            await client.aclose()

    try:
        uvloop.run(serve())
    finally:
        store.close()
    log.info("notifier stopped")
