"""The ClickHouse side of a sink: its book of ranges, and inserts that a repetition cannot double.

Guarantee: a range is noted before its rows are inserted and marked done after. Whoever finds a range that is not done
inserts exactly its rows
again under the same token; ClickHouse drops what it already has. Rows stored twice under different tokens (two sinks split the
same offsets differently while one was frozen) are folded by the tables' replacing engines and never show in a view.
"""

from __future__ import annotations

import os
import socket
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clickhouse_driver import Client

from arrivals.runtime.clickhouse_client import clickhouse_errors
from sinks.columns import NAMES, Batch
from sinks.ranges import OffsetRange, RangeSet, range_set

#: Asynchronous inserts would answer before the rows are stored; replays may touch any number of weeks.
_INSERT = {
    "async_insert": 0,
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_partitions_per_insert_block": 0,
    "optimize_on_insert": 0,  # folded while merging and reading; to fold each block as well costs half the insert
}
_BOOK = (
    "INSERT INTO ingest_ranges (topic, topic_id, partition, first_offset, last_offset, token, done, records, dead, sink) VALUES"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What the book says of a set of ranges: records and dead letters by partition."""

    ranges: RangeSet
    records: Mapping[int, int]
    dead: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Watermark:
    """`after` is the first offset of a partition that is not stored, for the topic with the identity `topic_id`."""

    topic_id: str
    partition: int
    after: int


class RangeWriter:
    """Writes ranges and rows over one client. One thread only.

    Every method raises Unavailable when the outcome is unknown (call it again), Rejected when values are refused,
    Misconfigured otherwise.
    """

    def __init__(self, make_client: Callable[[], Client], *, clustered: bool = False) -> None:
        self._make_client = make_client
        self._client: Client | None = None
        self._sink = f"{socket.gethostname()}:{os.getpid()}"
        self._settings = _INSERT | ({"insert_quorum": "auto"} if clustered else {})

    def begin(self, entries: Iterable[Entry]) -> None:
        """Notes the ranges as begun."""
        self._note(entries, done=0)

    def finish(self, entries: Iterable[Entry]) -> None:
        """Notes the ranges as stored."""
        self._note(entries, done=1)

    def insert(self, table: str, batch: Batch, token: str) -> None:
        """Inserts the rows under the token in one block; a repetition with the same token changes nothing."""
        if batch.rows:
            statement = f"INSERT INTO {table} ({', '.join(NAMES)}) VALUES"
            columns = [batch.partitions, batch.offsets, batch.values]
            settings = self._settings | {"insert_deduplication_token": token}
            self._execute(statement, columns, columnar=True, settings=settings)

    def pending(self, topic: str) -> list[RangeSet]:
        """The range sets of a topic that were begun and not finished, oldest first."""
        rows = self._execute(
            "SELECT token, topic_id, partition, first_offset, last_offset FROM ingest_ranges WHERE topic = %(topic)s "
            "GROUP BY token, topic_id, partition, first_offset, last_offset HAVING max(done) = 0 ORDER BY min(noted_at)",
            {"topic": topic},
        )
        sets: dict[tuple[str, str], list[OffsetRange]] = defaultdict(list)
        for token, topic_id, partition, first, last in rows:
            sets[token, topic_id].append(OffsetRange(partition, first, last))
        return [range_set(topic, topic_id, ranges) for (_, topic_id), ranges in sets.items()]

    def watermarks(self, topic: str) -> list[Watermark]:
        """How far each partition of a topic is stored, for every identity the topic had."""
        rows = self._execute(
            "SELECT topic_id, partition, max(last_offset) + 1 FROM ingest_ranges WHERE topic = %(topic)s AND done = 1 "
            "GROUP BY topic_id, partition",
            {"topic": topic},
        )
        return [Watermark(*row) for row in rows]

    def close(self) -> None:
        """Closes the connection."""
        if self._client is not None:
            self._client.disconnect()
            self._client = None

    def _note(self, entries: Iterable[Entry], done: int) -> None:
        rows = [
            (
                *(entry.ranges.topic, entry.ranges.topic_id, r.partition, r.first, r.last, entry.ranges.token, done),
                *(entry.records.get(r.partition, 0), entry.dead.get(r.partition, 0), self._sink),
            )
            for entry in entries
            for r in entry.ranges.ranges
        ]
        self._execute(_BOOK, rows, settings=self._settings)

    def _execute(self, statement: str, values: Any, **options: Any) -> Sequence[tuple[Any, ...]]:
        with clickhouse_errors():
            if self._client is None:
                self._client = self._make_client()
            return self._client.execute(statement, values, **options) or ()
