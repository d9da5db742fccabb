"""The part `arrivals reflag`: rows of the reference one after the other, and the tail of `arrivals` in between.

Delivery guarantee: at least once, in effect once (`streams.reflagging`). A row is committed when all its versions are on Kafka;
a part that was killed works on the same row again, after everything on `arrivals` is stored. Two of them at once do the same work
twice and harm nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from threading import Event
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from structlog.stdlib import BoundLogger

from arrivals.runtime.kafka_clients import Publisher
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.reference_feed import decode_row
from arrivals.runtime.reference_writer import record_of
from arrivals.runtime.settings import Settings
from reference.history import ReferenceHistory
from schemas.errors import Unavailable
from schemas.reference_rows import ReferenceRow
from streams.affected import Reach, reach_of
from streams.following import Following
from streams.reflag_positions import Positions, kafka_errors
from streams.reflagging import Progress, Reflagging
from streams.stored_arrivals import StoredArrivals

_ROWS_MS, _TAIL_MS, _STORED_SECONDS, _TOLD_SECONDS = 50, 250, 0.1, 1.0


class Reflag:
    """The loop over both topics. `rows` reads `reference` from its beginning, `tail` reads `arrivals` for the group."""

    def __init__(
        self,
        settings: Settings,
        history: ReferenceHistory,
        clients: tuple[KafkaConsumer, KafkaConsumer, Publisher],
        work: tuple[StoredArrivals, Reflagging],
        metrics: Metrics,
        log: BoundLogger,
    ) -> None:
        self._settings = settings
        self._history = history
        self._rows, self._tail, self._publisher = clients
        self._stored, self._reflagging = work
        self._following = Following(history)
        self._positions = Positions(settings, self._tail)
        self._log = log
        self._remaining = metrics.gauge("arrivals_reflag_remaining_arrivals")
        self._version = metrics.gauge("arrivals_reference_version")
        self._late = metrics.counter("arrivals_reflag_late_total")
        self._uses = metrics.counter("arrivals_reflag_pass_uses_total")
        self._seen: dict[int, int] = {}
        self._told_at = 0.0
        self._at = self._next = 0
        self.reading = False
        #: What stood in the way of the last step; None when nothing did.
        self.trouble: str | None = None
        #: When the loop last got on, by the monotonic clock.
        self.moved_at = time.monotonic()

    def begin(self) -> None:
        """Takes up both topics where the last run left them. Raises Unavailable."""
        topic = self._settings.topic("arrivals")
        with kafka_errors():
            reference = TopicPartition(self._settings.topic("reference"), 0)
            self._rows.assign([reference])
            self._rows.seek_to_beginning(reference)
            parts = [TopicPartition(topic, number) for number in sorted(self._tail.partitions_for_topic(topic) or ())]
            self._tail.assign(parts)
            # Whatever lies on the topic now may be ours, not yet stored: nobody is told twice, so it is waited for.
            self._seen = {at.partition: end - 1 for at, end in self._tail.end_offsets(parts).items()}
        self._next = self._positions.next_version()
        self.reading = True

    def step(self, stop: Event) -> None:
        """New rows first, then the next arrivals. Raises Unavailable; call it again."""
        self.moved_at = time.monotonic()
        with kafka_errors():
            fresh = [(r.offset, decode_row(r)) for batch in self._rows.poll(_ROWS_MS).values() for r in batch]
        self._history.add(fresh)
        self._catch_up(stop)
        with kafka_errors():
            records = {at.partition: batch for at, batch in self._tail.poll(_TAIL_MS, max_records=5_000).items()}
        try:
            self._follow(records)
        except Unavailable:
            for partition, batch in records.items():  # they are looked at again, not passed over
                self._tail.seek(TopicPartition(self._settings.topic("arrivals"), partition), batch[0].offset)
            raise

    def _catch_up(self, stop: Event) -> None:
        """Works on the rows at hand that are not committed yet; those that are need only be known."""
        while self._at <= self._history.version:
            row = self._history.row(self._at)
            reach = reach_of(row, self._history.at(self._at)) if row else None
            progress = None
            if row and reach and self._at < self._next:
                self._following.note(self._at, reach, {})
            elif row and reach:
                progress = self._work(row, reach, stop)
            self._at += 1
            if self._at > self._next and (progress or self._at > self._history.version):
                self._next = self._at
                self._positions.keep_row(self._next, progress)
        self._version.set(self._history.version)

    def _work(self, row: ReferenceRow, reach: Reach, stop: Event) -> Progress | None:
        covered = {**self._seen}
        for partition, offset in self._reflagging.written.items():
            covered[partition] = max(offset, covered.get(partition, -1))
        self._wait_stored(covered, stop)
        began = time.monotonic()
        progress = self._reflagging.run(row, self._history.at(self._at), (reach, covered), self._told, stop)
        self._following.note(self._at, reach, covered)
        self._remaining.set(0)
        if not progress.total:
            return None
        self._log.info("reflag_row_done", seconds=round(time.monotonic() - began, 1), **_said(progress))
        return progress

    def _wait_stored(self, needed: Mapping[int, int], stop: Event) -> None:
        began, told = time.monotonic(), False
        while True:
            stored = self._stored.position()
            if all(stored.get(partition, -1) >= offset for partition, offset in needed.items()):
                return
            if not told and time.monotonic() - began > 10 * _TOLD_SECONDS:
                self._log.warning("reflag_waits_for_the_sink")
                told = True
            self.moved_at = time.monotonic()
            if stop.wait(_STORED_SECONDS):
                raise Unavailable("stopped", "Stopped while waiting for the sink.")

    def _told(self, progress: Progress) -> None:
        self._remaining.set(progress.total - progress.done)
        self.moved_at = time.monotonic()
        if time.monotonic() - self._told_at >= _TOLD_SECONDS:
            self._told_at = time.monotonic()
            self._log.info("reflag_row", **_said(progress))
            self._positions.keep_row(progress.version, progress)

    def _follow(self, records: Mapping[int, Any]) -> None:
        if not records:
            self._positions.keep_arrivals({})
            return
        late, uses = self._following.look(records)
        if late:
            self._late.inc(self._reflagging.late(late))
        if uses:
            self._publisher.publish([record_of(self._settings, row) for row in uses])
            self._uses.inc(len(uses))
        topic = self._settings.topic("arrivals")
        self._positions.keep_arrivals({TopicPartition(topic, p): batch[-1].offset + 1 for p, batch in records.items()})
        for partition, batch in records.items():
            self._seen[partition] = max(batch[-1].offset, self._seen.get(partition, -1))


def _said(progress: Progress) -> dict[str, Any]:
    return {name: getattr(progress, name) for name in ("version", "kind", "total", "done", "changed", "unopened")}
