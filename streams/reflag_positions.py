"""How far re-flagging has come: its group's offsets on `reference` and `arrivals`, with the progress of the row at work."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from arrivals.runtime.kafka_clients import make_consumer
from arrivals.runtime.settings import Settings
from schemas.errors import Unavailable
from streams.reflagging import Progress

_KEEP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ReflagStatus:
    """The next row of `reference` to be worked on and how many there are; `last` is the row at work, or the one before."""

    next_version: int
    rows: int
    last: dict[str, Any] | None

    @property
    def waiting(self) -> int:
        """Rows not yet worked on to their end."""
        return self.rows - self.next_version


class Positions:
    """The committed offsets, through a consumer of the group that reads `arrivals` by hand (no rebalances, no heartbeats)."""

    def __init__(self, settings: Settings, consumer: KafkaConsumer) -> None:
        self._consumer = consumer
        self._reference = TopicPartition(settings.topic("reference"), 0)
        self._following: dict[TopicPartition, int] = {}
        self._kept_at = 0.0

    def next_version(self) -> int:
        """The offset of the next reference row to work on."""
        with kafka_errors():
            return int(self._consumer.committed(self._reference) or 0)

    def keep_row(self, next_version: int, progress: Progress | None) -> None:
        """Commits the next row, with how far it (or the one before it) has come."""
        said = orjson.dumps(asdict(progress)).decode() if progress else ""
        self._commit({self._reference: OffsetAndMetadata(next_version, said, -1)})

    def keep_arrivals(self, following: Mapping[TopicPartition, int]) -> None:
        """Commits the next offsets of `arrivals`, at most once a second: to look at some of them again changes nothing."""
        self._following |= following
        if self._following and time.monotonic() - self._kept_at >= _KEEP_SECONDS:
            self._commit({at: OffsetAndMetadata(offset, "", -1) for at, offset in self._following.items()})
            self._kept_at, self._following = time.monotonic(), {}

    def _commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        with kafka_errors():
            self._consumer.commit(offsets, timeout_ms=10_000)


def group_of(settings: Settings) -> str:
    """The consumer group of re-flagging."""
    return f"{settings.kafka_topic_prefix}reflag"


def read_status(settings: Settings) -> ReflagStatus:
    """How far re-flagging has come, as committed. Raises Unavailable when Kafka is away."""
    with kafka_errors():
        consumer = make_consumer(settings, group=group_of(settings))
        try:
            return ask_status(settings, consumer)
        finally:
            consumer.close()


def ask_status(settings: Settings, consumer: KafkaConsumer) -> ReflagStatus:
    """The same through a consumer of the group, for whoever asks again and again."""
    with kafka_errors():
        reference = TopicPartition(settings.topic("reference"), 0)
        rows = consumer.end_offsets([reference])[reference]
        found = consumer.committed(reference, metadata=True)
    last = orjson.loads(found.metadata) if found and found.metadata else None
    return ReflagStatus(found.offset if found else 0, rows, last)


@contextmanager
def kafka_errors() -> Iterator[None]:
    """Turns Kafka's errors inside the block into ours."""
    try:
        yield
    except KafkaError as error:
        raise Unavailable("kafka_unreachable", f"Kafka does not answer ({type(error).__name__}).") from error
