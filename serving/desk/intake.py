"""`arrivals` -> duties: reads the topic in a consumer group and keeps a duty for every arrival.

Guarantee: offsets are committed after the duties are kept; a crash in between repeats arrivals, which changes nothing. While
the desk's database is away nothing is committed and nothing skipped. A record that cannot be read is counted: the sink keeps it
as a dead letter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kafka import KafkaConsumer
from pydantic import ValidationError

from arrivals.runtime.metrics import Metrics
from schemas.arrival import ARRIVAL, Arrival
from schemas.errors import Unavailable
from serving.desk.store import DeskStore
from serving.duties.situation import Situation

_POLL_MS = 100
BATCH = 500


class Intake:
    """One member of the desks' consumer group; `step` is called in a loop by one thread."""

    def __init__(self, consumer: KafkaConsumer, store: DeskStore, now: Callable[[], Situation], metrics: Metrics) -> None:
        self._consumer = consumer
        self._store = store
        self._now = now
        self._changes = metrics.counter("arrivals_desk_changes_total")
        self._unreadable = metrics.counter("arrivals_desk_unreadable_records_total")
        self._held: list[Arrival] = []

    def step(self) -> int:
        """Takes in what came; how many records. Raises Unavailable; what was polled is held and tried again at the next step."""
        if not self._held:
            polled = self._consumer.poll(_POLL_MS, max_records=BATCH)
            self._held = list(self._readable(record for records in polled.values() for record in records))
            if not polled:
                return 0
        taken, made = len(self._held), self._store.take_in(self._held, self._now())
        self._held = []
        self._changes.labels("arrival").inc(made)
        self._consumer.commit()
        return taken

    def positioned(self) -> bool:
        """Whether partitions are being read."""
        return bool(self._consumer.assignment())

    def close(self) -> None:
        """Leaves the group."""
        self._consumer.close()

    def _readable(self, records: Iterator[Any]) -> Iterator[Arrival]:
        for record in records:
            try:
                yield ARRIVAL.validate_json(record.value or b"")
            except ValidationError:
                self._unreadable.inc()


def undisturbed(step: Callable[[], int]) -> tuple[int, str | None]:
    """What a step did, or why it could not: servers that are away come back."""
    try:
        return step(), None
    except Unavailable as error:
        return 0, error.message
