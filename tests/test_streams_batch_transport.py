"""The engine on a real broker: nothing lost, nothing committed too early, whatever dies and whoever joins."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from kafka import TopicPartition

from arrivals.embedded.kafka.server import KafkaServer
from tests.streams_kit import Bench, until


@pytest.fixture
def bench(kafka_server: KafkaServer) -> Iterator[Bench]:
    bench = Bench(kafka_server.bootstrap)
    yield bench
    bench.close()


@pytest.mark.parametrize(("point", "number"), [("step", 17), ("produced", 1), ("acknowledged", 9)])
def test_a_killed_worker_loses_nothing_and_commits_nothing_unproduced(bench: Bench, point: str, number: int) -> None:
    bench.send(2_000)
    assert bench.start((point, number), "one").wait(30) == -9
    assert bench.committed_but_not_produced() == set()
    successor = bench.start(name="one")
    bench.finish()
    assert bench.stop(successor) == 0
    assert bench.missing() == set()


@pytest.mark.torture
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", range(5))
def test_killed_forty_times_at_seeded_points(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(40):
        bench.send(200)
        point = chance.choice(["step", "produced", "acknowledged"]), chance.randrange(1, 9)
        assert bench.start(point, "one", batch_records=20).wait(60) == -9
        assert bench.committed_but_not_produced() == set()
    bench.start(name="one")
    bench.finish()
    assert bench.missing() == set()


def test_a_step_that_raises_ends_the_process_and_is_not_passed(bench: Bench) -> None:
    bench.send(1_000)
    worker = bench.start(die=("poison", 8))
    assert worker.wait(30) == 1
    assert "ValueError: poison" in bench.said(worker)
    assert bench.missing()
    assert bench.committed_but_not_produced() == set()
    bench.start()
    bench.finish()
    assert bench.missing() == set()


def test_sigterm_drains_commits_and_repeats_nothing(bench: Bench) -> None:
    bench.send(6_000)
    worker = bench.start(batch_records=20)
    until(lambda: bool(bench.outputs()))
    assert bench.stop(worker) == 0
    assert sum(bench.committed().values()) == len(bench.outputs()) < 6_000
    bench.start()
    bench.finish()
    assert set(Counter(bench.outputs()).values()) == {1}
    assert bench.missing() == set()


def test_workers_join_and_leave_under_traffic(bench: Bench) -> None:
    first = bench.start()
    bench.send(1_000)
    until(lambda: len(bench.outputs()) > 0)
    second = bench.start()
    bench.send(1_000)
    until(lambda: len(bench.outputs()) > 1_000)
    third = bench.start()
    bench.send(1_000)
    assert bench.stop(first) == 0
    bench.send(1_000)
    second.kill()
    bench.send(1_000)
    bench.finish()
    assert bench.stop(third) == 0
    assert bench.missing() == set()
    assert len(bench.ends()) == bench.partitions


def test_order_is_kept_per_key_and_headers_arrive(bench: Bench) -> None:
    bench.send(3_000)
    bench.start(batch_records=7)
    bench.finish()
    seen: dict[bytes, int] = {}
    for record in bench.read(bench.target):
        assert int(record.value) > seen.get(record.key, -1)
        seen[record.key] = int(record.value)
        assert record.headers[0][0] == "from"
    assert bench.missing() == set()


def test_without_group_offsets_it_starts_at_the_earliest(bench: Bench) -> None:
    bench.send(300)
    worker = bench.start()
    bench.finish()
    bench.stop(worker)
    bench.admin.delete_groups([bench.group])
    bench.send(10)
    bench.start()
    bench.finish()
    assert Counter(bench.outputs())[b"0"] == 2
    assert bench.missing() == set()


def test_records_gone_from_the_log_stop_it_and_are_named(bench: Bench) -> None:
    bench.send(300)
    worker = bench.start()
    bench.finish()
    bench.stop(worker)
    before = bench.committed()
    bench.send(300)
    bench.admin.delete_records({TopicPartition(bench.source, 0): before[0] + 5})
    stopped = bench.start()
    assert stopped.wait(30) == 1
    assert f"offset {before[0]} was to come next, but the log goes on at {before[0] + 5}" in bench.said(stopped)
    assert bench.committed()[0] == before[0]
