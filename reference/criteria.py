"""The numeric criteria of 17 February 2020: the grade an area's case counts propose, beside the one that was decided. Pure.

State Council, 17 Feb 2020, by county. Low: no case, or none new for 14 days. Medium: new ones within 14 days and 50 or fewer in
all, or more than 50 without a cluster in 14 days. High: more than 50 and a cluster within 14 days. A cluster is two cases or
more. Counts are cut off at 24:00 and published the next day; the urban districts of one prefecture share the highest grade.

A count that is missing is not 0: where the counts leave two grades open, both are told, and the higher one is proposed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from reference.dated import Dated, DatedTable
from reference.gazetteer import Gazetteer
from reference.snapshot import Snapshot
from reference.succession import successors
from schemas.areas import CaseCountData, end_of_day
from schemas.reference_rows import GradeData
from schemas.rule_conditions import Grade

WINDOW_DAYS = 14
MANY = 50
_WORST_FIRST: tuple[Grade, ...] = ("high", "medium", "low")
_LAST_URBAN = "20"  # GB/T 2260: the third pair of digits of a city's districts is 01 to 20
Counts = Mapping[date, CaseCountData]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the counts up to 24:00 of a day propose. `possible` are the grades the counts leave open, the worst first.

    `new` is the least and the most that can be new in the window, `clusters` those reported in it (None: none was reported on).
    `grade` is None where the day itself was not counted. `shared_with` names the urban district whose grade is shared.
    """

    area: str
    day: date
    grade: Grade | None
    possible: tuple[Grade, ...]
    confirmed: int | None
    new: tuple[int, int] | None
    clusters: int | None
    rows: tuple[str, ...] = ()
    shared_with: str | None = None

    @property
    def certain(self) -> bool:
        """Whether the counts leave one grade only."""
        return len(self.possible) == 1


@dataclass(frozen=True, slots=True)
class Beside:
    """A proposal beside the grade in force from 24:00 of its day on."""

    proposal: Proposal
    decided: Dated[GradeData] | None

    @property
    def agrees(self) -> bool | None:
        """Whether both say the same; None where one of them says nothing."""
        if self.decided is None or self.proposal.grade is None:
            return None
        return self.decided.data.grade == self.proposal.grade


def grades_left_open(confirmed: int, new: tuple[int, int], clusters: int | None) -> tuple[Grade, ...]:
    """The grades the criteria leave open, the worst first; `new` is (least, most) within 14 days, both equal when known."""
    least, most = new
    left: set[Grade] = set()
    if least == 0 or confirmed == 0:
        left.add("low")
    if confirmed > 0 and most > 0:
        many = confirmed > MANY
        if not many or not clusters:
            left.add("medium")
        if many and clusters != 0:
            left.add("high")
    return tuple(grade for grade in _WORST_FIRST if grade in left)


def propose(area: str, day: date, counts: Counts, rows: Mapping[date, str] | None = None) -> Proposal:
    """The proposal for an area from its counts by day; without a count of the day itself there is none."""
    today = counts.get(day)
    if today is None:
        return Proposal(area, day, None, (), None, None, None)
    begin = day - timedelta(days=WINDOW_DAYS)
    window = [counts[d] for d in sorted(counts) if begin < d <= day]
    new, clusters = _new(today, begin, window, counts), _clusters(window)
    open_grades = grades_left_open(today.confirmed, new, clusters)
    used = tuple((rows or {}).get(d, "") for d in sorted(counts) if begin <= d <= day) if rows else ()
    return Proposal(area, day, open_grades[0], open_grades, today.confirmed, new, clusters, used)


def _new(today: CaseCountData, begin: date, window: list[CaseCountData], counts: Counts) -> tuple[int, int]:
    """The least and the most that are new after 24:00 of `begin`: exact when that day was counted, or every day since."""
    stated = [count.new for count in window if count.new is not None]
    if len(stated) == WINDOW_DAYS:
        return sum(stated), sum(stated)
    before = max((d for d in counts if d <= begin), default=None)
    most = max(today.confirmed - (counts[before].confirmed if before else 0), sum(stated), 0)
    first = counts[begin] if before == begin else window[0]
    return min(max(today.confirmed - first.confirmed, sum(stated), 0), most), most


def _clusters(window: list[CaseCountData]) -> int | None:
    """Clusters found in the window; with none found, 0 only when every day of it was reported on."""
    reported = [count.clusters for count in window if count.clusters is not None]
    total = sum(reported)
    return total if total or len(reported) == WINDOW_DAYS else None


def counts_of(table: DatedTable[CaseCountData], area: str, known_at: datetime | None = None) -> dict[date, Dated[CaseCountData]]:
    """The counts of an area by day, of each day the newest row; with `known_at`, as they were known then."""
    newest: dict[date, Dated[CaseCountData]] = {}
    for row in table.history(area):
        if known_at is None or row.known_from <= known_at:
            newest.setdefault(row.data.day, row)
    return {day: row for day, row in newest.items() if not row.withdrawn}


def propose_all(snapshot: Snapshot, day: date, known_at: datetime | None = None) -> list[Beside]:
    """The proposal of every area that is counted and stands, beside the grade decided for the next day, by code."""
    proposals = []
    at = end_of_day(day)
    for area in snapshot.case_counts.keys():
        if successors(snapshot.successions, area, at, known_at) is not None:
            continue
        found = counts_of(snapshot.case_counts, area, known_at)
        counts, ids = {d: row.data for d, row in found.items()}, {d: row.row_id for d, row in found.items()}
        proposals.append(propose(area, day, counts, ids))
    shared = share_highest(proposals, snapshot.gazetteer)
    return [Beside(proposal, snapshot.grade(proposal.area, at, known_at)) for proposal in shared]


def share_highest(proposals: Iterable[Proposal], gazetteer: Gazetteer) -> list[Proposal]:
    """The proposals, the urban districts of one prefecture bearing the highest of theirs."""
    proposals = list(proposals)
    highest: dict[str, Proposal] = {}
    for proposal in proposals:
        if proposal.grade and is_urban_district(proposal.area, gazetteer):
            city = proposal.area[:4]
            highest[city] = min(highest.get(city, proposal), proposal, key=_rank)
    return [_sharing(proposal, highest.get(proposal.area[:4]), gazetteer) for proposal in proposals]


def _rank(proposal: Proposal) -> int:
    return _WORST_FIRST.index(proposal.grade) if proposal.grade else len(_WORST_FIRST)


def _sharing(one: Proposal, highest: Proposal | None, gazetteer: Gazetteer) -> Proposal:
    if highest is None or _rank(highest) >= _rank(one) or not is_urban_district(one.area, gazetteer):
        return one
    known = (one.confirmed, one.new, one.clusters, one.rows)
    return Proposal(one.area, one.day, highest.grade, highest.possible, *known, shared_with=highest.area)


def is_urban_district(code: str, gazetteer: Gazetteer) -> bool:
    """Whether a county-level code is a district of its city: 420106 武昌区, not 422801 恩施市 nor 420281 大冶市."""
    name = gazetteer.area_name(code) or ""
    return len(code) == len("420106") and code[4:] <= _LAST_URBAN and name.endswith("区")
