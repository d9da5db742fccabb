"""Clients outlive their broker: attempts in vain keep nothing open, a producer goes on after an outage of any length (T15)."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.ports import free_port
from arrivals.runtime.kafka_clients import make_consumer, make_producer
from arrivals.runtime.kafka_opening import opened
from arrivals.runtime.settings import load_settings
from arrivals.runtime.topic_admin import ensure_topics
from tests.conftest import JARS, QUICK_JAVA


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("client", [KafkaAdminClient, KafkaConsumer, KafkaProducer])
def test_attempts_in_vain_leave_nothing_open(client: Callable[..., Any]) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    gc.collect()
    gc.disable()
    try:
        files, threads = open_files(), threading.active_count()
        for _ in range(3):
            with pytest.raises(KafkaError):
                opened(client, bootstrap_servers=nobody, bootstrap_timeout_ms=300, reconnect_backoff_ms=50)
        assert (open_files(), threading.active_count()) == (files, threads)
    finally:
        gc.enable()


def test_a_producer_goes_on_after_an_outage_longer_than_its_patience(tmp_path: Path) -> None:
    port = free_port()
    settings = load_settings(data_dir=tmp_path, kafka_bootstrap=f"127.0.0.1:{port}")
    server = KafkaServer(tmp_path / "kafka", port, JARS, java_options=QUICK_JAVA)
    server.start()
    ensure_topics(settings)
    producer = make_producer(settings, delivery_timeout_ms=1_500, request_timeout_ms=1_000, max_block_ms=500)
    topic = settings.topic("scans")
    try:
        producer.send(topic, b"a scan").get(10)
        sent: list[Any] = []
        pumping = threading.Event()
        pump = threading.Thread(target=send_until, args=(pumping, producer, topic, sent))
        pump.start()
        time.sleep(0.5)
        server.kill()  # with records on their way, which are tried again until they expire
        while not any(future.failed() for future in sent):
            time.sleep(0.1)
        pumping.set()
        pump.join()
        server.start()
        patience = time.monotonic() + 20
        while not confirmed(producer, topic):
            assert time.monotonic() < patience, "the producer never sent again"
    finally:
        producer.close(1)
        server.stop()


def confirmed(producer: KafkaProducer, topic: str) -> bool:
    try:
        producer.send(topic, b"a scan").get(2)
    except KafkaError:
        return False
    return True


def send_until(stop: threading.Event, producer: KafkaProducer, topic: str, sent: list[Any]) -> None:
    """Sends so much at a time that some of it is always on its way."""
    while not stop.wait(0.005):
        sent.extend(producer.send(topic, b"a scan" * 50, partition=number % 4) for number in range(200))


def test_a_member_that_joins_again_while_polling_briefly_gets_its_partitions(
    kafka_server: KafkaServer, topic_prefix: str
) -> None:
    """It begins to join again when it sees the topic; `poll` is back before the broker has answered."""
    settings = load_settings(kafka_bootstrap=kafka_server.bootstrap, kafka_topic_prefix=topic_prefix)
    consumer = make_consumer(settings, settings.topic("scans"), group=f"{topic_prefix}late", metadata_max_age_ms=100)
    try:
        polled_until(consumer, consumer._coordinator.stable, "it never joined")
        assert consumer.assignment() == set()
        ensure_topics(settings)
        polled_until(consumer, lambda: len(consumer.assignment()) == 4, "it stayed without partitions")
    finally:
        consumer.close()


def polled_until(consumer: KafkaConsumer, true: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, complaint
        consumer.poll(timeout_ms=0)
        time.sleep(0.001)
