"""Builds re-flagging from the settings and runs it in the foreground until SIGTERM or SIGINT."""

from __future__ import annotations

import gc
import signal
import time
from contextlib import ExitStack
from threading import Event

from structlog.stdlib import BoundLogger

from arrivals.runtime.health import HealthServer
from arrivals.runtime.kafka_clients import UNHURRIED, Publisher, make_consumer, make_producer
from arrivals.runtime.kafka_reading import read_lean
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.logs import configure_logs
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.settings import Settings
from reference.gazetteer import load_gazetteer
from reference.history import ReferenceHistory
from schemas.errors import Unavailable
from streams.batch_publishing import BatchPublishing
from streams.deciding import Targets, opener
from streams.reflag import Reflag
from streams.reflag_positions import group_of, kafka_errors
from streams.reflagging import Reflagging
from streams.stored_arrivals import StoredArrivals

_RETRY_SECONDS = 1.0
#: No chunk and no poll takes as long.
_STUCK_SECONDS = 120.0
#: No chunk and no poll takes as long.
_STUCK_SECONDS = 120.0
#: Thousands of versions are on their way at a time; they may take longer than one scan of a device.
_PATIENCE = {"linger_ms": 10, "delivery_timeout_ms": 60_000, "request_timeout_ms": 30_000, "max_block_ms": 30_000}


def run_reflag(settings: Settings, stop: Event | None = None) -> None:
    """Runs until a signal, or until `stop` is set. Raises Misconfigured when an operator is needed."""
    log, metrics, ending = configure_logs(settings, "reflag"), Metrics(), stop or Event()
    if stop is None:
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: ending.set())
    with ExitStack() as closing:
        part, stored = build_reflag(settings, metrics, log, closing)
        checks = {
            "kafka": lambda: None if part.reading else "the topics are not being read yet",
            "servers": lambda: part.trouble,
        }
        gc.freeze()  # the gazetteer is for ever; walking it again for every thousand arrivals is not worth anything
        gc.set_threshold(50_000, 20, 50)
        alive = lambda: time.monotonic() - part.moved_at < _STUCK_SECONDS  # noqa: E731
        health = HealthServer(settings.metrics_host, settings.reflag_metrics_port, metrics, checks, alive)
        health.start()
        closing.callback(health.stop)
        log.info("reflag_started", metrics_port=health.port)
        _go_on(part, stored, ending, log)
    log.info("reflag_stopped")


def build_reflag(settings: Settings, metrics: Metrics, log: BoundLogger, closing: ExitStack) -> tuple[Reflag, StoredArrivals]:
    """The part with its clients, which `closing` closes. Raises Unavailable."""
    with kafka_errors():
        rows, tail = make_consumer(settings), read_lean(make_consumer(settings, group=group_of(settings), **UNHURRIED))
        closing.callback(rows.close)
        closing.callback(tail.close)
        rare = Publisher(make_producer(settings))
        closing.callback(rare.close)
    many = BatchPublishing(settings)
    closing.callback(many.close)
    stored = StoredArrivals(settings)
    closing.callback(stored.close)
    keys = KeyStore.open(settings.secret_path("keys.json", settings.keys_file), create=settings.mode == "embedded")
    reflagging = Reflagging(stored, many, Targets.of(settings), opener(keys), metrics)
    history = ReferenceHistory(load_gazetteer())
    return Reflag(settings, history, (rows, tail, rare), (stored, reflagging), metrics, log), stored


def _go_on(part: Reflag, stored: StoredArrivals, stop: Event, log: BoundLogger) -> None:
    while not stop.is_set():
        try:
            if not part.reading:
                part.begin()
            part.step(stop)
            part.trouble = None
        except Unavailable as error:
            if error.code == "kafka_unconfirmed":  # what became of it only a fresh process can find out
                raise
            part.trouble, part.moved_at = error.code, time.monotonic()
            log.warning("reflag_waits", code=error.code)
            stored.close()
            stop.wait(_RETRY_SECONDS)
