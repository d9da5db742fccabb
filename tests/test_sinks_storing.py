"""Exactly once in effect, on the real Kafka and ClickHouse: crashes at every step, misfits, repetitions, twins, gaps."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import TopicPartition

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.kafka_clients import make_admin
from arrivals.runtime.topic_admin import ensure_topics
from schemas.errors import Misconfigured
from sinks.accepting import accept_gap
from sinks.accumulating import Load, load_of
from sinks.log_reader import LogReader
from sinks.ranges import OffsetRange, range_set
from sinks.writer import Entry, RangeWriter
from tests.sinks_kit import COLUMNS, PARTITIONS, Stand, arrivals, drive

STEPS = ("gathered", "noted", "inserted", "published", "done")
TABLES = ("arrival_versions", "arrivals_latest", "ingest_ranges", "dead_letters")


class Crash(BaseException):
    """The process dies here."""


@pytest.fixture(scope="module")
def stand(
    kafka_server: KafkaServer, clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stand]:
    """A stand with 300 arrivals and one record that is none, in its topic."""
    made = Stand(kafka_server, clickhouse_server, tmp_path_factory.mktemp("stand"), "storing.")
    made.post([*arrivals(300), b"not json"])
    yield made
    made.close()


@pytest.fixture
def fresh(stand: Stand) -> Stand:
    """The stand with empty tables."""
    for table in TABLES:
        stand.client.execute(f"TRUNCATE TABLE {table}")
    return stand


@pytest.fixture
def own(kafka_server: KafkaServer, clickhouse_server: ClickHouseServer, tmp_path: Path, topic_prefix: str) -> Iterator[Stand]:
    """A stand of a test's own, nothing in it."""
    made = Stand(kafka_server, clickhouse_server, tmp_path, "own-" + topic_prefix)
    yield made
    made.close()


def assert_exact(stand: Stand, count: int = 300) -> None:
    for view in ("v_arrivals", "v_arrival_history"):
        assert stand.ask(f"SELECT count(), uniqExact(event_id) FROM {view}") == [(count, count)], view
    assert stand.ask("SELECT count() FROM v_ingest_ranges WHERE state = 'pending'") == [(0,)]


def crash_and_recover(stand: Stand, seed: int) -> None:
    source = random.Random(seed)
    for _ in range(source.randint(1, 4)):
        fatal, name = source.randint(1, 6), source.choice(STEPS)
        seen = 0

        def step(at: str, fatal: int = fatal, name: str = name) -> None:
            nonlocal seen
            seen += at == name
            if seen == fatal:
                raise Crash

        try:
            drive(stand, step, source)
        except Crash:
            continue
    drive(stand, None, source)
    physical = stand.ask("SELECT (SELECT count() FROM arrival_versions), (SELECT count() FROM arrivals_latest)")
    assert physical == [(300, 300)], "the token, not only the replacing engine, must have dropped the repetition"
    assert stand.ask("SELECT sum(records), sum(dead) FROM v_ingest_ranges") == [(301, 1)]


@pytest.mark.parametrize("seed", range(20))
def test_crashes_between_the_steps_change_nothing(fresh: Stand, seed: int) -> None:
    crash_and_recover(fresh, seed)
    assert_exact(fresh)


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_crashes_between_the_steps_500(stand: Stand) -> None:
    for seed in range(1_000, 1_500):
        for table in TABLES:
            stand.client.execute(f"TRUNCATE TABLE {table}")
        crash_and_recover(stand, seed)
        assert_exact(stand)


def test_a_repeated_range_is_counted_and_dropped_by_its_token(fresh: Stand) -> None:
    def die(at: str) -> None:
        if at == "inserted":
            raise Crash

    before = fresh.metric("arrivals_sink_inserts_deduplicated_total", "arrivals")
    with pytest.raises(Crash):
        drive(fresh, die)
    assert fresh.ask("SELECT count() FROM v_ingest_ranges WHERE state = 'pending'")[0][0] > 0
    drive(fresh)
    assert_exact(fresh)
    assert fresh.metric("arrivals_sink_inserts_deduplicated_total", "arrivals") == before + 1
    assert fresh.ask("SELECT count() FROM arrival_versions") == [(300,)]


