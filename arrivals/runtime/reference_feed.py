"""Follows the `reference` topic and offers the newest snapshot. Reading only: a restart reads the topic from its first row.

Guarantee: `current` is always one whole snapshot. A row that cannot be read stops the part (Misconfigured): deciding
with half the
rules would be worse than not deciding.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from pydantic import ValidationError

from arrivals.runtime.kafka_clients import make_admin, make_consumer
from arrivals.runtime.settings import Settings
from reference.gazetteer import Gazetteer
from reference.snapshot import Snapshot
from schemas.errors import Misconfigured, Unavailable
from schemas.reference_rows import REFERENCE_ROW, ReferenceRow

_FIRST_WORD_MS = 3_000


class ReferenceFeed:
    """Holds the newest snapshot. `on_change` is called in the feed's thread after each swap."""

    def __init__(self, settings: Settings, gazetteer: Gazetteer, on_change: Callable[[Snapshot], None] | None = None) -> None:
        self._settings = settings
        self._on_change = on_change
        self._stop = Event()
        self._loaded = Event()
        self._failure: Misconfigured | None = None
        self._thread = Thread(target=self._run, name="reference-feed", daemon=True)
        self.current = Snapshot.empty(gazetteer)

    def start(self, timeout_seconds: float = 30.0) -> None:
        """Starts following and waits until the topic was read to its present end. Raises Unavailable or Misconfigured."""
        self._thread.start()
        if not self._loaded.wait(timeout_seconds):
            raise self._failure or Unavailable("reference_unread", "The reference topic could not be read in time.")
        if self._failure:
            raise self._failure

    def ready(self) -> bool:
        """Whether the reference was read to its end once and reading has not failed since."""
        return self._loaded.is_set() and self._failure is None

    @property
    def failure(self) -> Misconfigured | None:
        """What stopped the feed, if anything did."""
        return self._failure

    def stop(self) -> None:
        """Stops following."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except KafkaError:
                self._stop.wait(1.0)
            except Misconfigured as error:
                self._failure = error
                self._loaded.set()
                return

    def _follow(self) -> None:
        partition = TopicPartition(self._settings.topic("reference"), 0)
        consumer = make_consumer(self._settings, fetch_max_wait_ms=200)
        try:
            consumer.assign([partition])
            consumer.seek(partition, self.current.version + 1)
            while not self._stop.is_set():
                self._apply([(r.offset, decode_row(r)) for r in consumer.poll(200).get(partition, ())])
                self._note_loaded(consumer, partition)
        finally:
            consumer.close()

    def _apply(self, rows: list[tuple[int, ReferenceRow]]) -> None:
        if rows:
            self.current = self.current.with_rows(rows)
            if self._on_change:
                self._on_change(self.current)

    def _note_loaded(self, consumer: KafkaConsumer, partition: TopicPartition) -> None:
        if not self._loaded.is_set():
            end = consumer.end_offsets([partition])[partition]
            if self.current.version + 1 >= end:
                self._loaded.set()


def read_snapshot(settings: Settings, gazetteer: Gazetteer) -> Snapshot:
    """The newest snapshot, read from the topic now: for a command, before which somebody waits.

    Raises Unavailable, within seconds where Kafka is away, or Misconfigured.
    """
    try:
        make_admin(settings, bootstrap_ms=_FIRST_WORD_MS).close()
    except KafkaError as error:
        raise Unavailable("kafka_unreachable", f"Kafka at {settings.kafka_bootstrap} cannot be reached.") from error
    feed = ReferenceFeed(settings, gazetteer)
    try:
        feed.start()
    finally:
        feed.stop()
    return feed.current


def decode_row(record: Any) -> ReferenceRow:
    """The reference row in a Kafka record; raises Misconfigured naming the offset when it cannot be read."""
    try:
        return REFERENCE_ROW.validate_json(record.value)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, e["loc"])) for e in error.errors())
        raise Misconfigured(
            "reference_damaged",
            f"Reference row {record.offset} cannot be read ({fields}).",
            "Append a corrected row.",
        ) from None
