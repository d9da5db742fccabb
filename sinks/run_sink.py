"""Builds a sink from the settings and runs it in the foreground until SIGTERM or SIGINT."""

from __future__ import annotations

import gc
import signal
import sys
import time
from threading import Event, current_thread, main_thread

from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.health import HealthServer
from arrivals.runtime.kafka_clients import UNHURRIED, make_consumer
from arrivals.runtime.kafka_reading import read_lean
from arrivals.runtime.logs import configure_logs
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.settings import Settings
from sinks.log_reader import LogReader
from sinks.misfits import Misfits
from sinks.sink import Sink
from sinks.storing import Step, Storing
from sinks.writer import RangeWriter

#: The loop must poll at least this often; the group expels a member after five minutes.
_STUCK_SECONDS = 60.0


def build_sink(settings: Settings, metrics: Metrics, stop: Event, step: Step | None = None) -> tuple[Sink, Storing]:
    """One sink and its storing half. `step` is told of every step of the storing, for tests that crash there."""
    writer = RangeWriter(lambda: connect(settings), clustered=settings.clickhouse_cluster is not None)
    storing = Storing(writer, LogReader(settings), Misfits(settings), metrics, stop, step)
    tuning = {
        **UNHURRIED,
        "auto_offset_reset": "none",  # an offset that is not there must stop the sink, never make it jump
        "max_poll_interval_ms": 300_000,
        "fetch_max_bytes": 16_777_216,  # what lies fetched and not yet decoded counts as memory of the sink
        "max_partition_fetch_bytes": 2_097_152,
        "metadata_max_age_ms": 5_000,  # topics and partitions made a moment ago are seen soon
    }
    consumer = read_lean(make_consumer(settings, group=settings.sink_group, **tuning))
    return Sink(consumer, storing, settings, metrics, stop), storing


def run_sink(settings: Settings, stop: Event | None = None) -> None:
    """Runs until a signal, or until `stop` is set; then stores what was polled, commits and returns.

    Raises Misconfigured when an operator is needed.
    """
    log = configure_logs(settings, "sink")
    metrics, stop = Metrics(), stop or Event()
    sink, storing = build_sink(settings, metrics, stop)
    checks = {
        "partitions": lambda: None if sink.positioned else "no partition is being read yet",
        "clickhouse": lambda: storing.trouble,
    }
    health = HealthServer(
        settings.metrics_host,
        settings.sink_metrics_port,
        metrics,
        checks,
        lambda: time.monotonic() - sink.polled_at < _STUCK_SECONDS,
    )
    if current_thread() is main_thread():
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
    # Decoding makes many objects that live for one batch and no cycles; the collector would walk them again and again.
    gc.set_threshold(100_000, 50, 100)
    # Three threads share the interpreter; with the usual 5 ms the socket threads would wait longer than they work.
    sys.setswitchinterval(0.0005)
    health.start()
    log.info("sink started", metrics_port=health.port, group=settings.sink_group)
    try:
        sink.run()
    finally:
        health.stop()
    log.info("sink stopped")
