"""Puts the gateway together and serves it: reference feed, keys, producer, duplicate window, Granian.

On SIGTERM the server stops accepting, finishes what is under way, and closes the producer.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server
from kafka import TopicPartition

from arrivals.runtime.health import Checks
from arrivals.runtime.kafka_batches import BatchProducer, QuietSelector
from arrivals.runtime.kafka_clients import make_consumer, make_producer
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.logs import configure_logs
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.reference_feed import ReferenceFeed
from arrivals.runtime.settings import Settings
from producers.bodies import Bodies
from producers.confirm import Confirming
from producers.duplicates import DuplicateWindow
from producers.gateway import Parts, build_app
from producers.helpers import Deriving, Helpers
from producers.kinds import KINDS
from producers.rates import RateLimit
from producers.receiving import Outcome, Receiving
from producers.sealer import Sealer
from reference.gazetteer import load_gazetteer
from schemas.errors import Misconfigured

#: The topics the gateway writes on.
_WRITTEN = (*(kind.topic for kind in KINDS), "duplicates", "dead-letters")
_WARM_SECONDS = 8.0
_KAFKA_SECONDS = 30.0
#: A broker that is away must not block the loop. The client's own metrics are read by nobody.
_PRODUCER: dict[str, Any] = {"max_block_ms": 50, "metrics_enabled": False, "selector": QuietSelector}
#: The producer's network thread asks for its turn six times per request; it should not wait 5 ms each time for a busy loop.
_TURN_SECONDS = 0.001
#: Objects made between two looks of the garbage collector: a post of 500 scans makes some ten thousand, all freed without it.
_GARBAGE_THRESHOLD = 50_000
#: Granian's own lines go through our log, and only those that say something went wrong.
_LOGGING: dict[str, Any] = {"loggers": {"_granian": {"propagate": True}}}


def run_gateway(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT. Raises Misconfigured or Unavailable when it cannot start."""
    log = configure_logs(settings, "gateway")
    metrics = Metrics()
    version = metrics.gauge("arrivals_reference_version")
    feed = ReferenceFeed(settings, load_gazetteer(), lambda snapshot: version.set(snapshot.version))
    feed.start()
    keys = KeyStore.open(settings.secret_path("keys.json", settings.keys_file), create=settings.mode == "embedded")
    sys.setswitchinterval(_TURN_SECONDS)
    producer = make_producer(settings, **_PRODUCER)
    confirming = Confirming(BatchProducer(producer), settings.gateway_confirm_seconds)
    confirming.learn_topics([settings.topic(name) for name in _WRITTEN], _KAFKA_SECONDS)
    windows = {kind.path: warmed_window(settings, settings.topic(kind.topic)) for kind in KINDS}
    sealer, rates = Sealer(keys, settings.topic, os.urandom), RateLimit(settings.gateway_rate_per_device)
    helpers = Helpers(settings, settings.gateway_helpers)
    parts = Parts(
        settings=settings,
        snapshot=lambda: feed.current,
        receiving={
            one.kind.path: Receiving(lambda: feed.current, one, confirming, windows[one.kind.path], rates, metrics)
            for one in (Deriving(kind, sealer, helpers) for kind in KINDS)
        },
        bodies=Bodies(settings.gateway_max_body_bytes, settings.gateway_body_seconds),
        metrics=metrics,
        checks=_checks(feed, confirming, keys),
    )
    gc.freeze()  # gazetteer, reference and ids stay; looking at them again and again is wasted
    gc.set_threshold(_GARBAGE_THRESHOLD)
    log.info(
        "gateway_started",
        port=settings.gateway_port,
        reference_version=feed.current.version,
        ids_remembered=sum(map(len, windows.values())),
    )
    try:
        serve(build_app(parts), settings.gateway_host, settings.gateway_port, helpers.keep)
    finally:
        producer.close(timeout=5)
        feed.stop()
        log.info("gateway_stopped")


def serve(app: Any, host: str, port: int, beside: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
    """Serves an ASGI app with Granian in this process until SIGTERM or SIGINT, then finishes what is under way.

    `beside` runs on the same loop from start to end; it is cancelled then.
    """
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=10_000, max_buffer_size=32_768),
        websockets=False,
        backlog=2_048,
        backpressure=4_096,
        log_access=False,
        log_level=LogLevels.error,
        log_dictconfig=_LOGGING,
    )

    async def main() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        other = asyncio.ensure_future(beside()) if beside else None
        serving, stopping = asyncio.ensure_future(server.serve()), asyncio.ensure_future(stop.wait())
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not serving.done():
            server.stop()  # type: ignore[no-untyped-call]
        await serving
        if other is not None:
            other.cancel()
            await asyncio.wait((other,))

    uvloop.run(main())


def warmed_window(settings: Settings, topic: str) -> DuplicateWindow[Outcome]:
    """A window with the ids of the topic's newest records read back, so that a restarted gateway still knows them."""
    window: DuplicateWindow[Outcome] = DuplicateWindow(settings.gateway_duplicate_window)
    if not settings.gateway_duplicate_window:
        return window
    consumer = make_consumer(settings, fetch_max_wait_ms=50)
    deadline = time.monotonic() + _WARM_SECONDS
    try:
        partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        share = settings.gateway_duplicate_window // max(1, len(partitions))
        begins = consumer.beginning_offsets(partitions)
        for tp in partitions:
            consumer.seek(tp, max(begins[tp], ends[tp] - share))
        while time.monotonic() < deadline and any(consumer.position(tp) < ends[tp] for tp in partitions):
            for records in consumer.poll(200, max_records=5_000).values():
                for record in records:
                    headers = dict(record.headers)
                    if "digest" in headers:
                        window.confirm(headers["event_id"].decode(), headers["digest"].decode())
    finally:
        consumer.close()
    return window


def _checks(feed: ReferenceFeed, confirming: Confirming, keys: KeyStore) -> Checks:
    def sites() -> str | None:
        if not feed.ready():
            return "the reference topic is not read yet"
        return None if feed.current.sites else "no site is registered yet"

    def key_store() -> str | None:
        try:
            keys.reload()
        except Misconfigured as error:
            return str(error)
        return None

    return {"kafka": confirming.problem, "reference": sites, "keys": key_store}
