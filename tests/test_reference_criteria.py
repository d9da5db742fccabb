"""The criteria of 17 February: what the counts propose, what they leave open, and Hubei's series from day to day."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.criteria import Beside, grades_left_open, is_urban_district, propose, propose_all, share_highest
from reference.grade_history import grades_in_force
from reference.listed_rows import read_lines
from reference.rows import row_of
from reference.snapshot import Snapshot
from schemas.areas import CaseCountData
from schemas.base import LOCAL
from schemas.rule_conditions import Grade
from scripts.build_hubei_example import FOLDER, SERIES, districts, grade_rows, succession_rows, units
from tests.rules_kit import HUBEI, Row, decide, gazetteer, scan, snapshot_of, spoken

DAY = date(2020, 2, 28)
BEFORE = DAY - timedelta(days=14)
EXAMPLES = Path(__file__).parent.parent / "reference" / "data" / "examples"


def count(day: date, confirmed: int, new: int | None = None, clusters: int | None = None, area: str = "420106") -> CaseCountData:
    return CaseCountData(kind="case-count", area=area, day=day, confirmed=confirmed, new=new, clusters=clusters)


def daily(confirmed: list[int], clusters: int = 0) -> dict[date, CaseCountData]:
    """Counts of the days up to `DAY`, the last one's being `DAY`'s; the clusters were found on the first day of the window."""
    days = [DAY - timedelta(days=n) for n in range(len(confirmed) - 1, -1, -1)]
    begin = DAY - timedelta(days=13)
    return {d: count(d, n, clusters=clusters if d == begin else 0) for d, n in zip(days, confirmed, strict=True)}


@pytest.mark.parametrize(
    ("confirmed", "new", "clusters", "grades"),
    [
        (0, (0, 0), 0, ["low"]),
        (500, (0, 0), 3, ["low"]),
        (1, (1, 1), 1, ["medium"]),
        (50, (1, 1), 5, ["medium"]),
        (51, (1, 1), 0, ["medium"]),
        (51, (1, 1), 1, ["high"]),
        (51, (1, 1), None, ["high", "medium"]),
        (50, (0, 3), 0, ["medium", "low"]),
        (51, (0, 3), 1, ["high", "low"]),
        (51, (0, 3), None, ["high", "medium", "low"]),
    ],
)
def test_the_criteria(confirmed: int, new: tuple[int, int], clusters: int | None, grades: list[Grade]) -> None:
    assert list(grades_left_open(confirmed, new, clusters)) == grades


@pytest.mark.parametrize(
    ("counts", "grade", "new"),
    [
        (daily([60] * 15), "low", (0, 0)),
        (daily([59] + [60] * 14), "medium", (1, 1)),
        (daily([59] + [60] * 14, clusters=1), "high", (1, 1)),
        (daily([59] + [60] * 15, clusters=1), "low", (0, 0)),
        (daily([10] + [12] * 14, clusters=1), "medium", (2, 2)),
    ],
    ids=["none-new", "new-on-the-first-day", "with-a-cluster", "the-day-before", "few"],
)
def test_fourteen_days_end_at_24_00_of_the_day(counts: dict[date, CaseCountData], grade: Grade, new: tuple[int, int]) -> None:
    proposal = propose("420106", DAY, counts)
    assert (proposal.grade, proposal.new, proposal.certain) == (grade, new, True)


def test_what_was_not_counted_is_left_open_and_the_higher_grade_is_proposed() -> None:
    alone = propose("4114", DAY, {DAY: count(DAY, 30)})
    assert (alone.grade, alone.possible, alone.new) == ("medium", ("medium", "low"), (0, 30))
    without = propose("4114", DAY, {BEFORE: count(BEFORE, 30)})
    assert (without.grade, without.possible) == (None, ())
    older = BEFORE - timedelta(days=3)
    unsure = propose("4114", DAY, {older: count(older, 28), DAY: count(DAY, 30)})
    assert unsure.new == (0, 2)
    between = {older: count(older, 28), BEFORE + timedelta(days=5): count(BEFORE + timedelta(days=5), 29), DAY: count(DAY, 30)}
    assert propose("4114", DAY, between).new == (1, 2)
    assert propose("4114", DAY, {DAY: count(DAY, 30, new=4)}).possible == ("medium",)


def test_a_count_corrected_downwards_does_not_hide_new_cases() -> None:
    counts = {BEFORE: count(BEFORE, 60), DAY: count(DAY, 58, new=2, clusters=1)}
    assert propose("420106", DAY, counts).grade == "high"


RANK: dict[Grade, int] = {"low": 0, "medium": 1, "high": 2}


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=15, max_size=20), st.integers(0, 70), st.integers(0, 2), st.data())
def test_fewer_counts_never_rule_out_what_all_counts_say(new: list[int], first: int, clusters: int, data: Any) -> None:
    totals = [first + sum(new[: n + 1]) for n in range(len(new))]
    counts = daily(totals, clusters)
    truth = propose("420106", DAY, counts)
    kept = data.draw(st.sets(st.sampled_from(sorted(counts))))
    fewer = propose("420106", DAY, {d: c for d, c in counts.items() if d in kept or d == DAY})
    assert truth.certain
    assert truth.grade in fewer.possible
    assert fewer.grade is not None
    assert truth.grade is not None
    assert RANK[fewer.grade] >= RANK[truth.grade]


def counted(area: str, day: date, confirmed: int, **more: Any) -> Row:
    return "case-count", {"area": area, "day": day.isoformat(), "confirmed": confirmed} | more


def test_the_districts_of_a_city_share_the_highest_and_its_counties_do_not() -> None:
    rows = [counted(area, BEFORE, 0) for area in ("420502", "420503", "420581")]
    rows += [counted("420502", DAY, 3), counted("420503", DAY, 0), counted("420581", DAY, 0)]
    found = {beside.proposal.area: beside.proposal for beside in propose_all(snapshot_of(*rows), DAY)}
    assert {area: proposal.grade for area, proposal in found.items()} == {"420502": "medium", "420503": "medium", "420581": "low"}
    assert found["420503"].shared_with == "420502"
    assert share_highest([], gazetteer()) == []


def test_an_area_that_ended_is_proposed_nothing() -> None:
    merged = ("succession", {"unit": "420502", "successors": ["420503"], "valid_from": "2020-02-20T00:00:00+08:00"})
    snapshot = snapshot_of(counted("420502", DAY, 3), counted("420503", DAY, 0), merged)
    assert [beside.proposal.area for beside in propose_all(snapshot, DAY)] == ["420503"]
    assert len(propose_all(snapshot, date(2020, 2, 18))) == 2


@pytest.mark.parametrize(
    ("code", "urban"),
    [("420106", True), ("422801", False), ("420281", False), ("429021", False), ("411402", True), ("4201", False)],
)
def test_what_a_city_district_is(code: str, urban: bool) -> None:
    assert is_urban_district(code, gazetteer()) == urban


@cache
def shipped() -> Snapshot:
    """Hubei before the list, then the three shipped files in the order their README gives."""
    snapshot = snapshot_of(HUBEI)
    files = {"hubei-successions.csv": "succession", "hubei-grades.csv": "grade", "case-counts.csv": "case-count"}
    for name, kind in files.items():
        with (EXAMPLES / name).open(encoding="utf-8", newline="") as file:
            made = [line.row for line in read_lines(kind, enumerate(csv.DictReader(file), 2), snapshot)]
        snapshot = snapshot.with_rows([(snapshot.version + 1 + n, row) for n, row in enumerate(made) if row])
    return snapshot


def test_the_example_files_are_what_the_script_writes() -> None:
    for name, made in (("hubei-grades.csv", grade_rows(gazetteer())), ("hubei-successions.csv", succession_rows(gazetteer()))):
        with (FOLDER / name).open(encoding="utf-8", newline="") as file:
            assert list(csv.DictReader(file)) == list(made), name


@pytest.mark.parametrize(("day", "high", "medium", "low"), SERIES)
def test_hubeis_series_has_the_real_number_of_units_and_of_each_grade(day: str, high: int, medium: int, low: int) -> None:
    at = datetime.fromisoformat(f"{day}T21:00:00+08:00")
    snapshot = shipped()
    parts = {snapshot.standing(code, at) for code in units(gazetteer())}
    grades = Counter(row.data.grade for part in parts if (row := snapshot.grade(part, at)))
    assert grades == {"high": high, "medium": medium, "low": low}
    assert len(parts) == (103 if day < "2020-03-03" else 76)
    listed = grades_in_force(snapshot, at)
    assert {row.data.area for row in listed} == {"42", *parts}


def district_that_changes() -> str:
    """A city district, not in Wuhan, whose grade differs on the three dates."""

    def grades(code: str) -> tuple[str | None, ...]:
        found = [shipped().grade(code, datetime.fromisoformat(f"{day}T21:00:00+08:00")) for day, *_ in SERIES]
        return tuple(row.data.grade if row else None for row in found)

    return next(code for code in districts(gazetteer()) if len(set(grades(code))) == len(SERIES))


def test_the_same_arrival_asked_as_of_each_date_gives_the_grade_of_that_date_as_then_known_and_as_now_known() -> None:
    area, snapshot = district_that_changes(), shipped()
    as_then, as_now = [], []
    for day, *_ in SERIES:
        noon = datetime.fromisoformat(f"{day}T12:00:00+08:00")
        then, now = snapshot.grade(area, noon, known_at=noon), snapshot.grade(area, noon)
        assert then is not None
        assert now is not None
        as_then.append(then.data.grade)
        as_now.append(now.data.grade)
        # what the router decides today for a scan of that noon rests on the row known now
        finding = spoken(decide(scan(noon.isoformat(timespec="milliseconds"), origin_code=area), snapshot)).get("area-grade")
        assert (finding.grade_row if finding else None) == (now.row_id if now.data.grade != "low" else None)
    # the lists are published at 20:00: at noon the one before is known, and before the first the province's grade
    assert as_then == ["high", *as_now[:2]]
    assert len(set(as_now)) == len(SERIES)


def test_before_the_merger_a_district_has_its_own_row_and_afterwards_its_citys() -> None:
    at = {day: datetime.fromisoformat(f"{day}T21:00:00+08:00") for day, *_ in SERIES}
    rows = [shipped().grade("420502", when) for when in at.values()]
    assert [row.data.area for row in rows if row] == ["420502", "420501", "420501"]


def found(area: str, day: str, known_at: datetime | None = None) -> Beside:
    return next(b for b in propose_all(shipped(), date.fromisoformat(day), known_at) if b.proposal.area == area)


def test_the_shipped_counts_of_shangqiu_propose_what_they_allow() -> None:
    assert found("4114", "2020-02-10").proposal.possible == ("high", "medium")
    middle = found("4114", "2020-02-16").proposal
    assert (middle.confirmed, middle.new, middle.possible) == (91, (41, 41), ("high", "medium"))
    late = found("4114", "2020-03-01").proposal
    assert (late.new, late.grade, late.certain) == ((0, 0), "low", True)
    assert found("4114", "2020-03-06").proposal.grade is None
    assert found("4115", "2020-02-10").proposal.confirmed == 220
    assert found("4114", "2020-03-01", known_at=datetime(2020, 2, 20, tzinfo=LOCAL)).proposal.grade is None


def test_the_proposal_stands_beside_the_decided_grade() -> None:
    graded = ("grade", {"area": "4114", "grade": "medium", "valid_from": "2020-03-01T00:00:00+08:00"})
    snapshot = shipped().with_rows([(shipped().version + 1, row_of(graded[0], dict(graded[1]), gazetteer().known))])
    [one] = [b for b in propose_all(snapshot, date(2020, 3, 1)) if b.proposal.area == "4114"]
    assert one.decided is not None
    assert (one.proposal.grade, one.decided.data.grade, one.agrees) == ("low", "medium", False)
    assert found("4114", "2020-03-01").agrees is None
