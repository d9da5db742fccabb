"""An operator's word that records are lost for good: the book says so, and sinks go on behind the gap. Never done by itself."""

from __future__ import annotations

from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.settings import Settings
from sinks.log_reader import LogReader
from sinks.ranges import OffsetRange, range_set
from sinks.writer import Entry, RangeWriter


def accept_gap(settings: Settings, topic: str) -> list[OffsetRange]:
    """Notes as stored, without records, whatever lies before the first kept offset of each partition of the topic.

    Also accepts a topic that was created anew. Returns the ranges accepted (empty ones for a new topic that lost nothing).
    Start the sinks again afterwards. Raises Unavailable.
    """
    reader, writer = (
        LogReader(settings),
        RangeWriter(lambda: connect(settings), clustered=settings.clickhouse_cluster is not None),
    )
    try:
        topic_id = reader.topic_id(topic)
        stored = {mark.partition: mark.after for mark in writer.watermarks(topic) if mark.topic_id == topic_id}
        bounds = reader.bounds(topic, reader.partitions(topic))
        gaps = [
            OffsetRange(partition, stored.get(partition, 0), first - 1)
            for partition, (first, _) in bounds.items()
            if first > stored.get(partition, 0) or not stored
        ]
        if gaps:
            writer.finish([Entry(range_set(topic, topic_id, gaps), {}, {})])
        return gaps
    finally:
        reader.close()
        writer.close()
