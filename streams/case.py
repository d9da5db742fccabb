"""The case the rules look at: one scan, where it came from and goes to, the pass shown, and the reference it is decided under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from reference.dated import Dated
from reference.snapshot import Snapshot
from schemas.arrival import Decision, Location, Risk
from schemas.recorded import RecordedScan
from schemas.reference_rows import GradeData
from streams.rules.grades import Stretch, grades_at

Evidence = Mapping[str, str | int | float | bool | None]
_WORST_FIRST = {"high": 0, "medium": 1, "low": 2}


class Place(NamedTuple):
    """A place of the case; `days` since it was left (0 for the origin), `length` of the stay in days."""

    area: str
    via: str
    days: int
    length: int


@lru_cache(maxsize=4096)
def _origin(code: str) -> Place:
    return Place(code, "origin", 0, 0)


class GradedPlace(NamedTuple):
    """A place of the case with the grade row that holds for it."""

    place: Place
    row: Dated[GradeData]


class Spoken(NamedTuple):
    """What one rule says. `set_aside` is the decision it would have said without the exemption of `exempted_by`."""

    rule: str
    version: int
    risk: Risk
    decision: Decision
    evidence: Evidence
    grade_row: str | None = None
    rule_row: str | None = None
    set_aside: Decision | None = None
    exempted_by: str | None = None


@dataclass(slots=True)
class Case:
    """One scan under decision. `stay_codes` runs parallel to the scan's stays, located where only text was given."""

    scan: RecordedScan
    #: The instant rules, grades and passes are asked for: when the person was scanned.
    at: datetime
    origin_code: str | None
    stay_codes: tuple[str | None, ...]
    location: Location
    snapshot: Snapshot
    site_county: str | None = None
    _places: tuple[Place, ...] | None = field(default=None, init=False)
    _graded: tuple[GradedPlace, ...] | None = field(default=None, init=False)
    _stretch: Stretch | None = field(default=None, init=False)

    @property
    def destination(self) -> str:
        """The deepest code of the destination, '' when no area is known."""
        found = self.location
        return found.village_code or found.street_code or found.county_code or found.outside_code or ""

    def places(self) -> tuple[Place, ...]:
        """The origin, then every stay that could be located."""
        if self._places is None:
            origin = (_origin(self.origin_code),) if self.origin_code else ()
            self._places = origin + self._stays() if self.scan.stays else origin
        return self._places

    def graded(self) -> tuple[GradedPlace, ...]:
        """The places that bear a grade, the worst first; of equal ones the origin, then the order of the scan."""
        if self._graded is None:
            grades = self.grades()
            found = [GradedPlace(place, row) for place in self.places() if (row := grades[place.area]) is not None]
            if len(found) > 1:
                found.sort(key=lambda graded: _WORST_FIRST[graded.row.data.grade])
            self._graded = tuple(found)
        return self._graded

    def destination_grade(self) -> Dated[GradeData] | None:
        """The grade of the destination's county."""
        county = self.location.county_code or self.location.outside_code
        return self.grades()[county] if county else None

    def grades(self) -> Stretch:
        """The grades of areas at the moment of the case."""
        if self._stretch is None:
            self._stretch = grades_at(self.snapshot, self.at)
        return self._stretch

    def _stays(self) -> tuple[Place, ...]:
        today = self.at.date()
        located = zip(self.scan.stays, self.stay_codes, strict=True)
        return tuple(
            Place(code, "stay", (today - stay.to_day).days, (stay.to_day - stay.from_day).days + 1)
            for stay, code in located
            if code
        )
