"""Grades by area for one stretch of time, during which no grade begins or ends: found once, then looked up."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime
from functools import lru_cache

from reference.dated import Dated, DatedTable
from reference.snapshot import Snapshot
from schemas.areas import SuccessionData
from schemas.reference_rows import GradeData

#: More areas than this are not remembered at a time; a city sees a few hundred.
MOST_AREAS = 20_000


class Stretch(dict[str, Dated[GradeData] | None]):
    """Area code -> the grade row that holds, by `Snapshot.grade` at any instant of the stretch."""

    def __init__(self, snapshot: Snapshot, at: datetime) -> None:
        super().__init__()
        self._snapshot, self._at = snapshot, at

    def __missing__(self, area: str) -> Dated[GradeData] | None:
        if len(self) >= MOST_AREAS:
            self.clear()
        row = self[area] = self._snapshot.grade(area, self._at)
        return row


class _Stretches:
    def __init__(self, grades: DatedTable[GradeData], successions: DatedTable[SuccessionData]) -> None:
        self.edges = sorted(grades.edges() | successions.edges())
        self.found: dict[int, Stretch] = {}


@lru_cache(maxsize=4)
def _stretches(grades: DatedTable[GradeData], successions: DatedTable[SuccessionData]) -> _Stretches:
    return _Stretches(grades, successions)


def grades_at(snapshot: Snapshot, at: datetime) -> Stretch:
    """The grades in force at an instant. Every table `Snapshot.grade` reads must be in the key and the edges here."""
    stretches = _stretches(snapshot.grades, snapshot.successions)
    number = bisect_right(stretches.edges, at)
    found = stretches.found.get(number)
    if found is None:
        found = stretches.found[number] = Stretch(snapshot, at)
    return found
