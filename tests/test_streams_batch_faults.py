"""The engine against what a broker and a group can do to it: restarts, evictions, late and unordered deliveries, odd sizes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka.partitioner.default import murmur2

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.ports import free_port
from schemas.errors import Unavailable
from streams.batch_engine import BatchEngine, BatchReport, EngineSettings
from streams.batch_records import Batch
from tests.conftest import JARS, QUICK_JAVA
from tests.streams_kit import Bench, until


@pytest.fixture
def bench(kafka_server: KafkaServer) -> Iterator[Bench]:
    bench = Bench(kafka_server.bootstrap)
    yield bench
    bench.close()


class HoldingEngine(BatchEngine):
    """Keeps back the acknowledgement of its first turn until `let_go`."""

    def __init__(self, bench: Bench, **settings: Any) -> None:
        settings = {"batch_records": 50, "commit_seconds": 0.1, **settings}
        super().__init__(EngineSettings(bench.group, bench.bootstrap, bench.source, **settings), self.copy)
        self.target = bench.target
        self.stop = asyncio.Event()
        self.held: list[Callable[[], None]] = []
        self.finished = 0

    def copy(self, batch: Batch) -> list[Any]:
        return [(self.target, record.key, record.value, []) for record in batch.records]

    def _finish(self, message: Any, report: BatchReport) -> None:
        self.finished += report.records
        if not self.held:
            self.held.append(lambda: BatchEngine._finish(self, message, report))
            self.kept = report.partitions
        else:
            super()._finish(message, report)

    def let_go(self) -> None:
        self.held[0]()


async def eventually(true: Callable[[], bool], seconds: float = 30.0) -> None:
    await asyncio.to_thread(until, true, seconds)


def test_batches_delivered_before_an_open_one_are_not_committed(bench: Bench) -> None:
    bench.send(1_000)
    engine = HoldingEngine(bench)

    async def scene() -> None:
        running = asyncio.create_task(engine.serve(engine.stop))
        await eventually(lambda: engine.finished == 1_000)
        others = {n: end for n, end in bench.ends().items() if n not in engine.kept}
        await asyncio.sleep(1.0)
        await eventually(lambda: bench.committed() == others)
        assert all(engine.health().partitions[kept].lag == bench.ends()[kept] for kept in engine.kept)
        engine.let_go()
        await eventually(lambda: bench.committed() == bench.ends())
        assert {health.lag for health in engine.health().partitions.values()} == {0}
        engine.stop.set()
        await running

    asyncio.run(scene())
    assert bench.missing() == set()


def test_an_evicted_workers_late_result_is_not_committed(bench: Bench) -> None:
    bench.send(1_000)
    engine = HoldingEngine(bench, rebalance_seconds=6.0)

    async def scene() -> None:
        running = asyncio.create_task(engine.serve(engine.stop))
        await eventually(lambda: engine.finished == 1_000)
        heir = bench.start(rebalance_seconds=6.0)
        await eventually(lambda: bench.committed() == bench.ends())
        committed = bench.committed()
        bench.stop(heir)
        engine.let_go()
        await eventually(lambda: engine.health().ready)
        assert bench.committed() == committed
        engine.stop.set()
        await running

    asyncio.run(scene())
    assert bench.committed() == bench.ends()
    assert bench.missing() == set()


@pytest.mark.parametrize("end", ["kill", pytest.param("stop", marks=pytest.mark.torture)])
def test_a_broker_restart_is_survived(tmp_path: Path, end: str) -> None:
    with KafkaServer(tmp_path, cache_dir=JARS, java_options=QUICK_JAVA) as server, closing(Bench(server.bootstrap)) as bench:
        worker = bench.start()
        bench.send(500)
        until(lambda: len(bench.outputs()) > 0)
        bench.disconnect()
        getattr(server, end)()
        server.start()
        bench.connect()
        bench.send(500)
        bench.finish()
        assert worker.poll() is None
        assert bench.missing() == set()


@pytest.mark.torture
def test_sigterm_without_a_broker_ends_the_process_and_loses_nothing(tmp_path: Path) -> None:
    with KafkaServer(tmp_path, cache_dir=JARS, java_options=QUICK_JAVA) as server, closing(Bench(server.bootstrap)) as bench:
        worker = bench.start(drain_seconds=2.0, batch_records=5)
        bench.send(5_000)
        until(lambda: len(bench.outputs()) > 0)
        bench.disconnect()
        server.kill()
        assert bench.stop(worker) == 1
        assert "Kafka did not take in time" in bench.said(worker)
        server.start()
        bench.connect()
        bench.start()
        bench.finish()
        assert bench.missing() == set()


def test_an_unreachable_broker_is_one_of_our_errors(unused_tcp_address: str) -> None:
    engine = BatchEngine(EngineSettings("nobody", unused_tcp_address, "nothing"), lambda _batch: [])
    with pytest.raises(Unavailable, match="Kafka"):
        asyncio.run(engine.serve(asyncio.Event()))


@pytest.fixture
def unused_tcp_address() -> str:
    return f"127.0.0.1:{free_port()}"


def test_records_larger_than_a_batch_many_topics_and_the_usual_partitioner(bench: Bench) -> None:
    bench.send(20)
    settings = EngineSettings(bench.group, bench.bootstrap, bench.source, output_batch_bytes=2_000, compression="lz4")
    sizes = [10, 5_000, 1_990, 900_000, 0]

    def step(batch: Batch) -> list[Any]:
        return [
            (bench.target, b"%d-%d" % (record.offset, size), bytes(size), [("size", b"%d" % size), ("none", None)])
            for record in batch.records
            for size in sizes
        ]

    engine = BatchEngine(settings, step)

    async def scene() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(engine.serve(stop))
        await eventually(lambda: bench.committed() == bench.ends())
        stop.set()
        await running

    asyncio.run(scene())
    records = bench.read(bench.target)
    assert len(records) == 20 * len(sizes)
    for record in records:
        assert record.headers == [("size", b"%d" % len(record.value)), ("none", None)]
        assert record.partition == (murmur2(record.key) & 0x7FFFFFFF) % 4
