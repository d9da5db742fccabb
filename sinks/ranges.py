"""Offset ranges, their deduplication tokens, and where a sink may go on reading. Pure.

A batch is one contiguous offset range per partition of one topic. Its token names those ranges and the identity Kafka gave the
topic, so the same token always means the same rows: `arrivals@<topic id>:0:100-199,1:50-80`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.errors import Misconfigured


@dataclass(frozen=True, slots=True, order=True)
class OffsetRange:
    """Offsets `first` to `last` of one partition, both included. `last == first - 1` is the empty range."""

    partition: int
    first: int
    last: int

    @property
    def after(self) -> int:
        """The offset from which reading goes on."""
        return self.last + 1


@dataclass(frozen=True, slots=True)
class RangeSet:
    """The ranges that are inserted together: at most one per partition, ascending."""

    topic: str
    topic_id: str
    ranges: tuple[OffsetRange, ...]

    @property
    def token(self) -> str:
        """The deduplication token; equal tokens mean equal rows."""
        spans = ",".join(f"{r.partition}:{r.first}-{r.last}" for r in self.ranges)
        return f"{self.topic}@{self.topic_id}:{spans}"


def range_set(topic: str, topic_id: str, ranges: Iterable[OffsetRange]) -> RangeSet:
    """The set of the given ranges in partition order."""
    return RangeSet(topic, topic_id, tuple(sorted(ranges)))


@dataclass(frozen=True, slots=True)
class Position:
    """What is known about one partition before reading: its stored watermark and the ends of its log.

    `stored` is the first offset not yet stored, None when nothing is; `other_topic_id` is set when rows of a topic of
    the same name but
    another identity are stored; `log_start` and `log_end` are the first kept offset and the next to be written.
    """

    topic: str
    partition: int
    stored: int | None
    other_topic_id: bool
    log_start: int
    log_end: int


def starting_offset(at: Position) -> int:
    """The offset at which to go on: exactly the stored watermark, never past a gap.

    Raises Misconfigured: `topic_recreated` when the topic was deleted and made anew, `retention_gap` when records
    were deleted before
    they were stored, `log_truncated` when the log ends before the watermark. Each needs an operator, because going on
    would lose or drop records.
    """
    where = f"{at.topic}/{at.partition}"
    if at.stored is None and at.other_topic_id:
        raise Misconfigured(
            "topic_recreated",
            f"Topic {at.topic} was deleted and created again; its offsets no longer mean the stored ones.",
            "When that was intended, run: arrivals topics --accept-gap " + at.topic,
        )
    expected = at.stored or 0
    if expected < at.log_start:
        raise Misconfigured(
            "retention_gap",
            f"{where}: offsets {expected} to {at.log_start - 1} were deleted before they were stored.",
            "When they are lost for good, run: arrivals topics --accept-gap " + at.topic,
        )
    if expected > at.log_end:
        raise Misconfigured(
            "log_truncated",
            f"{where}: offset {expected} is expected next but the log ends at {at.log_end}.",
            "The log was cut. Restore it, or delete and create the topic, then run: arrivals topics --accept-gap " + at.topic,
        )
    return expected
