"""`arrivals` -> duties: reads the topic in a consumer group and keeps a duty for every arrival.

Guarantee: offsets are committed after the duties are kept, at most once a second; a crash in between repeats arrivals, which
changes nothing. While the desk's database is away nothing is committed and nothing skipped. A record that cannot be read is
counted: the sink keeps it as a dead letter.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from kafka import KafkaConsumer
from kafka.errors import KafkaError
from pydantic import ValidationError

from arrivals.runtime.metrics import Metrics
from schemas.arrival import ARRIVAL, Arrival
from schemas.errors import Unavailable
from serving.desk.store import DeskStore
from serving.duties.situation import Situation

_POLL_MS = 100
BATCH = 500
_COMMIT_SECONDS = 1.0
_CLOSE_MS = 2_000


class Intake:
    """One member of the desks' consumer group; `step` is called in a loop by one thread."""

    def __init__(self, consumer: KafkaConsumer, store: DeskStore, now: Callable[[], Situation], metrics: Metrics) -> None:
        self._consumer = consumer
        self._store = store
        self._now = now
        self._changes = metrics.counter("arrivals_desk_changes_total")
        self._unreadable = metrics.counter("arrivals_desk_unreadable_records_total")
        self._held: list[Arrival] = []
        self._committed_at = 0.0
        self._uncommitted = False

    def step(self) -> int:
        """Takes in what came; how many records. Raises Unavailable; what was polled is held and tried again at the next step."""
        if not self._held:
            polled = self._consumer.poll(_POLL_MS, max_records=BATCH)
            self._held = list(self._readable(record for records in polled.values() for record in records))
            if not polled:
                self._commit()
                return 0
        taken, made = len(self._held), self._store.take_in(self._held, self._now())
        self._held = []
        self._changes.labels("arrival").inc(made)
        self._uncommitted = True
        self._commit()
        return taken

    def positioned(self) -> bool:
        """Whether partitions are being read."""
        return bool(self._consumer.assignment())

    def close(self) -> None:
        """Leaves the group; what was kept is committed if Kafka can be reached."""
        try:
            if self._uncommitted and not self._held:
                self._consumer.commit(timeout_ms=_CLOSE_MS)
        except KafkaError:
            pass  # those arrivals come again and change nothing
        self._consumer.close()

    def _commit(self) -> None:
        """Tells Kafka how far the desk has come. Each time costs both sides as much as some dozens of arrivals."""
        if self._uncommitted and not self._held and time.monotonic() - self._committed_at >= _COMMIT_SECONDS:
            self._consumer.commit()
            self._committed_at, self._uncommitted = time.monotonic(), False

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
