"""Reads a topic apart from the group: exact offset ranges again, the ends of partitions, the identity Kafka gave a topic."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError

from arrivals.runtime.kafka_clients import make_admin, make_consumer
from arrivals.runtime.kafka_reading import read_lean
from arrivals.runtime.settings import Settings
from schemas.errors import Misconfigured, Unavailable
from sinks.columns import Raw
from sinks.ranges import OffsetRange, RangeSet

_PATIENCE_SECONDS = 30.0


class LogReader:
    """Reads by coordinates. One thread only; connects on first use. Raises Unavailable when Kafka is away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: KafkaConsumer | None = None
        self._admin: KafkaAdminClient | None = None

    def topic_id(self, topic: str) -> str:
        """The identity of a topic: another one means that the topic was deleted and created anew.

        Raises Misconfigured (`topic_missing`) when the topic does not exist.
        """
        name = self._settings.topic(topic)
        with self._errors():
            self._admin = self._admin or make_admin(self._settings)
            for found in self._admin.describe_topics([name]):
                if found["name"] == name and not found["error_code"]:
                    return str(found["topic_id"])
        raise Misconfigured("topic_missing", f"Topic {name} does not exist.", "Run: arrivals topics")

    def partitions(self, topic: str) -> list[int]:
        """The partitions of a topic, ascending; empty when the topic does not exist."""
        with self._errors():
            return sorted(self._reader().partitions_for_topic(self._settings.topic(topic)) or ())

    def bounds(self, topic: str, partitions: Sequence[int]) -> dict[int, tuple[int, int]]:
        """For each partition the first offset that is kept and the next one to be written."""
        wanted = [TopicPartition(self._settings.topic(topic), partition) for partition in partitions]
        with self._errors():
            first = self._reader().beginning_offsets(wanted)
            after = self._reader().end_offsets(wanted)
        return {at.partition: (first[at], after[at]) for at in wanted}

    def read(self, ranges: RangeSet) -> list[Raw]:
        """Exactly the records of the ranges, in partition and offset order.

        Raises Misconfigured (`retention_gap`) when some of them are no longer kept.
        """
        return [record for span in ranges.ranges for record in self._read(ranges.topic, span)]

    def close(self) -> None:
        """Closes the connections."""
        for client in (self._consumer, self._admin):
            if client is not None:
                client.close()
        self._consumer = self._admin = None

    def _read(self, topic: str, span: OffsetRange) -> list[Raw]:
        at = TopicPartition(self._settings.topic(topic), span.partition)
        found: list[Raw] = []
        deadline = time.monotonic() + _PATIENCE_SECONDS
        with self._errors():
            reader = self._reader()
            reader.assign([at])
            reader.seek(at, span.first)
            while reader.position(at) <= span.last:
                for record in reader.poll(timeout_ms=500, max_records=5_000).get(at, ()):
                    if record.offset <= span.last:
                        found.append((span.partition, record.offset, record.timestamp, record.value))
                if time.monotonic() > deadline:
                    raise Unavailable("kafka_slow", f"{topic}/{span.partition}: a range could not be read again in time.")
        return found

    def _reader(self) -> KafkaConsumer:
        if self._consumer is None:
            self._consumer = read_lean(make_consumer(self._settings, auto_offset_reset="none"))
        return self._consumer

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OffsetOutOfRangeError as error:
            self.close()
            raise Misconfigured(
                "retention_gap", "Records of a range that was begun are no longer kept by Kafka.", "See docs/runbooks.md."
            ) from error
        except KafkaError as error:
            self.close()
            raise Unavailable("kafka_unreachable", f"Kafka cannot be read ({type(error).__name__}).") from error
