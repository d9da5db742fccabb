"""Areas and units that merge, split, are renamed or dissolved: whose grade counts, and who answers, on which day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.rows import row_of
from reference.snapshot import Snapshot
from schemas.base import LOCAL
from schemas.errors import Rejected
from streams.rules.grades import grades_at
from tests.rules_kit import Row, decide, gazetteer, scan, snapshot_of, usual

MERGED = datetime(2020, 3, 3, tzinfo=LOCAL)
BEFORE, AFTER = datetime(2020, 3, 2, 23, 59, tzinfo=LOCAL), datetime(2020, 3, 3, 0, 1, tzinfo=LOCAL)
URBAN = {"names": ["武汉市区"], "valid_from": "2020-03-03T00:00:00+08:00"}
VILLAGE, NEXT_DOOR = "411426101201", "411426101202"


def became(unit: str, *successors: str, **changes: Any) -> Row:
    values = {"unit": unit, "successors": successors, "valid_from": "2020-03-03T00:00:00+08:00"}
    return "succession", values | changes


def graded(area: str, grade: str, valid_from: str = "2020-02-17T00:00:00+08:00", **more: Any) -> Row:
    return "grade", {"area": area, "grade": grade, "valid_from": valid_from, **more}


def grade(snapshot: Snapshot, area: str, at: datetime, known_at: datetime | None = None) -> str | None:
    row = snapshot.grade(area, at, known_at)
    return row.data.grade if row else None


WUHAN = [
    graded("420106", "high"),
    graded("420115", "medium"),
    became("420106", "420101", **URBAN),
    became("420115", "420101", **URBAN),
    graded("420101", "low", "2020-03-03T00:00:00+08:00"),
]


def with_urban_unit(*rows: Row) -> Snapshot:
    """Rows read in order: an area a succession made is known to the rows behind it."""
    snapshot = Snapshot.empty(gazetteer())
    for offset, (kind, values) in enumerate(rows):
        snapshot = snapshot.with_rows([(offset, row_of(kind, dict(values), snapshot.known))])
    return snapshot


def test_an_old_code_finds_the_grade_of_what_it_merged_into_and_its_own_of_earlier_days() -> None:
    snapshot = with_urban_unit(*WUHAN)
    assert [grade(snapshot, area, BEFORE) for area in ("420106", "420115", "420106012")] == ["high", "medium", "high"]
    assert [grade(snapshot, area, AFTER) for area in ("420106", "420115", "420106012", "420101")] == ["low"] * 4
    assert snapshot.unit_name("420101") == "武汉市区"


def test_the_router_asks_the_same_grades_on_both_sides_of_the_merger() -> None:
    snapshot = with_urban_unit(*WUHAN)
    for at in (BEFORE, MERGED, AFTER):
        for area in ("420106", "420115", "420102", "420101", "42"):
            assert grades_at(snapshot, at)[area] == snapshot.grade(area, at)


def test_a_merger_learned_late_changes_what_is_known_now_and_not_what_was_known_then() -> None:
    late = {**URBAN, "known_from": "2020-03-05T00:00:00+08:00"}
    rows = [became("420106", "420101", **late), graded("420101", "low", "2020-03-03T00:00:00+08:00")]
    snapshot = with_urban_unit(graded("420106", "high"), *rows)
    assert grade(snapshot, "420106", AFTER, known_at=AFTER) == "high"
    assert grade(snapshot, "420106", AFTER) == "low"


def test_a_merged_unit_that_nobody_graded_yet_keeps_the_grade_of_the_old_code() -> None:
    snapshot = with_urban_unit(graded("42", "low"), graded("420106", "high"), became("420106", "420101", **URBAN))
    assert grade(snapshot, "420106", AFTER) == "high"


def test_of_the_parts_of_a_split_area_the_highest_grade_counts() -> None:
    parts = graded("411425", "low"), graded("411426", "medium"), graded("411424", "high")
    assert grade(snapshot_of(*parts, became("411424", "411425", "411426")), "411424", AFTER) == "medium"


def test_a_withdrawn_succession_never_happened() -> None:
    taken_back = became("420106", "420101", **URBAN, withdrawn="true")
    snapshot = with_urban_unit(*WUHAN, taken_back)
    assert (grade(snapshot, "420106", AFTER), grade(snapshot, "420115", AFTER)) == ("high", "low")


@pytest.mark.parametrize(
    ("rows", "unit"),
    [
        ([], VILLAGE),
        ([became(VILLAGE, NEXT_DOOR)], NEXT_DOOR),
        ([became(VILLAGE, "411426101299", names=["新村"])], "411426101299"),
        ([became(VILLAGE, VILLAGE, names=["新名"])], VILLAGE),
        ([became(VILLAGE, NEXT_DOOR, "411426101203")], "411426101"),
        ([became(VILLAGE)], "411426101"),
        ([became(VILLAGE), became("411426101", "411426102")], "411426102"),
        ([became("411426101", "411426102")], "411426102"),
        ([became("411426")], "4114"),
        ([became(VILLAGE, NEXT_DOOR), became(NEXT_DOOR, "411426101203")], "411426101203"),
        ([became(VILLAGE, NEXT_DOOR), became(NEXT_DOOR, VILLAGE)], "411426101"),
    ],
    ids=["stands", "merged", "recoded", "renamed", "split", "dissolved", "and-above", "above", "county", "twice", "circle"],
)
def test_no_arrival_is_orphaned_by_what_became_of_its_unit(rows: list[Row], unit: str) -> None:
    snapshot = usual(*rows)
    before, after = (decide(scan(day, destination_code=VILLAGE), snapshot) for day in ("2020-03-02", "2020-03-03"))
    assert (before.unit, after.unit) == (VILLAGE, unit)
    assert after.destination.village_code == VILLAGE  # what was said stays in the record


def test_a_late_scan_goes_to_who_stands_when_it_is_received_and_a_replay_says_the_same() -> None:
    raw = scan("2020-03-01", destination_code=VILLAGE, received_at="2020-03-04T08:00:00.000+08:00")
    before = usual()
    assert decide(raw, before).unit == VILLAGE
    after = usual(became(VILLAGE, NEXT_DOOR))
    assert decide(raw, after).unit == NEXT_DOOR
    assert decide(raw, after) == decide(raw, after)


def test_a_compound_whose_row_ended_hands_over_to_its_village() -> None:
    compound = {"unit": f"{VILLAGE}-01", "parent": VILLAGE, "name": "阳光花园"}
    snapshot = usual(("unit", compound), ("unit", compound | {"valid_from": "2020-03-03T00:00:00+08:00", "withdrawn": "true"}))
    assert snapshot.standing(f"{VILLAGE}-01", BEFORE) == f"{VILLAGE}-01"
    assert snapshot.standing(f"{VILLAGE}-01", AFTER) == VILLAGE
    assert usual(became(VILLAGE, NEXT_DOOR)).standing(f"{VILLAGE}-01", AFTER) == NEXT_DOOR


def test_a_device_may_send_the_new_code() -> None:
    arrival = decide(scan("2020-03-03", destination_code="411426101299"), usual(became(VILLAGE, "411426101299", names=["新村"])))
    assert (arrival.unit, arrival.unit_level, arrival.desk_reason) == ("411426101299", "village", None)


@pytest.mark.parametrize(
    ("successors", "unit", "village"),
    [(["411426101299"], "411426101299", None), ([VILLAGE], VILLAGE, VILLAGE)],
    ids=["recoded", "renamed"],
)
def test_who_writes_the_new_name_is_routed_to_it(successors: list[str], unit: str, village: str | None) -> None:
    snapshot = usual()
    text = f"夏邑县{snapshot.unit_name('411426101')}幸福新和村"
    assert snapshot.resolver.resolve(text).unit == "411426101"
    later = snapshot.with_rows([(99, row_of(*became(VILLAGE, *successors, names=["幸福新和村"]), snapshot.known))])
    found = later.resolver.resolve(text)
    assert (found.unit, found.village_code) == (unit, village)


def test_who_inherits_a_unit_is_known() -> None:
    snapshot = usual(
        became(VILLAGE, NEXT_DOOR), became("411426101203", "411426101204", "411426101205"), became("411426101206", VILLAGE)
    )
    assert snapshot.former(NEXT_DOOR, AFTER) == (VILLAGE, "411426101206")
    assert snapshot.former(NEXT_DOOR, BEFORE) == snapshot.former("411426101204", AFTER) == ()


@pytest.mark.parametrize(
    "values",
    [
        {"successors": [NEXT_DOOR, NEXT_DOOR]},
        {"successors": [NEXT_DOOR], "names": ["甲", "乙"]},
        {"successors": [VILLAGE, NEXT_DOOR]},
        {"successors": ["x"]},
    ],
)
def test_a_succession_that_cannot_be_meant_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        row_of("succession", {"unit": VILLAGE} | values, gazetteer().known)


CODES = st.sampled_from([VILLAGE, NEXT_DOOR, "411426101203", "411426101", "411426102", "411426", "411425", f"{VILLAGE}-01"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CODES, st.lists(CODES, max_size=2, unique=True)), max_size=6), CODES)
def test_whatever_the_rows_say_somebody_who_stands_answers(rows: list[tuple[str, list[str]]], unit: str) -> None:
    good = [became(old, *new) for old, new in rows if old not in new or new == [old]]
    snapshot = usual(*good)
    standing = snapshot.standing(unit, AFTER)
    assert snapshot.standing(standing, AFTER) == standing
    assert standing.startswith("4114")
    assert standing == unit or any(unit.startswith(code) for code in snapshot.ended(AFTER))


def test_which_units_ended_is_a_matter_of_the_day_and_not_of_names() -> None:
    compound = {"unit": f"{VILLAGE}-01", "parent": VILLAGE, "name": "阳光花园"}
    gone = ("unit", compound | {"valid_from": "2020-03-03T00:00:00+08:00", "withdrawn": "true"})
    renamed = became("411426102", "411426102", names=["新名"])
    snapshot = usual(became(NEXT_DOOR, VILLAGE), became("420106", "420101"), renamed, ("unit", compound), gone)
    assert snapshot.ended(BEFORE) == ()
    assert set(snapshot.ended(AFTER)) == {NEXT_DOOR, f"{VILLAGE}-01"}


AREAS = st.sampled_from(["42", "4201", "420101", "420106", "420115", "420106012", "4205", "420502"])
MOMENTS = st.sampled_from(["2020-02-17", "2020-02-28", "2020-03-03", "2020-03-15"])
ENDS = st.sampled_from([None, "2020-03-03", "2020-03-20"])


@st.composite
def rows_of_any_kind(draw: st.DrawFn) -> Row:
    begin, end = draw(MOMENTS), draw(ENDS)
    dated = {"valid_from": f"{begin}T00:00:00+08:00", "withdrawn": draw(st.sampled_from(["", "", "true"]))}
    dated |= {"valid_to": f"{end}T00:00:00+08:00"} if end and end > begin else {}
    area = draw(AREAS)
    if draw(st.booleans()):
        return "grade", {"area": area, "grade": draw(st.sampled_from(["high", "medium", "low"]))} | dated
    unit = area if len(area) > 2 else "4205"
    successors = draw(st.lists(AREAS.filter(lambda code: len(code) > 2 and code != unit), max_size=2, unique=True))
    return "succession", {"unit": unit, "successors": successors} | dated


@settings(max_examples=60, deadline=None)
@given(st.lists(rows_of_any_kind(), max_size=8), st.lists(st.tuples(AREAS, MOMENTS, st.integers(-1, 1)), min_size=1, max_size=8))
def test_the_grades_of_a_stretch_are_those_of_every_instant_in_it(rows: list[Row], asked: list[tuple[str, str, int]]) -> None:
    snapshot = Snapshot.empty(gazetteer()).with_rows(
        list(enumerate(row_of(kind, dict(values), lambda _: True) for kind, values in rows))
    )
    for area, day, seconds in asked:
        at = datetime.fromisoformat(f"{day}T00:00:00+08:00") + timedelta(seconds=seconds)
        assert grades_at(snapshot, at)[area] == snapshot.grade(area, at)
