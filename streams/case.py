"""The case a rule looks at: one scan, where it came from and goes to, and the reference it is decided under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reference.dated import Dated
from reference.snapshot import Snapshot
from schemas.arrival import Decision, Location, Risk
from schemas.recorded import RecordedScan
from schemas.reference_rows import GradeData

Evidence = Mapping[str, str | int | float | bool | None]
#: Days before the arrival during which a stay counts (incubation period, national plan of February 2020).
STAY_DAYS = 14
_RANK = {"high": 2, "medium": 1, "low": 0}


@dataclass(frozen=True, slots=True)
class Spoken:
    """What one rule says: a risk, a decision, and the evidence it rests on."""

    rule: str
    version: int
    risk: Risk
    decision: Decision
    evidence: Evidence
    grade_row: str | None = None


@dataclass(frozen=True, slots=True)
class Graded:
    """A place of the case with the grade row that holds for it; `via` is `origin` or `stay`."""

    area: str
    via: str
    row: Dated[GradeData]


@dataclass(slots=True)
class Case:
    """One scan under decision. `stay_codes` runs parallel to the scan's stays, located where only text was given."""

    scan: RecordedScan
    #: The instant rules and grades are asked for: when the person was scanned.
    at: datetime
    origin_code: str | None
    stay_codes: tuple[str | None, ...]
    location: Location
    snapshot: Snapshot
    _graded: Graded | None = field(default=None, init=False)
    _looked: bool = field(default=False, init=False)

    def worst_graded(self) -> Graded | None:
        """The place with the highest grade among the origin and the stays of the last 14 days; None when none is graded."""
        if not self._looked:
            self._graded, self._looked = self._find_worst(), True
        return self._graded

    def parameter(self, rule: str, name: str, default: float) -> tuple[int, float]:
        """Rule version and a number among its dated parameters; version 1 and the default where no row sets them."""
        row = self.snapshot.rule(rule, self.at)
        if row is None:
            return 1, default
        value = row.parameters.get(name, default)
        return row.rule_version, float(value) if not isinstance(value, str) else default

    def _find_worst(self) -> Graded | None:
        if not self.snapshot.grades:
            return None
        worst: Graded | None = None
        for area, via in self._places():
            row = self.snapshot.grade(area, self.at)
            if row is not None and (worst is None or _RANK[row.data.grade] > _RANK[worst.row.data.grade]):
                worst = Graded(area, via, row)
        return worst

    def _places(self) -> list[tuple[str, str]]:
        places = [(self.origin_code, "origin")] if self.origin_code else []
        if self.scan.stays:
            oldest = (self.at - timedelta(days=STAY_DAYS)).date()
            stays = zip(self.scan.stays, self.stay_codes, strict=True)
            places += [(code, "stay") for stay, code in stays if code and stay.to_day >= oldest]
        return [(code, via) for code, via in places if code]
