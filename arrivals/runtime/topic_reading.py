"""Reads a whole topic once, from its first kept record to the end it has now, in batches and with bounded memory.

Reads only: no group, no commits. Raises Unavailable when Kafka is away.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from kafka import TopicPartition
from kafka.errors import KafkaError

from arrivals.runtime.kafka_clients import make_consumer
from arrivals.runtime.kafka_reading import LeanRecord, read_lean
from arrivals.runtime.settings import Settings
from schemas.errors import Unavailable

_PATIENCE_SECONDS = 30.0


class WholeTopic:
    """One pass over a topic; `total` is how many offsets it spans, known before the first batch."""

    def __init__(self, settings: Settings, name: str) -> None:
        topic = settings.topic(name)
        with _errors():
            self._consumer = read_lean(make_consumer(settings, max_poll_records=2_000))
            parts = [TopicPartition(topic, number) for number in sorted(self._consumer.partitions_for_topic(topic) or ())]
            self._consumer.assign(parts)
            self._consumer.seek_to_beginning(*parts)
            first, self._ends = self._consumer.beginning_offsets(parts), self._consumer.end_offsets(parts)
        self.total = sum(self._ends[at] - first[at] for at in parts)

    def batches(self) -> Iterator[tuple[int, Sequence[LeanRecord]]]:
        """(partition, records) in the order of each partition. Closes the connection at the end."""
        with closing(self._consumer), _errors():
            moved = time.monotonic()
            while any(self._consumer.position(at) < end for at, end in self._ends.items()):
                for at, records in self._consumer.poll(500).items():
                    moved = time.monotonic()
                    yield at.partition, [record for record in records if record.offset < self._ends[at]]
                if time.monotonic() - moved > _PATIENCE_SECONDS:
                    raise Unavailable("kafka_slow", "Kafka did not deliver the rest of a topic in time.")


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise Unavailable("kafka_unreachable", f"Kafka cannot be read ({type(error).__name__}).") from error
