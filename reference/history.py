"""Every row of the `reference` topic in its order, and the snapshot as of any of them. Pure.

A snapshot is made from the nearest earlier one at hand, so that going through the versions upwards costs each row once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime

from reference.gazetteer import Gazetteer
from reference.snapshot import Snapshot
from schemas.reference_rows import ReferenceRow

#: Snapshots kept at hand; they share the tables that did not change between them.
KEPT = 32


class ReferenceHistory:
    """Grows by `add`; answers for every version up to the last row."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._empty = Snapshot.empty(gazetteer)
        self._offsets: list[int] = []
        self._rows: list[ReferenceRow] = []
        self._kept: dict[int, Snapshot] = {-1: self._empty}

    @property
    def version(self) -> int:
        """The offset of the last row, -1 without rows."""
        return self._offsets[-1] if self._offsets else -1

    def add(self, rows: Sequence[tuple[int, ReferenceRow]]) -> None:
        """Appends rows (offset, row) that follow those at hand; others are left out."""
        for offset, row in rows:
            if offset > self.version:
                self._offsets.append(offset)
                self._rows.append(row)

    def row(self, version: int) -> ReferenceRow | None:
        """The row at an offset."""
        place = bisect_right(self._offsets, version) - 1
        return self._rows[place] if place >= 0 and self._offsets[place] == version else None

    def at(self, version: int) -> Snapshot:
        """The snapshot of all rows up to an offset."""
        found = self._kept.get(version)
        if found is None:
            below = self._kept[max(kept for kept in self._kept if kept < version)]
            first, last = bisect_right(self._offsets, below.version), bisect_right(self._offsets, version)
            found = below.with_rows(list(zip(self._offsets[first:last], self._rows[first:last], strict=True)))
            if len(self._kept) >= KEPT:
                del self._kept[next(kept for kept in self._kept if kept != -1)]
            self._kept[version] = found
        return found

    def known_by(self, moment: datetime) -> int:
        """The version of the newest row the city knew at a moment; -1 when it knew none."""
        known = (o for o, row in zip(reversed(self._offsets), reversed(self._rows), strict=True) if row.known_from <= moment)
        return next(known, -1)
