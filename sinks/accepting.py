"""An operator's word that records are lost for good: the book says so, and sinks go on behind the gap. Never done by itself.

Only offsets that Kafka no longer has are given up. What a sink had begun and can no longer read in whole is stored as far as it
is kept; rows it may have inserted before are folded (`sinks.writer`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Event

from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.settings import Settings
from schemas.errors import Unavailable
from sinks.accumulating import load_of
from sinks.columns import Columns
from sinks.log_reader import LogReader
from sinks.misfits import Misfits
from sinks.ranges import OffsetRange, RangeSet, range_set
from sinks.storing import Stopped, Storing
from sinks.tables import BY_TOPIC
from sinks.writer import Entry, RangeWriter


def find_gaps(settings: Settings, topic: str, partition: int | None = None) -> list[OffsetRange]:
    """What lies between the stored records and the first kept one, by partition; of one partition only, where one is given.

    A topic that was created anew has a gap in every partition, empty where nothing was lost. Raises Unavailable, Misconfigured.
    """
    with _opened(settings) as (reader, writer):
        marks, topic_id = writer.watermarks(topic), reader.topic_id(topic)
        stored = {mark.partition: mark.after for mark in marks if mark.topic_id == topic_id}
        anew = bool(marks) and not stored
        wanted = [number for number in reader.partitions(topic) if partition in (None, number)]
        return [
            OffsetRange(number, stored.get(number, 0), first - 1)
            for number, (first, _) in reader.bounds(topic, wanted).items()
            if anew or first > stored.get(number, 0)
        ]


def accept_gap(settings: Settings, topic: str, gaps: Sequence[OffsetRange] | None = None) -> list[OffsetRange]:
    """Notes the gaps as stored, without records: those given, otherwise all there are. Returns them.

    Start the sinks again afterwards. Raises Unavailable, Misconfigured.
    """
    found = find_gaps(settings, topic) if gaps is None else list(gaps)
    if found:
        with _opened(settings) as (reader, writer):
            topic_id = reader.topic_id(topic)
            starts = {gap.partition: gap.after for gap in found}
            for begun in writer.pending(topic):
                if begun.topic_id == topic_id and any(r.first < starts.get(r.partition, 0) for r in begun.ranges):
                    _store_what_is_kept(settings, begun, starts, reader, writer)
            writer.finish([Entry(range_set(topic, topic_id, found), {}, {})])
    return found


def _store_what_is_kept(
    settings: Settings, begun: RangeSet, starts: dict[int, int], reader: LogReader, writer: RangeWriter
) -> None:
    kept = [replace(r, first=max(r.first, starts.get(r.partition, 0))) for r in begun.ranges]
    ranges = range_set(begun.topic, begun.topic_id, [r for r in kept if r.first <= r.last])
    misfits, once = Misfits(settings), Event()
    once.set()
    try:
        if ranges.ranges:
            load = load_of(ranges, Columns(BY_TOPIC[begun.topic]), reader.read(ranges))
            Storing(writer, reader, misfits, Metrics(), once).store([load])
        writer.finish([Entry(begun, {}, {})])
    except Stopped as stopped:
        raise Unavailable("gap_unfinished", "What was begun could not be stored; run the same command again.") from stopped
    finally:
        misfits.close()


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[LogReader, RangeWriter]]:
    reader = LogReader(settings)
    writer = RangeWriter(lambda: connect(settings), clustered=settings.clickhouse_cluster is not None)
    try:
        yield reader, writer
    finally:
        reader.close()
        writer.close()
