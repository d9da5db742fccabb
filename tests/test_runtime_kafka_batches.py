"""Whole record batches through kafka-python: what arrives, where, in which order, and when it counts as confirmed."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import IllegalStateError
from kafka.future import Future
from kafka.partitioner.default import murmur2

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.runtime.kafka_batches import BATCH_BYTES, BatchProducer, QuietSelector
from arrivals.runtime.kafka_clients import Record, make_admin, make_consumer, make_producer
from arrivals.runtime.settings import Settings

PARTITIONS = 4


@pytest.fixture(scope="module")
def settings(kafka_server: KafkaServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(data_dir=tmp_path_factory.mktemp("batches"), kafka_bootstrap=kafka_server.bootstrap)


@pytest.fixture(scope="module")
def producer(settings: Settings) -> Iterator[KafkaProducer]:
    made = make_producer(settings, selector=QuietSelector)
    yield made
    made.close(timeout=5)


def topic(settings: Settings, name: str, **configs: str) -> str:
    admin = make_admin(settings)
    admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=configs)])
    admin.close()
    return name


def wait_for(delivery: Future) -> None:
    known = threading.Event()
    delivery.add_both(lambda _: known.set())
    assert known.wait(30)
    assert delivery.succeeded(), delivery.exception


def read(settings: Settings, name: str) -> list[Any]:
    consumer = make_consumer(settings)
    partitions = [TopicPartition(name, number) for number in range(PARTITIONS)]
    consumer.assign(partitions)
    ends, found = consumer.end_offsets(partitions), []
    while any(consumer.position(tp) < ends[tp] for tp in partitions):
        for batch in consumer.poll(200).values():
            found += batch
    consumer.close()
    return found


def test_records_arrive_whole_in_order_and_where_every_client_puts_them(settings: Settings, producer: KafkaProducer) -> None:
    name = topic(settings, "whole-batches")
    sent = [
        Record(name, b"key-%02d" % (number % 10), b"%d" % number, (("event_id", b"%d" % number), ("empty", b"")))
        for number in range(300)
    ]
    sent += [
        Record(name, b"large", b"x" * (BATCH_BYTES + 1)),
        Record(name, b"large", b"y" * (BATCH_BYTES // 2)),
        Record(name, b"no value", None),
        Record(name, None, b"no key"),
    ]
    for part in (sent[:1], sent[1:200], sent[200:]):
        for delivery in BatchProducer(producer).send(part):
            wait_for(delivery)
    found = read(settings, name)
    assert len(found) == len(sent)
    assert {r.partition for r in found} == set(range(PARTITIONS))
    for key in {record.key for record in sent}:
        mine = [r for r in found if r.key == key]
        assert {r.partition for r in mine} == {(murmur2(key or b"") & 0x7FFFFFFF) % PARTITIONS}
        got = [(r.value, tuple(r.headers)) for r in sorted(mine, key=lambda r: int(r.offset))]
        assert got == [(record.value, record.headers) for record in sent if record.key == key]


def test_a_batch_the_broker_finds_too_large_counts_when_all_its_parts_do(settings: Settings, producer: KafkaProducer) -> None:
    name = topic(settings, "small-batches", **{"max.message.bytes": "3000"})
    values = [os.urandom(500) for _ in range(40)]
    deliveries = BatchProducer(producer).send([Record(name, b"one", value) for value in values])
    assert len(deliveries) == 1
    wait_for(deliveries[0])
    assert [r.value for r in read(settings, name)] == values


def test_a_closed_producer_takes_nothing(settings: Settings) -> None:
    made = make_producer(settings)
    made.close(timeout=5)
    with pytest.raises(IllegalStateError):
        BatchProducer(made).send([Record("any", b"k", b"v")])


def test_an_unknown_socket_is_a_key_error_without_its_addresses() -> None:
    with QuietSelector() as selector, socket.socket() as unknown:
        with pytest.raises(KeyError) as caught:
            selector.get_key(unknown)
        assert "socket" not in str(caught.value)
