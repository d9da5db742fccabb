"""The loop of a sink: poll -> gather -> store beside the polling -> commit to Kafka last.

Guarantee: exactly once in effect (`sinks.storing`). Duplicate: dropped by token or folded by key. Crash between write and
commit: the book in ClickHouse, not Kafka's group offsets, says where to go on, so deleted or lost offsets change nothing. Full:
partitions pause while polling, and with it the heartbeat, goes on; a sink that was frozen loses its partitions and drops what
it held.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import AuthorizationError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from arrivals.runtime.metrics import Metrics
from arrivals.runtime.settings import Settings
from schemas.errors import Misconfigured
from sinks.accumulating import Gathering, Load
from sinks.columns import Columns
from sinks.storing import Stopped, Storing
from sinks.tables import SINKS

_IDLE_MS, _BUSY_MS, _FULL_SECONDS = 100, 10, 0.1
_POLLED = 2_000
_GIVE_UP_SECONDS = 15.0


@dataclass(slots=True)
class _Task:
    """Work on the storing thread, begun under one assignment of partitions."""

    assignment: int
    future: Future[Any]
    loads: Sequence[Load] = field(default=())


class Sink(ConsumerRebalanceListener):  # type: ignore[misc]
    """One member of the sinks' consumer group. `run` returns after `stop` is set and what was gathered is stored."""

    def __init__(self, consumer: KafkaConsumer, storing: Storing, settings: Settings, metrics: Metrics, stop: Event) -> None:
        self._consumer = consumer
        self._storing = storing
        self._settings = settings
        self._metrics = metrics
        self._stop = stop
        self._gatherings = {settings.topic(s.topic): Gathering(s, Columns(s)) for s in SINKS}
        self._names = {settings.topic(s.topic): s.topic for s in SINKS}
        self._new: set[TopicPartition] = set()
        self._assignment = 0
        self._task: _Task | None = None
        self._gathered_at = time.monotonic()
        self._round = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="storing")
        self.polled_at = time.monotonic()
        self.positioned = False

    def run(self) -> None:
        """Stores until stopped. Raises Misconfigured when an operator is needed."""
        self._consumer.subscribe(list(self._gatherings), listener=self)
        try:
            while not self._stop.is_set():
                self.step()
            self._drain()
        finally:
            self._thread.shutdown(wait=True)
            self._consumer.close(autocommit=False)
            self._storing.close()

    def step(self) -> None:
        """One turn: take what was polled, settle what was stored, begin what is due."""
        if self._task is not None and self._full():
            wait((self._task.future,), timeout=_FULL_SECONDS)
        self._poll()
        if self._task is not None and self._task.future.done():
            self._settle()
        if self._task is None:
            self._launch()
        self._hold_back()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002 (all of them)
        """Forgets what was gathered of all partitions (rebalances are eager); the next owner goes on from the book."""
        self._assignment += 1
        self.positioned = False
        self._new.clear()
        for gathering in self._gatherings.values():
            gathering.forget()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Holds the partitions until the book says where they go on."""
        self._new = set(assigned)
        self.positioned = not self._new  # more sinks than partitions: nothing to read is ready to read
        for at in self._new:
            self._consumer.seek(at, 0)
        self._consumer.pause(*self._new)

    def _poll(self) -> None:
        try:
            polled = self._consumer.poll(timeout_ms=self._patience_ms(), max_records=_POLLED)
        except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
            raise Misconfigured(
                "offset_gap", "Kafka no longer has the records that come next.", "See docs/runbooks.md; nothing was skipped."
            ) from error
        except AuthorizationError as error:
            raise Misconfigured(
                "kafka_refused", f"Kafka refuses the sink ({type(error).__name__}).", "Grant it the topics."
            ) from error
        except KafkaError:
            self._stop.wait(0.5)  # the broker is away; the client connects again by itself
            return
        self.polled_at = time.monotonic()
        for at, records in polled.items():
            raws = [(at.partition, r.offset, r.timestamp, r.value) for r in records]
            self._gatherings[at.topic].add(at.partition, raws)

    def _patience_ms(self) -> int:
        """How long a poll may wait for records: not past the moment at which what is held is due."""
        if self._task is not None:
            return 0 if self._full() else _BUSY_MS
        due = self._gathered_at + self._settings.sink_batch_seconds - time.monotonic()
        return max(0, min(_IDLE_MS, math.ceil(due * 1000))) if self._held() else _IDLE_MS

    def _launch(self) -> None:
        if self._new:
            wanted: dict[str, list[int]] = {}
            for at in self._new:
                wanted.setdefault(self._names[at.topic], []).append(at.partition)
            self._task = _Task(self._assignment, self._thread.submit(self._storing.take_up, wanted))
            return
        waited = time.monotonic() - self._gathered_at
        if self._full() or waited >= self._settings.sink_batch_seconds:
            self._gathered_at = time.monotonic()
            loads = [load for gathering in self._due() if (load := gathering.take()) is not None]
            if loads:
                self._task = _Task(self._assignment, self._thread.submit(self._storing.store, loads), loads)

    def _due(self) -> list[Gathering]:
        """Whose turn it is. Turns are apart from each other: a round holds as few inserts as can be."""
        everybody = self._full() or self._stop.is_set()
        self._round += 1
        found = enumerate(self._gatherings.values())
        return [one for place, one in found if everybody or (self._round + place) % one.sink.every == 0]

    def _settle(self) -> None:
        task, self._task = self._task, None
        assert task is not None  # noqa: S101
        result = task.future.result()
        if task.assignment != self._assignment:
            return
        if task.loads:
            self._commit(task.loads)
        else:
            self._go_on(result)

    def _go_on(self, starts: dict[tuple[str, int], tuple[int, str]]) -> None:
        for at in self._new:
            offset, topic_id = starts[self._names[at.topic], at.partition]
            self._consumer.seek(at, offset)
            self._gatherings[at.topic].begin(at.partition, offset, topic_id)
        self._consumer.resume(*self._new)
        self._new = set()
        self.positioned = True

    def _commit(self, loads: Sequence[Load]) -> None:
        offsets = {
            TopicPartition(self._settings.topic(load.sink.topic), r.partition): OffsetAndMetadata(r.after, "", -1)
            for load in loads
            for r in load.ranges.ranges
        }
        try:
            self._consumer.commit_async(offsets)
        except KafkaError:
            return  # the book in ClickHouse decides; group offsets only show the lag
        lags: dict[str, int] = {}
        for at, committed in offsets.items():
            end = self._consumer.highwater(at) or committed.offset
            lags[self._names[at.topic]] = lags.get(self._names[at.topic], 0) + max(0, end - committed.offset)
        for topic, lag in lags.items():
            self._metrics.gauge("arrivals_sink_lag_records").labels(topic).set(lag)

    def _hold_back(self) -> None:
        paused = bool(self._consumer.paused() - self._new)
        full = self._task is not None and self._full()
        if full and not paused:
            self._consumer.pause(*(self._consumer.assignment() - self._new))
        elif paused and not full:
            self._consumer.resume(*(self._consumer.paused() - self._new))

    def _held(self) -> int:
        return sum(gathering.records for gathering in self._gatherings.values())

    def _full(self) -> bool:
        return self._held() >= self._settings.sink_batch_rows

    def _drain(self) -> None:
        """Stores what was gathered; a server that is away now ends the attempt, and the book keeps what was begun."""
        try:
            if self._task is not None:
                self._task.future.result(timeout=_GIVE_UP_SECONDS)
                self._settle()
            self._gathered_at = -math.inf  # due now, however young the machine's clock is
            if not self._new:
                self._launch()
            if self._task is not None:
                self._task.future.result(timeout=_GIVE_UP_SECONDS)
                self._settle()
        except (Stopped, TimeoutError):
            return
