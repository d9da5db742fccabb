"""Follows `unit-actions` and tells the open streams of a unit that its lists of duties changed: who looks at one fetches it anew.

Guarantee: whoever is told finds the change in the desk's database, which had it first. What changes while Kafka is away is
told in one word to everybody when it is back. A reader who comes back fetches his list anyway: nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Event, Thread

import orjson
from kafka import TopicPartition
from kafka.errors import KafkaError

from arrivals.runtime.kafka_clients import UNHURRIED, make_consumer
from arrivals.runtime.kafka_reading import read_lean
from arrivals.runtime.settings import Settings
from schemas.visibility import units_concerned
from serving.stream import frame

#: Says that something changed and not what: it may reach a unit that is only looking on.
CHANGED = frame("duty", b"{}")
_POLL_MS = 500

Tell = Callable[[Iterable[str]], object]


class DutyTail:
    """Reads the topic in one thread from its end on. `tell` gets the units concerned, once for every batch, in that thread."""

    def __init__(self, settings: Settings, watched: Callable[[], list[str]], tell: Tell) -> None:
        self._settings = settings
        self._watched = watched
        self._tell = tell
        self._stop = Event()
        self._thread = Thread(target=self._run, name="duty-tail", daemon=True)

    def start(self) -> None:
        """Starts following; returns at once."""
        self._thread.start()

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

    def _follow(self) -> None:
        consumer = read_lean(make_consumer(self._settings, **UNHURRIED))
        try:
            topic = self._settings.topic("unit-actions")
            partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            if not partitions:
                raise KafkaError("the topic has no partitions yet")
            consumer.assign(partitions)
            consumer.seek_to_end(*partitions)
            self._tell(self._watched())
            while not self._stop.is_set():
                values = [record.value for batch in consumer.poll(_POLL_MS).values() for record in batch]
                units = concerned(values, frozenset(self._watched())) if values else frozenset()
                if units:
                    self._tell(units)
        finally:
            consumer.close()


def concerned(values: Iterable[bytes | None], watched: frozenset[str]) -> frozenset[str]:
    """Those of the watched units that the records concern; what cannot be read concerns nobody."""
    units: set[str] = set()
    for value in values if watched else ():
        try:
            units |= units_concerned(orjson.loads(value or b""))
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return frozenset(units & watched)