def test_what_is_no_arrival_becomes_one_dead_letter(fresh: Stand) -> None:
    drive(fresh)
    sunk = fresh.ask("SELECT sum(dead) FROM v_ingest_ranges")
    drive(fresh, topic="dead-letters")
    letters = fresh.ask("SELECT DISTINCT stage, reason, payload_bytes, topic FROM v_dead_letters")
    assert sunk == [(1,)]
    assert letters == [("sink", "not_json", 8, "storing.arrivals")]


def test_ranges_left_by_a_frozen_twin_are_folded(fresh: Stand) -> None:
    """A sink frozen with records in hand wakes up after another took its partitions over with other batch borders (T06)."""
    drive(fresh)
    reader, writer = LogReader(fresh.settings), RangeWriter(lambda: connect(fresh.settings))
    topic_id = reader.topic_id("arrivals")
    ranges = range_set("arrivals", topic_id, [OffsetRange(partition, 3, 11) for partition in PARTITIONS])
    load = load_of(ranges, COLUMNS, reader.read(ranges))
    entry = Entry(ranges, load.counts, {})
    writer.begin([entry])
    writer.insert("arrivals_records", load.batch, ranges.token)
    writer.finish([entry])
    reader.close()
    writer.close()
    assert fresh.ask("SELECT count() FROM arrival_versions")[0][0] > 300, "nothing was merged yet"
    assert_exact(fresh)
    flows = fresh.ask("SELECT sum(arrivals) FROM v_flows_hourly")
    fresh.client.execute("OPTIMIZE TABLE arrival_versions FINAL")
    fresh.client.execute("OPTIMIZE TABLE arrivals_latest FINAL")
    assert fresh.ask("SELECT count() FROM arrival_versions") == [(300,)]
    assert_exact(fresh)
    assert flows == fresh.ask("SELECT sum(arrivals) FROM v_flows_hourly") == [(300,)]
    drive(fresh)
    assert_exact(fresh)


def test_a_decided_again_arrival_counts_once_and_its_history_stays(own: Stand) -> None:
    first = arrivals(50)
    again = [
        a | {"revision": 9000, "risk": "high", "unit": "411426", "recorded_at": "2020-03-01T00:00:00.000+08:00"}
        for a in first[:20]
    ]
    own.post(first)
    drive(own)
    own.post(again)
    own.post(first[:5])  # the old version arrives once more, late
    drive(own)
    assert own.ask("SELECT count(), countIf(risk = 'high' AND unit = '411426') FROM v_arrivals") == [(50, 20)]
    assert own.ask("SELECT count() FROM v_arrival_history") == [(70,)]
    assert own.ask("SELECT sum(arrivals), sumIf(arrivals, risk = 'high') >= 20 FROM v_flows_hourly") == [(50, 1)]
    merged = "SELECT county_code, risk, count() FROM v_arrivals GROUP BY 1, 2 ORDER BY 1, 2"
    before = own.ask(merged)
    own.client.execute("OPTIMIZE TABLE arrivals_latest FINAL")
    assert own.ask(merged) == before


def test_a_corrected_time_moves_an_arrival_to_its_day(own: Stand) -> None:
    scan = arrivals(1)[0]
    moved = scan | {
        "revision": 5000,
        "cause": "correction",
        "arrived_on": "2020-02-11",
        "occurred_at": "2020-02-11T10:00:00.000+08:00",
    }
    own.post([scan])
    drive(own)
    own.post([moved])
    drive(own)
    assert own.ask("SELECT toString(arrived_on), count() FROM v_arrivals GROUP BY 1") == [("2020-02-11", 1)]
    assert own.ask("SELECT count() FROM v_arrivals WHERE arrived_on = '2020-02-18'") == [(0,)]


def test_the_server_refuses_one_row_of_many(own: Stand) -> None:
    """A value only the server refuses: found by halving, everything else stored once (T34)."""
    own.client.execute("ALTER TABLE arrival_versions ADD CONSTRAINT no_x CHECK site_id != 'SITE-X'")
    documents = arrivals(500)
    documents[321] |= {"site_id": "SITE-X"}
    own.post(documents)
    drive(own)
    assert_exact(own, 499)
    assert own.ask("SELECT sum(dead) FROM v_ingest_ranges") == [(1,)]
    drive(own, topic="dead-letters")
    assert own.ask("SELECT count(), any(reason) FROM v_dead_letters") == [(1, "clickhouse_value")]
    drive(own)
    assert_exact(own, 499)


