"""Stores loads and takes up what another sink left: note the ranges, publish misfits, insert, mark done.

Guarantee: exactly once in effect. A crash between any two steps leaves ranges that are begun and not done; whoever is given
one of their partitions first repeats them under the same token. While ClickHouse or Kafka is away every step is repeated with
growing pauses.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Protocol, TypeVar

from arrivals.runtime.metrics import Metrics
from schemas.errors import Rejected, Unavailable
from sinks.accumulating import Load, load_of
from sinks.columns import Columns, Poison, Raw
from sinks.log_reader import LogReader
from sinks.misfits import Misfits
from sinks.ranges import OffsetRange, Position, RangeSet, range_set, starting_offset
from sinks.tables import BY_TOPIC, Sink
from sinks.writer import Entry, RangeWriter, Watermark

T = TypeVar("T")
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0


class Stopped(Exception):
    """The sink is to end and gives up repeating; what was begun stays noted."""


class Step(Protocol):
    """Called after every step behind which a crash may fall: `gathered`, `noted`, `inserted`, `published`, `done`."""

    def __call__(self, name: str, /) -> None: ...


class Storing:
    """The blocking half of a sink; runs on one thread beside the polling loop."""

    def __init__(
        self, writer: RangeWriter, reader: LogReader, misfits: Misfits, metrics: Metrics, stop: Event, step: Step | None = None
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._misfits = misfits
        self._metrics = metrics
        self._stop = stop
        self._step: Step = step or (lambda _: None)
        self._columns = {topic: Columns(sink) for topic, sink in BY_TOPIC.items()}
        self.trouble: str | None = None

    def store(self, loads: Sequence[Load]) -> None:
        """Stores the loads. Raises Misconfigured when an operator is needed, Stopped when asked to end first."""
        started = [_entry(load, load.batch.poison) for load in loads]
        self._step("gathered")
        self._repeat(lambda: self._writer.begin(started))
        self._step("noted")
        done = [self._store(load) for load in loads]
        self._repeat(lambda: self._writer.finish(done))
        self._step("done")

    def take_up(self, partitions: Mapping[str, Sequence[int]]) -> dict[tuple[str, int], tuple[int, str]]:
        """Finishes what was begun on these partitions and says where each goes on.

        Returns offset and topic identity by topic and partition.

        Raises Misconfigured where going on would lose or drop records (`sinks.ranges.starting_offset`).
        """
        starts: dict[tuple[str, int], tuple[int, str]] = {}
        for topic, numbers in partitions.items():
            topic_id = self._repeat(lambda t=topic: self._reader.topic_id(t))  # type: ignore[misc]
            self._finish_pending(topic, topic_id, numbers)
            marks = self._repeat(lambda t=topic: self._writer.watermarks(t))  # type: ignore[misc]
            bounds = self._repeat(lambda t=topic, n=numbers: self._reader.bounds(t, n))  # type: ignore[misc]
            for position in positions(topic, topic_id, marks, bounds):
                starts[topic, position.partition] = starting_offset(position), topic_id
        return starts

    def close(self) -> None:
        """Closes every connection."""
        self._writer.close()
        self._reader.close()
        self._misfits.close()

    def _finish_pending(self, topic: str, topic_id: str, numbers: Sequence[int]) -> None:
        for ranges in self._repeat(lambda: self._writer.pending(topic)):
            if ranges.topic_id == topic_id and any(r.partition in numbers for r in ranges.ranges):
                load = load_of(ranges, self._columns[topic], self._repeat(lambda r=ranges: self._reader.read(r)))  # type: ignore[misc]
                self._metrics.counter("arrivals_sink_inserts_deduplicated_total").labels(topic).inc()
                entry = self._store(load)
                self._repeat(lambda e=entry: self._writer.finish([e]))  # type: ignore[misc]

    def _store(self, load: Load) -> Entry:
        topic, poison = load.sink.topic, list(load.batch.poison)
        began = time.perf_counter()
        try:
            self._insert(load)
        except Rejected:
            records = self._repeat(lambda: self._reader.read(load.ranges))
            poison = self._insert_without_misfits(load.sink, load.ranges.topic_id, records)
        self._step("inserted")
        self._metrics.histogram("arrivals_sink_insert_seconds").labels(topic).observe(time.perf_counter() - began)
        self._repeat(lambda: self._misfits.publish(topic, poison))
        self._step("published")
        for misfit in poison:
            self._metrics.counter("arrivals_sink_dead_letters_total").labels(misfit.reason).inc()
        self._metrics.counter("arrivals_sink_rows_total").labels(topic).inc(load.records - len(poison))
        if load.batch.newest_ms:
            self._metrics.gauge("arrivals_sink_freshness_seconds").set(time.time() - load.batch.newest_ms / 1000)
        return _entry(load, poison)

    def _insert(self, load: Load) -> None:
        tries = 0

        def insert() -> None:
            nonlocal tries
            if tries:
                self._metrics.counter("arrivals_sink_inserts_deduplicated_total").labels(load.sink.topic).inc()
            tries += 1
            self._writer.insert(load.sink.inserts_into, load.batch, load.ranges.token)

        self._repeat(insert)

    def _insert_without_misfits(self, sink: Sink, topic_id: str, records: Sequence[Raw]) -> list[Poison]:
        """Halves refused records until the bad ones stand alone. Each half has the token of its own offsets, so a repetition
        after a crash meets the same tokens for the same rows."""
        load = load_of(_ranges_of(sink, topic_id, records), self._columns[sink.topic], records)
        try:
            self._insert(load)
        except Rejected as refusal:
            if len(records) == 1:
                return [Poison(records[0], refusal.code, "ClickHouse refused a value of this record.")]
            middle = len(records) // 2
            return [
                misfit
                for half in (records[:middle], records[middle:])
                for misfit in self._insert_without_misfits(sink, topic_id, half)
            ]
        return load.batch.poison

    def _repeat(self, action: Callable[[], T]) -> T:
        pause = _SHORTEST_PAUSE
        while True:
            try:
                result = action()
            except Unavailable as error:
                self.trouble = error.message
                if self._stop.wait(pause):
                    raise Stopped from error
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                self.trouble = None
                return result


def positions(topic: str, topic_id: str, marks: Sequence[Watermark], bounds: Mapping[int, tuple[int, int]]) -> list[Position]:
    """What is known about each partition of a topic before reading it."""
    stored = {mark.partition: mark.after for mark in marks if mark.topic_id == topic_id}
    other = any(mark.topic_id != topic_id for mark in marks)
    return [
        Position(topic, partition, stored.get(partition), other and not stored, first, after)
        for partition, (first, after) in bounds.items()
    ]


def _entry(load: Load, poison: Sequence[Poison]) -> Entry:
    return Entry(load.ranges, load.counts, Counter(misfit.record[0] for misfit in poison))


def _ranges_of(sink: Sink, topic_id: str, records: Sequence[Raw]) -> RangeSet:
    spans: dict[int, list[int]] = {}
    for partition, offset, _, _ in records:
        spans.setdefault(partition, []).append(offset)
    return range_set(sink.topic, topic_id, [OffsetRange(p, offsets[0], offsets[-1]) for p, offsets in spans.items()])
