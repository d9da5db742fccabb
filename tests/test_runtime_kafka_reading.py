"""Our decoder reads what kafka-python writes, exactly as kafka-python itself reads it, and refuses what is damaged."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.errors import CorruptRecordError
from kafka.net.transport import KafkaTCPTransport
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.runtime.kafka_clients import Publisher, Record, make_consumer, make_producer
from arrivals.runtime.kafka_reading import LeanRecord, decode_batch, read_lean
from arrivals.runtime.settings import load_settings
from arrivals.runtime.topic_admin import ensure_topics

bytes_or_none = st.none() | st.binary(max_size=300)
headers = st.lists(st.tuples(st.text(max_size=5), bytes_or_none), max_size=3)
records = st.lists(st.tuples(st.integers(0, 2**42), bytes_or_none, bytes_or_none, headers), min_size=1, max_size=30)


def built(rows: list[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]], compression: int) -> bytes:
    builder = DefaultRecordBatchBuilder(
        2, compression, is_transactional=False, producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=10**9
    )
    for offset, (timestamp, key, value, pairs) in enumerate(rows):
        builder.append(offset, timestamp=timestamp, key=key, value=value, headers=pairs)
    return bytes(builder.build())


@settings(max_examples=60, deadline=None)
@given(records, st.sampled_from([0, 1, 3]))
def test_it_reads_what_kafka_python_reads(
    rows: list[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]], compression: int
) -> None:
    data = built(rows, compression)
    theirs = [(r.offset, r.timestamp, r.key, r.value) for r in DefaultRecordBatch(data)]
    assert [tuple(record) for record in decode_batch(DefaultRecordBatch(data))] == theirs


@settings(max_examples=60, deadline=None)
@given(records, st.integers(1, 40))
def test_a_cut_batch_is_refused(
    rows: list[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]], cut: int
) -> None:
    whole = built(rows, 0)
    kept = max(DefaultRecordBatch.HEADER_STRUCT.size, len(whole) - cut)
    with pytest.raises(CorruptRecordError):
        decode_batch(DefaultRecordBatch(whole[:kept]))


def test_a_consumer_reads_lean_records_from_the_middle(kafka_server: KafkaServer, topic_prefix: str) -> None:
    settings_ = load_settings(kafka_bootstrap=kafka_server.bootstrap, kafka_topic_prefix="lean-" + topic_prefix)
    ensure_topics(settings_)
    topic, at = settings_.topic("reference"), TopicPartition(settings_.topic("reference"), 0)
    publisher = Publisher(make_producer(settings_))
    publisher.publish([Record(topic, b"k", b"%d" % n + b"x" * 5_000, (("h", b"v"),)) for n in range(400)])
    publisher.close()
    original = KafkaTCPTransport._sock_recv
    consumer = read_lean(make_consumer(settings_, auto_offset_reset="none"))
    try:
        assert KafkaTCPTransport._sock_recv.__module__ == "arrivals.runtime.kafka_reading"
        consumer.assign([at])
        consumer.seek(at, 123)
        found: list[LeanRecord] = []
        while len(found) < 277:
            found += consumer.poll(timeout_ms=1_000, max_records=50).get(at, [])
        assert [record.offset for record in found] == list(range(123, 400))
        assert {record.value == b"%d" % record.offset + b"x" * 5_000 for record in found} == {True}
        assert consumer.position(at) == 400
    finally:
        consumer.close()
        KafkaTCPTransport._sock_recv = original
