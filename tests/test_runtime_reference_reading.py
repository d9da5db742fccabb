"""Commands read the reference as it is now, or say at once that Kafka is away."""

from __future__ import annotations

import pytest

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.ports import free_port
from arrivals.runtime.reference_feed import read_snapshot
from arrivals.runtime.reference_writer import append
from arrivals.runtime.settings import load_settings
from arrivals.runtime.topic_admin import ensure_topics
from reference.gazetteer import load_gazetteer
from reference.rows import make_row
from schemas.errors import Unavailable
from schemas.reference_rows import GradeData


def test_a_command_reads_what_the_topic_holds_now(kafka_server: KafkaServer, topic_prefix: str) -> None:
    settings = load_settings(kafka_bootstrap=kafka_server.bootstrap, kafka_topic_prefix=topic_prefix)
    ensure_topics(settings)
    assert read_snapshot(settings, load_gazetteer()).version == -1
    data = GradeData(kind="grade", area="42", grade="high")
    [offset] = append(settings, [make_row(data, key="42", author="test", reason="test")])
    assert read_snapshot(settings, load_gazetteer()).version == offset


def test_without_kafka_a_command_says_so(topic_prefix: str) -> None:
    settings = load_settings(kafka_bootstrap=f"127.0.0.1:{free_port()}", kafka_topic_prefix=topic_prefix)
    with pytest.raises(Unavailable) as error:
        read_snapshot(settings, load_gazetteer())
    assert error.value.code == "kafka_unreachable"
