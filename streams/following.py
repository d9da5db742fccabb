"""Follows `arrivals` as it grows: finds those decided without a row that was known already, and the uses of passes.

A router may decide a scan under a snapshot that is a moment old. When the row it lacked was worked on before that arrival was
stored, nobody would look at it again: here it is seen, whatever the order was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from arrivals.runtime.kafka_reading import LeanRecord
from reference.history import ReferenceHistory
from reference.snapshot import Snapshot
from schemas.reference_rows import ReferenceRow
from streams.affected import Reach
from streams.pass_uses import use_of
from streams.recalling import Stored

Records = Mapping[int, Sequence[LeanRecord]]


class Following:
    """Knows every row that reaches into what is decided, and up to where of `arrivals` it was worked on in full."""

    def __init__(self, history: ReferenceHistory) -> None:
        self._history = history
        self._rows: list[tuple[int, Reach, Mapping[int, int]]] = []

    def note(self, version: int, reach: Reach, covered: Mapping[int, int]) -> None:
        """A row was worked on for all arrivals up to the offsets `covered`, by partition."""
        self._rows.append((version, reach, dict(covered)))

    def look(self, records: Records) -> tuple[list[tuple[Stored, Snapshot, ReferenceRow]], list[ReferenceRow]]:
        """Of the next records: the late ones, each with the last row it lacks and the snapshot of that row; and new pass uses."""
        late: list[tuple[Stored, Snapshot, ReferenceRow]] = []
        uses: list[ReferenceRow] = []
        newest = self._rows[-1][0] if self._rows else -1
        now = self._history.at(self._history.version)
        for partition, offset, arrival in _parsed(records):
            if arrival["revision"] < newest and (version := self._lacking(arrival, partition, offset)) is not None:
                row = self._history.row(version)
                if row is not None:
                    late.append((arrival, self._history.at(version), row))
            if arrival["cause"] == "scan" and (use := use_of(arrival, now)) is not None:
                uses.append(use)
        return late, uses

    def _lacking(self, arrival: Stored, partition: int, offset: int) -> int | None:
        for version, reach, covered in reversed(self._rows):
            if version <= arrival["revision"]:
                return None
            if offset > covered.get(partition, -1) and reach.touches(arrival):
                return version
        return None


def _parsed(records: Records) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """The records that can be read; the sink keeps the others as dead letters."""
    for partition, batch in records.items():
        for record in batch:
            try:
                arrival = orjson.loads(record.value or b"")
                _ = arrival["revision"], arrival["cause"], arrival["destination"], arrival["findings"]
            except (ValueError, KeyError, TypeError):
                continue
            yield partition, record.offset, arrival
