"""The router's `/healthz`: a step that hangs ends the process before Kafka puts it out of its group."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.runtime.metrics import Metrics
from streams.batch_engine import BatchEngine, EngineHealth, EngineSettings, build_app
from streams.batch_records import Batch
from streams.router import STEP_HANGS_SECONDS, is_alive
from tests.streams_kit import Bench, until


@pytest.fixture
def bench(kafka_server: KafkaServer) -> Iterator[Bench]:
    bench = Bench(kafka_server.bootstrap, partitions=1)
    yield bench
    bench.close()


def health(seconds: float, stalled: tuple[int, ...] = ()) -> EngineHealth:
    return EngineHealth(ready=True, partitions={}, stalled=stalled, batches_in_flight=1, step_seconds=seconds)


def test_a_step_at_work_is_life_and_a_hanging_one_is_not() -> None:
    assert is_alive(health(0))
    assert is_alive(health(STEP_HANGS_SECONDS / 2))
    assert not is_alive(health(STEP_HANGS_SECONDS))
    assert not is_alive(health(0, stalled=(3,)))


def test_gauges_are_measured_when_they_are_asked_for() -> None:
    metrics, lags = Metrics(), iter([7, 9])
    metrics.refresh(lambda: metrics.gauge("arrivals_router_lag_records").labels("0").set(next(lags)))
    assert [lag in metrics.exposition() for lag in (b'records{partition="0"} 7.0', b'records{partition="0"} 9.0')] == [True, True]


def test_the_bound_ends_the_process_before_kafka_does(tmp_path: Path) -> None:
    settings = EngineSettings("g", "127.0.0.1:1", "scans")
    assert build_app(settings, tmp_path).conf.broker_max_poll_interval > 2 * STEP_HANGS_SECONDS


def test_a_hanging_step_is_seen_from_another_thread(bench: Bench) -> None:
    """The hanging step blocks the engine's own loop, so only another thread can tell."""
    hanging, release = threading.Event(), threading.Event()

    def step(batch: Batch) -> list[Any]:
        hanging.set()
        assert release.wait(60)
        return [(bench.target, record.key, record.value, []) for record in batch.records]

    engine = BatchEngine(EngineSettings(bench.group, bench.bootstrap, bench.source, commit_seconds=0.1), step)
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        stop.append((asyncio.get_running_loop(), asyncio.Event()))
        await engine.serve(stop[0][1])

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        bench.send(1)
        assert hanging.wait(60)
        began = time.monotonic()
        until(lambda: engine.health().step_seconds > 0.2)
        assert engine.health().step_seconds <= time.monotonic() - began + 5
        release.set()
        until(lambda: bench.committed() == bench.ends())
        assert engine.health().step_seconds == 0
    finally:
        release.set()
        loop, event = stop[0]
        loop.call_soon_threadsafe(event.set)
        thread.join(60)
    assert not thread.is_alive()
