"""One router process: the reference feed, the step and the Faust engine put together, with health and metrics.

Delivery guarantee: at least once (`streams.batch_engine`). A scan decided twice after a crash carries the same event
id, and under the same
reference version the same bytes; consumers keep one.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from arrivals.runtime.health import HealthServer
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.logs import configure_logs
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.reference_feed import ReferenceFeed
from arrivals.runtime.settings import Settings
from reference.gazetteer import load_gazetteer
from reference.snapshot import Snapshot
from streams.batch_engine import BatchEngine, BatchReport, EngineHealth, EngineSettings
from streams.deciding import Deciding, Targets
from streams.faust_security import faust_credentials

#: A step takes tenths of a second. One that lasts this long hangs, and the process should be started again; Kafka would put
#: the router out of its group only after 240 s (`broker_max_poll_interval`, twice `EngineSettings.stall_seconds`).
STEP_HANGS_SECONDS = 60.0


def run_router(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT, then drains. Raises Misconfigured or Unavailable when it cannot go on."""
    log = configure_logs(settings, "router")
    metrics = Metrics()
    version = metrics.gauge("arrivals_reference_version")

    def swapped(snapshot: Snapshot) -> None:
        version.set(snapshot.version)

    feed = ReferenceFeed(settings, load_gazetteer(), swapped)
    feed.start()
    _ = feed.current.resolver  # built here, not in the first batch
    keys = KeyStore.open(settings.secret_path("keys.json", settings.keys_file), create=settings.mode == "embedded")
    step = Deciding(_checked(feed), keys, Targets.of(settings), metrics, os.urandom)
    engine = BatchEngine(_engine_settings(settings), step, _observer(metrics))
    health = _health(settings, metrics, feed, engine)
    health.start()
    log.info("router_started", group=settings.router_group, reference_version=feed.current.version)
    try:
        engine.run()
    finally:
        health.stop()
        feed.stop()
        log.info("router_stopped")


def _checked(feed: ReferenceFeed) -> Callable[[], Snapshot]:
    def current() -> Snapshot:
        if feed.failure:
            raise feed.failure
        return feed.current

    return current


def _engine_settings(settings: Settings) -> EngineSettings:
    return EngineSettings(
        group=f"{settings.kafka_topic_prefix}{settings.router_group}",
        bootstrap=settings.kafka_bootstrap,
        source=settings.topic("scans"),
        batch_records=settings.router_batch_records,
        member=settings.router_member,
        faust=faust_credentials(settings),
    )


def _observer(metrics: Metrics) -> Callable[[BatchReport], None]:
    seconds, records = (
        metrics.histogram("arrivals_router_batch_seconds"),
        metrics.histogram("arrivals_router_batch_records"),
    )
    progress = metrics.gauge("arrivals_router_progress_timestamp_seconds")

    def observe(report: BatchReport) -> None:
        seconds.observe(report.step_seconds)
        records.observe(report.records)
        progress.set_to_current_time()

    return observe


def _health(settings: Settings, metrics: Metrics, feed: ReferenceFeed, engine: BatchEngine) -> HealthServer:
    lag = metrics.gauge("arrivals_router_lag_records")

    def measure_lag() -> None:
        lag.clear()  # a partition that went to another router is its business
        for partition, health in engine.health().partitions.items():
            lag.labels(str(partition)).set(health.lag)

    metrics.refresh(measure_lag)

    def kafka_missing() -> str | None:
        state = engine.health()
        if not state.ready:
            return "not yet in the consumer group"
        return f"no progress on partitions {sorted(state.stalled)}" if state.stalled else None

    checks = {
        "kafka": kafka_missing,
        "reference": lambda: None if feed.ready() else "the reference topic is not read yet",
    }
    return HealthServer(
        settings.metrics_host,
        settings.router_metrics_port,
        metrics,
        checks,
        lambda: is_alive(engine.health()),
    )


def is_alive(health: EngineHealth) -> bool:
    """Whether the process should go on living: no partition stands still, and the step at work does not hang."""
    return not health.stalled and health.step_seconds < STEP_HANGS_SECONDS
