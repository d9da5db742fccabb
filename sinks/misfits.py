"""Turns records that no table can hold into dead letters: whole, sealed, with their coordinates.

Guarantee: at least once; the id is made of the coordinates, so a repetition replaces itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime

from arrivals.runtime.kafka_clients import Publisher, Record, make_producer
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.settings import Settings
from schemas.base import LOCAL
from schemas.dead_letter import DeadLetter
from sinks.columns import Poison


class Misfits:
    """Publishes dead letters of stage `sink`. The key store and the producer are opened only when a misfit turns up."""

    def __init__(self, settings: Settings, randomness: Callable[[int], bytes] = os.urandom) -> None:
        self._settings = settings
        self._random = randomness
        self._keys: KeyStore | None = None
        self._publisher: Publisher | None = None

    def publish(self, topic: str, poison: Sequence[Poison]) -> None:
        """Publishes one dead letter per misfit of the topic and waits for Kafka. Raises Unavailable."""
        if not poison:
            return
        if self._keys is None:
            self._keys = KeyStore.open(self._settings.secret_path("keys.json", self._settings.keys_file), create=False)
        if self._publisher is None:
            self._publisher = Publisher(make_producer(self._settings))
        target = self._settings.topic("dead-letters")
        letters = [self._letter(self._keys, self._settings.topic(topic), misfit) for misfit in poison]
        headers = (("schema", b"dead-letter/1"),)
        self._publisher.publish(
            [Record(target, letter.dead_letter_id.encode(), letter.model_dump_json().encode(), headers) for letter in letters]
        )

    def close(self) -> None:
        """Closes the producer."""
        if self._publisher is not None:
            self._publisher.close()

    def _letter(self, keys: KeyStore, topic: str, misfit: Poison) -> DeadLetter:
        partition, offset, timestamp, value = misfit.record
        letter_id = f"sink:{topic}:{partition}:{offset}"
        written = datetime.fromtimestamp(timestamp / 1000, LOCAL)
        day = written.date().isoformat()
        sealed = keys.seal_for_writing(day, "payload").close(value or b"", letter_id, self._random(12))
        return DeadLetter(
            version=1,
            dead_letter_id=letter_id,
            stage="sink",
            reason=misfit.reason,
            detail=misfit.detail,
            recorded_at=written,
            topic=topic,
            partition=partition,
            offset=offset,
            key_id=day,
            payload_sealed=sealed,
            payload_bytes=len(value or b""),
        )
