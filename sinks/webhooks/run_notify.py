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
    store = WebhookStore(settings.webhook_store())
    try:
        notifier = Notifier(settings, store)
        log.info("notifier starts", metrics_port=settings.notify_metrics_port)
        uvloop.run(notifier.serve(step))
    finally:
        store.close()
    log.info("notifier stopped")


class Notifier:
    """The reference, the reading and the delivering halves, put together over one store."""

    def __init__(self, settings: Settings, store: WebhookStore) -> None:
        self._settings = settings
        self._store = store
        self._metrics = Metrics()
        self._feed = ReferenceFeed(settings, load_gazetteer())
        self._gathering = Gathering(settings, store, self.endpoints, self._metrics)
        self._key = webhook_key(settings)
        self._networks = read_networks(settings.webhook_networks)

    def endpoints(self) -> Mapping[str, Dated[WebhookData]]:
        """The endpoints that hold now."""
        return endpoints_in_force(self._feed.current, datetime.now(LOCAL))

    async def serve(self, step: Step | None = None) -> None:
        """Runs until SIGTERM or SIGINT. Raises Misconfigured or Unavailable when the reference cannot be read."""
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.set_default_executor(ThreadPoolExecutor(_NAME_THREADS, "notify"))
        client = WebhookClient(self._networks, self._settings.webhook_seconds)
        delivering = Delivering(self._store, client, self.endpoints, self._key, self._settings.console_url)
        health = self._health(delivering)
        health.start()
        try:
            await asyncio.to_thread(self._feed.start)
            self._gathering.start()
            await delivering.run(self._metrics, stop, step)
        finally:
            await asyncio.gather(*(asyncio.to_thread(end) for end in (self._gathering.stop, self._feed.stop, health.stop)))
            await client.aclose()

    def _health(self, delivering: Delivering) -> HealthServer:
        feed, metrics = self._feed, self._metrics
        metrics.refresh(lambda: delivering.measure(metrics))
        checks = {
            "reference": lambda: None if feed.ready() else "the reference topic was not read to its end, or reading failed",
            "kafka": self._gathering.problem,
        }
        host, port = self._settings.metrics_host, self._settings.notify_metrics_port
        return HealthServer(host, port, metrics, checks, lambda: time.monotonic() - delivering.ticked_at < _STUCK_SECONDS)
