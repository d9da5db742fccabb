"""The only place where kafka-python clients are made, with the defaults that lose records overridden.

Delivery: `Publisher.publish` returns only when every record is acknowledged by all in-sync replicas; otherwise it
raises Unavailable
and the outcome of the unconfirmed records is unknown (they may still arrive: every consumer is idempotent by event id).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from arrivals.runtime.kafka_opening import opened
from arrivals.runtime.settings import Settings
from schemas.errors import Misconfigured, Unavailable


class Record(NamedTuple):
    """One record to publish; `topic` is the full name, headers are (name, bytes) pairs."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def connection(settings: Settings) -> dict[str, Any]:
    """The connection part of every kafka-python client's configuration."""
    config: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap.split(","),
        "security_protocol": settings.kafka_security_protocol,
        "reconnect_backoff_max_ms": 1_000,  # the default of 30 s would be felt long after the broker is back
    }
    if settings.kafka_ca_file:
        config["ssl_cafile"] = str(settings.kafka_ca_file)
    if settings.kafka_security_protocol.startswith("SASL"):
        if settings.kafka_username is None or settings.kafka_password_file is None:
            raise Misconfigured(
                "kafka_credentials",
                "Kafka asks for a password but none is set.",
                "Set ARRIVALS_KAFKA_USERNAME and _PASSWORD_FILE.",
            )
        config |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password_file.read_text("utf-8").strip(),
        }
    return config


def make_producer(settings: Settings, **tuning: Any) -> KafkaProducer:
    """A producer with acks=all, idempotence and bounded waiting; `tuning` sets batch sizes and linger."""
    config = {
        "acks": "all",
        "enable_idempotence": True,
        "max_block_ms": 2_000,
        "request_timeout_ms": 2_000,
        "delivery_timeout_ms": 4_000,
        "linger_ms": 2,
        "batch_size": 131_072,
        "compression_type": "lz4",
        "max_request_size": 4_194_304,
        "max_in_flight_requests_per_connection": 5,
    }
    return opened(KafkaProducer, **connection(settings), **(config | tuning))


#: For those who can wait a quarter of a second: few fetches of much. Each costs a millisecond here and another at the broker, and
#: at some hundred records a second a fetch that is answered at the first record is one for every few records.
UNHURRIED: Mapping[str, Any] = {"fetch_min_bytes": 262_144, "fetch_max_wait_ms": 250}


def make_consumer(settings: Settings, *topics: str, group: str | None = None, **tuning: Any) -> KafkaConsumer:
    """A consumer that starts at the earliest record, never commits by itself and never creates a topic."""
    config = {
        "group_id": group,
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "allow_auto_create_topics": False,
        "fetch_max_wait_ms": 100,
        "max_partition_fetch_bytes": 8_388_608,
    }
    return opened(KafkaConsumer, *topics, **connection(settings), **(config | tuning))


def make_admin(settings: Settings, bootstrap_ms: int = 10_000) -> KafkaAdminClient:
    """An admin client for topics and offsets; `bootstrap_ms` bounds the wait for a first answer."""
    tuning = {"request_timeout_ms": 10_000, "bootstrap_timeout_ms": bootstrap_ms}
    return opened(KafkaAdminClient, **connection(settings), **tuning)


class Publisher:
    """Publishes batches of records and answers only when each one is confirmed. Thread-safe, like the producer below it."""

    def __init__(self, producer: KafkaProducer) -> None:
        self._producer = producer

    def publish(self, records: Iterable[Record], timeout_seconds: float = 10.0) -> Sequence[Any]:
        """Sends the records and waits for all of them; returns their metadata (topic, partition, offset) in order.

        Raises Unavailable (`kafka_unconfirmed`) when any is not confirmed within `timeout_seconds`.
        """
        deadline = time.monotonic() + timeout_seconds
        return self.confirm(self.send(records), max(0.001, deadline - time.monotonic()))

    def send(self, records: Iterable[Record]) -> Sequence[Any]:
        """Sends the records; whoever wants to work on meanwhile hands what comes back to `confirm` later. Raises Unavailable."""
        try:
            return [self._producer.send(r.topic, key=r.key, value=r.value, headers=list(r.headers)) for r in records]
        except KafkaError as error:
            raise Unavailable("kafka_unconfirmed", f"Kafka did not confirm ({type(error).__name__}).") from error

    def confirm(self, sent: Sequence[Any], timeout_seconds: float = 10.0) -> Sequence[Any]:
        """Waits until what was sent is confirmed; the metadata of every record. Raises Unavailable like `publish`."""
        deadline = time.monotonic() + timeout_seconds
        try:
            return [future.get(timeout=max(0.001, deadline - time.monotonic())) for future in sent]
        except KafkaError as error:
            raise Unavailable("kafka_unconfirmed", f"Kafka did not confirm ({type(error).__name__}).") from error

    def close(self, timeout_seconds: float = 10.0) -> None:
        """Flushes and closes the producer."""
        self._producer.close(timeout=timeout_seconds)
