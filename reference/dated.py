"""Dated rows by key: which row holds at an instant, when later knowledge overrides earlier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from schemas.reference_rows import ReferenceRow

D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Dated(Generic[D]):
    """One row's content with its validity `[valid_from, valid_to)`, the moment it became known, and its offset."""

    row_id: str
    offset: int
    valid_from: datetime
    valid_to: datetime | None
    known_from: datetime
    data: D
    withdrawn: bool = False
    author: str = ""
    reason: str = ""

    def holds(self, at: datetime) -> bool:
        """Whether the row is valid at `at`."""
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


class DatedTable(Generic[D]):
    """An immutable table of dated rows. Of the rows of one key that hold at an instant, the last appended one counts."""

    def __init__(self, rows: Mapping[str, tuple[Dated[D], ...]] | None = None) -> None:
        self._rows: Mapping[str, tuple[Dated[D], ...]] = rows or {}

    def __bool__(self) -> bool:
        return bool(self._rows)

    def with_rows(self, added: Iterable[tuple[str, Dated[D]]]) -> DatedTable[D]:
        """A table with the rows added under their keys, newest first within a key; this one itself when there are none."""
        added = list(added)
        if not added:
            return self
        rows = dict(self._rows)
        for key, row in added:
            rows[key] = tuple(sorted((row, *rows.get(key, ())), key=lambda r: -r.offset))
        return DatedTable(rows)

    def at(self, key: str, at: datetime, known_at: datetime | None = None) -> Dated[D] | None:
        """The row of `key` that holds at `at`, unless it withdraws; with `known_at`, as it was known then."""
        for row in self._rows.get(key, ()):
            if row.holds(at) and (known_at is None or row.known_from <= known_at):
                return None if row.withdrawn else row
        return None

    def history(self, key: str) -> tuple[Dated[D], ...]:
        """Every row of a key, newest first."""
        return self._rows.get(key, ())

    def keys(self) -> tuple[str, ...]:
        """All keys, ascending."""
        return tuple(sorted(self._rows))


def dated(row: ReferenceRow, offset: int, data: D) -> Dated[D]:
    """The dated form of a reference row."""
    return Dated(row.row_id, offset, row.valid_from, row.valid_to, row.known_from, data, row.withdrawn, row.author, row.reason)