def ensure_topics_again(stand: Stand) -> None:
    """Creates the deleted topic; Kafka takes a moment to let go of the old one."""
    for _ in range(100):
        if all(state.state in ("ok", "created") for state in ensure_topics(stand.settings)):
            reader = LogReader(stand.settings)
            try:
                reader.topic_id("arrivals")
            except Misconfigured:
                time.sleep(0.1)
            else:
                return
            finally:
                reader.close()


def test_a_topic_created_anew_stops_the_sink(own: Stand) -> None:
    own.post(arrivals(40))
    drive(own)
    admin = make_admin(own.settings)
    name = own.settings.topic("arrivals")
    admin.delete_topics([name])
    ensure_topics_again(own)
    admin.close()
    own.post(arrivals(60, seed=2))
    with pytest.raises(Misconfigured) as stopped:
        drive(own)
    assert stopped.value.code == "topic_recreated"
    assert_exact(own, 40)
    accept_gap(own.settings, "arrivals")
    drive(own)
    assert_exact(own, 100)


def test_records_deleted_before_they_were_stored_stop_the_sink(own: Stand) -> None:
    own.post(arrivals(200))
    admin = make_admin(own.settings)
    admin.delete_records({TopicPartition(own.settings.topic("arrivals"), 2): 7})
    admin.close()
    with pytest.raises(Misconfigured, match="arrivals/2: offsets 0 to 6") as stopped:
        drive(own)
    assert stopped.value.code == "retention_gap"
    assert own.ask("SELECT count() FROM v_arrivals") == [(0,)]
    assert OffsetRange(2, 0, 6) in accept_gap(own.settings, "arrivals")
    drive(own)
    assert_exact(own, 193)


def test_other_topics_are_stored_by_their_declarations(own: Stand) -> None:
    event = "017053e0-bf24-7892-9767-727e1818e811"
    at = "2020-02-18T00:00:00.000+08:00"
    duplicate = {"version": 1, "event_id": event, "device_id": "d", "recorded_at": at}
    alert = {
        **{"version": 1, "alert_id": f"{event}:fever:1", "event_id": event, "revision": 3, "rule": "fever", "rule_version": 1},
        **{"unit": "411426", "county_code": "411426", "risk": "high", "decision": "refer", "site_id": "S1", "occurred_at": at},
        **{"recorded_at": at, "temperature_c": 38.2, "grade_row": None},
    }
    own.post([duplicate, duplicate], topic="duplicates")
    own.post([alert, alert | {"revision": 4}], topic="alerts")
    drive(own, topic="duplicates")
    drive(own, topic="alerts")
    assert own.ask("SELECT count() FROM v_duplicates") == [(2,)]
    assert own.ask("SELECT count(), max(revision), toFloat64(any(temperature_c)) FROM v_alerts") == [(1, 4, 38.2)]


def test_a_handled_dead_letter_shows_its_latest_state(own: Stand) -> None:
    at = "2020-02-18T00:00:00.000+08:00"
    letter = {
        "version": 1,
        "dead_letter_id": "x",
        "stage": "router",
        "reason": "r",
        "detail": "d",
        "recorded_at": at,
        "topic": "scans",
    }
    letter |= {"partition": 1, "offset": 5, "key_id": "2020-02-18", "payload_sealed": "s", "payload_bytes": 3}
    handled = letter | {"state": "discarded", "handled_at": "2020-02-19T00:00:00.000+08:00", "handled_by": "me", "note": "junk"}
    for document in (letter, handled, letter):
        own.post([document], topic="dead-letters")
        drive(own, topic="dead-letters")
    assert own.ask("SELECT state, handled_by, partition FROM v_dead_letters") == [("discarded", "me", 1)]


def test_a_load_is_not_worn_by_a_failed_insert(fresh: Stand) -> None:
    """The driver converts columns in place; a repetition must insert the values, not the leftovers."""
    reader, writer = LogReader(fresh.settings), RangeWriter(lambda: connect(fresh.settings))
    ranges = range_set("arrivals", reader.topic_id("arrivals"), [OffsetRange(0, 0, 20)])
    load: Load = load_of(ranges, COLUMNS, reader.read(ranges))
    writer.insert("arrivals_records", load.batch, "one")
    first = fresh.ask("SELECT * EXCEPT stored_at FROM v_arrivals ORDER BY event_id")
    fresh.client.execute("TRUNCATE TABLE arrivals_latest")
    writer.insert("arrivals_records", load.batch, "two")
    assert fresh.ask("SELECT * EXCEPT stored_at FROM v_arrivals ORDER BY event_id") == first
    reader.close()
    writer.close()
