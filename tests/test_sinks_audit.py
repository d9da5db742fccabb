"""The audit names exactly what is missing and what is too much."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from sinks.audit import audit
from tests.sinks_kit import Stand, arrivals, drive


@pytest.fixture
def stand(kafka_server: KafkaServer, clickhouse_server: ClickHouseServer, tmp_path: Path, topic_prefix: str) -> Iterator[Stand]:
    made = Stand(kafka_server, clickhouse_server, tmp_path, "audit-" + topic_prefix)
    yield made
    made.close()


def letter(number: int, **changes: object) -> dict[str, object]:
    at = "2020-02-18T00:00:00.000+08:00"
    made = {"version": 1, "dead_letter_id": f"l{number}", "stage": "router", "reason": "r", "detail": "d", "recorded_at": at}
    return made | {"key_id": "2020-02-18", "payload_sealed": "s", "payload_bytes": 1} | changes


def test_every_post_is_accounted_for(stand: Stand) -> None:
    rows = arrivals(60)
    scans = [{"version": 1, "event_id": row["event_id"]} for row in rows]
    at = "2020-02-18T00:00:00.000+08:00"
    stand.post([*scans, *scans[:3], b"junk"], topic="scans")  # three slipped past the gateway's window, one is foreign
    stand.post(
        [{"version": 1, "event_id": row["event_id"], "device_id": "d", "recorded_at": at} for row in rows[:5]], topic="duplicates"
    )
    stand.post(rows[:57])
    stand.post(
        [letter(1, event_id=rows[57]["event_id"]), letter(2, stage="gateway"), letter(3, stage="gateway")], topic="dead-letters"
    )
    for topic in ("arrivals", "duplicates", "dead-letters"):
        drive(stand, topic=topic)
    report = audit(stand.settings)
    assert (report.posted, report.accepted, report.routed, report.stored, report.dead) == (64 + 5 + 2, 60, 57, 57, 1)
    assert report.duplicates_dropped == 5 + 4
    assert (report.missing, report.extra) == (2, 0)
    assert report.missing_ids == tuple(sorted(row["event_id"] for row in rows[58:]))
    assert not report.exact

    stand.post(rows[58:])
    drive(stand)
    later = audit(stand.settings)
    assert (later.missing, later.missing_ids, later.stored, later.exact) == (0, (), 59, True)


def test_what_was_never_accepted_is_too_much(stand: Stand) -> None:
    rows = arrivals(30)
    stand.post([{"version": 1, "event_id": row["event_id"]} for row in rows[:28]], topic="scans")
    stand.post(rows)
    drive(stand)
    report = audit(stand.settings)
    assert (report.missing, report.extra) == (0, 2)
    assert report.extra_ids == tuple(sorted(row["event_id"] for row in rows[28:]))


def test_a_dead_letter_without_an_event_is_known_by_its_coordinates(stand: Stand) -> None:
    rows = arrivals(20)
    stand.post([{"version": 1, "event_id": row["event_id"]} for row in rows], topic="scans")
    stand.post([row if number else row | {"risk": 5} for number, row in enumerate(rows)])
    drive(stand)
    drive(stand, topic="dead-letters")
    report = audit(stand.settings)
    assert (report.accepted, report.routed, report.stored, report.dead) == (20, 20, 19, 1)
    assert report.exact


def test_ids_are_compared_in_slices(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.audit._SLICE_IDS", 7)
    monkeypatch.setattr("sinks.audit._BATCH", 11)
    rows = arrivals(100)
    stand.post([{"version": 1, "event_id": row["event_id"]} for row in rows], topic="scans")
    stand.post(rows[:40])
    drive(stand)
    report = audit(stand.settings)
    assert (report.accepted, report.stored, report.missing, len(report.missing_ids)) == (100, 40, 60, 20)
    assert set(report.missing_ids) <= {row["event_id"] for row in rows[40:]}
