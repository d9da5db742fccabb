"""Gathers polled records into loads: per topic the columns so far and the contiguous range of every partition. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.errors import Misconfigured
from sinks.columns import Batch, Columns, Raw
from sinks.ranges import OffsetRange, RangeSet, range_set
from sinks.tables import BY_TOPIC, Sink


@dataclass(slots=True)
class Load:
    """What one insert stores: the ranges that name it and the rows they hold."""

    sink: Sink
    ranges: RangeSet
    batch: Batch
    #: Records by partition, misfits included.
    counts: Mapping[int, int]

    @property
    def records(self) -> int:
        """Records in the ranges, misfits included."""
        return self.batch.rows + len(self.batch.poison)


@dataclass(slots=True)
class Gathering:
    """The growing load of one topic. `begin` sets where a partition goes on; records must then follow without a step back."""

    sink: Sink
    columns: Columns
    topic_id: str = ""
    begins: dict[int, int] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)
    counts: Counter[int] = field(default_factory=Counter)
    batch: Batch = field(default_factory=Batch)

    @property
    def records(self) -> int:
        """Records gathered."""
        return self.batch.rows + len(self.batch.poison)

    def begin(self, partition: int, offset: int, topic_id: str) -> None:
        """Says that the next record of the partition is the one at `offset`."""
        self.topic_id = topic_id
        self.begins[partition] = self.ends[partition] = offset

    def add(self, partition: int, records: Sequence[Raw]) -> None:
        """Appends records of one partition, ascending.

        Raises Misconfigured (`offsets_went_back`) when an offset comes again: the topic is not the one it was.
        """
        if partition not in self.begins:
            return
        if records[0][1] < self.ends[partition]:
            where = f"{self.sink.topic}/{partition}"
            expected, found = self.ends[partition], records[0][1]
            raise Misconfigured("offsets_went_back", f"{where}: offset {expected} was expected and {found} came.")
        self.columns.add(self.batch, records)
        self.counts[partition] += len(records)
        self.ends[partition] = records[-1][1] + 1

    def forget(self) -> None:
        """Drops what was gathered and every position: the partitions were taken away."""
        self.begins, self.ends = {}, {}
        self._clear()

    def take(self) -> Load | None:
        """The load gathered so far, None when there is none; gathering goes on behind it."""
        ranges = [
            OffsetRange(partition, self.begins[partition], end - 1)
            for partition, end in self.ends.items()
            if end > self.begins[partition]
        ]
        if not ranges:
            return None
        load = Load(self.sink, range_set(self.sink.topic, self.topic_id, ranges), self.batch, self.counts)
        self.begins = dict(self.ends)
        self._clear()
        return load

    def _clear(self) -> None:
        self.counts, self.batch = Counter(), Batch()


def load_of(ranges: RangeSet, columns: Columns, records: Sequence[Raw]) -> Load:
    """The load of ranges that were read again."""
    return Load(BY_TOPIC[ranges.topic], ranges, columns.batch(records), Counter(record[0] for record in records))
