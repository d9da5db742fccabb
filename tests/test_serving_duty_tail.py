"""Whom a change of a duty concerns, and that the open streams of exactly those are told, by the real topic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.runtime.kafka_clients import Publisher, Record, make_producer
from arrivals.runtime.settings import Settings
from arrivals.runtime.topic_admin import ensure_topics
from schemas.visibility import units_concerned
from serving.duty_tail import DutyTail, concerned
from tests.duties_kit import COUNTY, FAR, SISTER, TOWN, VILLAGE
from tests.streams_kit import until

ACTION: dict[str, Any] = {"unit": VILLAGE, "risk": "low", "symptoms": []}


@pytest.mark.parametrize(
    ("changes", "units"),
    [
        ({}, {VILLAGE, TOWN, COUNTY}),
        ({"other_unit": FAR}, {VILLAGE, TOWN, COUNTY, FAR, FAR[:9]}),
        ({"unit": COUNTY, "unit_before": VILLAGE}, {VILLAGE, TOWN, COUNTY}),
        ({"unit": "4114"}, {"4114"}),
        ({"unit": f"{VILLAGE}-a"}, {f"{VILLAGE}-a", VILLAGE, TOWN, COUNTY}),
        ({"risk": "high"}, {VILLAGE, TOWN, COUNTY, "4114-health", f"{COUNTY}-health"}),
        ({"temperature_c": 36.5}, {VILLAGE, TOWN, COUNTY, "4114-health", f"{COUNTY}-health"}),
    ],
)
def test_whom_a_change_concerns(changes: dict[str, Any], units: set[str]) -> None:
    assert units_concerned(ACTION | changes) == units


def test_only_who_looks_is_told_and_what_cannot_be_read_concerns_nobody() -> None:
    values = [None, b"{", b"[]", b'{"unit": 1, "risk": "low"}', b"{}", orjson.dumps(ACTION)]
    assert concerned(values, frozenset({VILLAGE, SISTER})) == {VILLAGE}
    assert concerned(values, frozenset()) == frozenset()


def test_the_topic_is_followed_from_its_end(kafka_server: KafkaServer, topic_prefix: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, kafka_bootstrap=kafka_server.bootstrap, kafka_topic_prefix=topic_prefix)
    ensure_topics(settings)
    told: list[set[str]] = []
    tail = DutyTail(settings, lambda: [VILLAGE, SISTER], lambda units: told.append(set(units)))
    publisher = Publisher(make_producer(settings))

    def publish(unit: str) -> None:
        value = orjson.dumps(ACTION | {"unit": unit})
        publisher.publish([Record(settings.topic("unit-actions"), b"k", value)], timeout_seconds=30)

    try:
        publish(SISTER)
        tail.start()
        until(lambda: told == [{VILLAGE, SISTER}])  # who reads already is told once: something may have been missed
        publish(VILLAGE)
        until(lambda: told[1:] == [{VILLAGE}])
    finally:
        tail.stop()
        publisher.close()
