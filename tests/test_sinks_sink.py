"""The whole sink in its consumer group: stores, outlasts an absent ClickHouse, needs no group offsets, hands over."""

from __future__ import annotations

import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.ports import free_port
from arrivals.runtime.kafka_clients import make_admin
from arrivals.runtime.settings import Settings
from schemas.errors import Misconfigured
from sinks.run_sink import build_sink, run_sink
from sinks.sink import Sink
from sinks.tables import BY_TOPIC
from tests.sinks_kit import Stand, arrivals

SELDOM = {"alerts", "duplicates", "unit-actions"}


@pytest.fixture
def stand(kafka_server: KafkaServer, clickhouse_server: ClickHouseServer, tmp_path: Path, topic_prefix: str) -> Iterator[Stand]:
    made = Stand(kafka_server, clickhouse_server, tmp_path, "sink-" + topic_prefix)
    yield made
    made.close()


@contextmanager
def running(stand: Stand, settings: Settings | None = None) -> Iterator[Sink]:
    """A sink of the stand's group on a thread, stopped in order at the end."""
    stop = Event()
    sink, _ = build_sink(
        (settings or stand.settings).model_copy(update={"sink_group": "g-" + stand.settings.kafka_topic_prefix}),
        stand.metrics,
        stop,
    )
    failed: list[BaseException] = []

    def run() -> None:
        try:
            sink.run()
        except BaseException as error:  # noqa: BLE001 (shown by the test's own thread)
            failed.append(error)

    thread = Thread(target=run)
    thread.start()
    try:
        yield sink
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    if failed:
        raise failed[0]


def wait_for(condition: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def shown(stand: Stand, count: int) -> Callable[[], bool]:
    return lambda: stand.ask("SELECT count() FROM v_arrivals")[0][0] == count


def test_arrivals_become_visible_and_are_committed(stand: Stand) -> None:
    stand.post([*arrivals(500), b"{"])
    with running(stand):
        wait_for(shown(stand, 500))
        stand.post(arrivals(100, seed=2))
        wait_for(shown(stand, 600))
        wait_for(lambda: stand.ask("SELECT count() FROM v_dead_letters") == [(1,)])  # the sink sinks its own dead letter
    assert stand.ask("SELECT count(), uniqExact(event_id) FROM v_arrival_history") == [(600, 600)]
    assert stand.ask("SELECT sum(records), sum(dead) FROM v_ingest_ranges WHERE topic = 'arrivals'") == [(601, 1)]
    assert stand.metric("arrivals_sink_rows_total", "arrivals") == 600


def test_what_was_polled_is_stored_before_the_end(stand: Stand) -> None:
    slow = stand.settings.model_copy(update={"sink_batch_seconds": 3600.0})
    with running(stand, slow) as sink:
        wait_for(lambda: sink.positioned)
        stand.post(arrivals(50))
        wait_for(lambda: sum(g.records for g in sink._gatherings.values()) == 50)
        assert stand.ask("SELECT count() FROM v_arrivals") == [(0,)]
    assert stand.ask("SELECT count() FROM v_arrivals") == [(50,)]


def test_what_nobody_waits_for_has_every_fourth_turn_and_the_last(stand: Stand) -> None:
    stop = Event()
    sink, _ = build_sink(stand.settings, stand.metrics, stop)
    rounds = [[gathering.sink.topic for gathering in sink._due()] for _ in range(8)]
    assert all("arrivals" in turn and "dead-letters" in turn for turn in rounds)
    assert Counter(topic for turn in rounds for topic in turn if topic in SELDOM) == dict.fromkeys(SELDOM, 2)
    assert max(len(SELDOM.intersection(turn)) for turn in rounds) == 1
    stop.set()
    assert {gathering.sink.topic for gathering in sink._due()} == set(BY_TOPIC)
    sink.run()


def test_deleted_group_offsets_change_nothing(stand: Stand) -> None:
    stand.post(arrivals(200))
    with running(stand):
        wait_for(shown(stand, 200))
    admin = make_admin(stand.settings)
    admin.delete_groups(["g-" + stand.settings.kafka_topic_prefix])
    admin.close()
    before = stand.ask("SELECT count() FROM v_ingest_ranges")
    with running(stand) as sink:
        wait_for(lambda: sink.positioned)
        stand.post(arrivals(10, seed=3))
        wait_for(shown(stand, 210))
    assert stand.ask("SELECT sum(records) FROM v_ingest_ranges WHERE topic = 'arrivals'") == [(210,)]
    assert before < stand.ask("SELECT count() FROM v_ingest_ranges")


def test_a_second_sink_takes_partitions_over(stand: Stand) -> None:
    with running(stand) as one:
        wait_for(lambda: one.positioned)
        with running(stand) as two:
            wait_for(lambda: one.positioned and two.positioned and bool(two._consumer.assignment()))
            stand.post(arrivals(400))
            wait_for(shown(stand, 400))
            assert not one._consumer.assignment() & two._consumer.assignment()
        stand.post(arrivals(100, seed=5))
        wait_for(shown(stand, 500))
    assert stand.ask("SELECT count() FROM v_arrival_history") == [(500,)]


def test_clickhouse_away_and_back(kafka_server: KafkaServer, tmp_path: Path, topic_prefix: str) -> None:
    """Records wait, the group keeps its member, and everything is stored once after the return (T31, T33)."""
    server = ClickHouseServer(tmp_path / "clickhouse", password="own")
    server.start()
    stand = Stand(kafka_server, server, tmp_path, "away-" + topic_prefix)
    try:
        stand.post(arrivals(200))
        with running(stand) as sink:
            wait_for(shown(stand, 200))
            server.kill()
            stand.post(arrivals(200, seed=2))
            wait_for(lambda: sink._storing.trouble is not None)
            assert "ClickHouse" in (sink._storing.trouble or "")
            again = ClickHouseServer(tmp_path / "clickhouse", native_port=server.native_port, password="own")
            again.start()
            stand.client.disconnect()
            wait_for(shown(stand, 400))
            assert sink._storing.trouble is None
        assert stand.ask("SELECT count(), uniqExact(event_id) FROM v_arrival_history") == [(400, 400)]
    finally:
        stand.close()
        again.stop()


def test_a_gap_stops_the_process_with_advice(stand: Stand) -> None:
    stand.post(arrivals(50))
    with running(stand):
        wait_for(shown(stand, 50))
    stand.client.execute("INSERT INTO ingest_ranges SELECT * REPLACE (topic_id || 'x' AS topic_id) FROM ingest_ranges")
    stand.client.execute("ALTER TABLE ingest_ranges DELETE WHERE NOT endsWith(topic_id, 'x') SETTINGS mutations_sync = 1")
    sink, _ = build_sink(stand.settings, stand.metrics, Event())
    with pytest.raises(Misconfigured, match="created again"):
        sink.run()


def test_health_tells_when_it_reads(stand: Stand) -> None:
    port = free_port()
    settings = stand.settings.model_copy(
        update={"sink_metrics_port": port, "sink_group": "health-" + stand.settings.kafka_topic_prefix}
    )
    ended = Event()

    def run() -> None:
        run_sink(settings, stop)
        ended.set()

    stop = Event()
    thread = Thread(target=run)
    thread.start()

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    wait_for(ready)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        assert answer.status == 200
    stop.set()
    thread.join(60)
    assert ended.is_set()
