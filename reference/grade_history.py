"""The rows behind an area's grade: which one counts, as known then and as known now, and who changed what when and why. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reference.dated import Dated
from reference.gazetteer import LEVELS
from reference.snapshot import Snapshot
from reference.succession import standing_parts
from schemas.reference_rows import GradeData


@dataclass(frozen=True, slots=True)
class AsKnown:
    """The grade row that holds for an area at `at`: as it was known at `known_at`, and as it is known now."""

    area: str
    at: datetime
    known_at: datetime
    then: Dated[GradeData] | None
    now: Dated[GradeData] | None
    #: What stands for the area at `at`, as known now: itself, or what it became.
    standing: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether another row counts by now."""
        return (self.then and self.then.row_id) != (self.now and self.now.row_id)


def grade_as_known(snapshot: Snapshot, area: str, at: datetime, known_at: datetime | None = None) -> AsKnown:
    """Both answers for one instant; without `known_at` what was known at that instant itself."""
    known = known_at or at
    then, now = snapshot.grade(area, at, known), snapshot.grade(area, at)
    return AsKnown(area, at, known, then, now, standing_parts(snapshot.successions, area, at))


def grades_in_force(snapshot: Snapshot, at: datetime, known_at: datetime | None = None) -> list[Dated[GradeData]]:
    """The rows that count at an instant for the very area they name, by its code: not those of areas that ended."""
    areas = snapshot.grades.keys()
    rows = ((area, snapshot.grade(area, at, known_at)) for area in areas)
    return [row for area, row in rows if row is not None and row.data.area == area]


def grade_history(snapshot: Snapshot, area: str) -> list[Dated[Any]]:
    """Every grade row of an area, of the areas it lies in, of what these became and were made of, and the successions between
    them; the newest first.
    """
    codes = set(_related(snapshot, area))
    rows: list[Dated[Any]] = [row for code in codes for row in snapshot.grades.history(code)]
    rows += [row for code in codes for row in snapshot.successions.history(code)]
    return sorted(rows, key=lambda row: -row.offset)


def _related(snapshot: Snapshot, area: str) -> Iterator[str]:
    prefixes = [area[:length] for length in LEVELS if length <= len(area)]
    yield from prefixes
    table = snapshot.successions
    for code in table.keys():
        made = {successor for row in table.history(code) for successor in row.data.successors}
        if area in made or code == area:
            yield code
        if code in prefixes:
            yield from made
