"""Passes: an exemption rests on a pass that is valid for this trip, and every other use of one is told apart."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from schemas.arrival import ALERT
from schemas.base import LOCAL
from streams.rules.passes import count_trips
from tests.rules_kit import OTHER_PLATE, PLATE, Row, decide, outcome_of, rule, scan, spoken, usual

NOON = datetime(2020, 2, 18, 12, tzinfo=LOCAL)
DAY = timedelta(days=1)
EVENT = "01705656-c5a0-7001-8000-{:012x}"


def use(number: int, at: str, plate: str = PLATE, **changes: Any) -> Row:
    values = {"pass_id": "A-1", "event_id": EVENT.format(number), "site_id": "CP-411426-01", "at": at, "vehicle_key": plate}
    return "pass-use", values | changes


def pass_type(name: str, **values: Any) -> Row:
    texts = {"name_zh": "绿色通道", "name_en": "Green lane", "source_zh": "市", "source_en": "city"}
    return "pass-type", {"pass_type": name, "plate_bound": False} | texts | values


@pytest.mark.parametrize(
    ("vehicle", "origin", "day", "state"),
    [
        ({"pass_id": None}, "420106", "2020-02-18", "missing"),
        ({"pass_id": "Z-9"}, "420106", "2020-02-18", "unknown"),
        ({"pass_id": "A-1"}, "420106", "2020-02-03", "unknown"),
        ({"pass_id": "C-1"}, "420106", "2020-02-17", "unknown"),
        ({"pass_id": "A-1"}, "420106", "2020-02-18", "valid"),
        ({"pass_id": "A-1", "key": None}, "420106", "2020-02-18", "unconfirmed"),
        ({"pass_id": "A-1", "key": OTHER_PLATE}, "420106", "2020-02-18", "misused"),
        ({"pass_id": "B-1"}, "420106", "2020-02-18", "out_of_scope"),
        ({"pass_id": "B-1"}, "411502", "2020-02-18", "valid"),
        ({"pass_id": "B-1", "key": OTHER_PLATE}, "411502", "2020-02-18", "valid"),
    ],
)
def test_what_a_pass_is_worth(vehicle: dict[str, Any], origin: str, day: str, state: str) -> None:
    seen = rule("seen", [{"type": "pass", "states": ["valid", "missing", "unknown", "unconfirmed", "out_of_scope", "misused"]}])
    arrival = decide(scan(day, vehicle=vehicle, origin_code=origin), usual(seen))
    assert spoken(arrival)["seen"].evidence["pass_state"] == state


def test_an_exemption_names_the_pass_it_rests_on() -> None:
    snapshot = usual()
    finding = spoken(decide(scan(vehicle={"pass_id": "A-1"}), snapshot))["key-vehicle"]
    row = snapshot.permit("A-1", NOON)
    assert row is not None
    assert (finding.decision, finding.set_aside, finding.exempted_by) == ("register", "turn_back", "A")
    assert (finding.evidence["exemption"], finding.evidence["pass_row"]) == ("pass", row.row_id)


def test_a_pass_with_another_plate_is_flagged_and_exempts_from_nothing_and_no_plate_is_told() -> None:
    outcome = outcome_of(scan(vehicle={"pass_id": "A-1", "key": OTHER_PLATE}), usual())
    arrival = decide(scan(vehicle={"pass_id": "A-1", "key": OTHER_PLATE}), usual())
    finding = spoken(arrival)["pass-misuse"]
    assert (finding.risk, finding.evidence["expected_other_plate"]) == ("medium", True)
    assert str(finding.evidence["pass_row"]).startswith("pass-")
    evidence = str([f.evidence for f in arrival.findings])
    assert PLATE not in evidence
    assert OTHER_PLATE not in evidence
    assert arrival.decision == "turn_back"
    assert "pass-misuse" not in [ALERT.validate_json(alert.value).rule for alert in outcome.alerts]


@pytest.mark.parametrize(
    ("uses", "state"),
    [
        ([], "valid"),
        ([use(1, "2020-02-18T08:00:00+08:00")], "valid"),
        ([use(1, "2020-02-18T08:30:00+08:00", site_id="CP-2"), use(2, "2020-02-18T08:30:00+08:00")], "valid"),
        ([use(1, "2020-02-15T08:00:00+08:00")], "misused"),
        ([use(1, "2020-02-19T08:00:00+08:00")], "valid"),
        ([use(1, "2020-02-15T08:00:00+08:00"), use(1, "2020-02-15T08:00:00+08:00", withdrawn="true")], "valid"),
        ([use(1, "2020-02-15T08:00:00+08:00", pass_id="B-1")], "valid"),
    ],
    ids=["first", "same-trip", "same-moment", "second-trip", "later-use", "taken-back", "another-pass"],
)
def test_a_pass_is_used_for_as_many_trips_as_it_allows(uses: list[Row], state: str) -> None:
    raw = scan(event_id=EVENT.format(9), vehicle={"pass_id": "A-1"})
    arrival = decide(raw, usual(*uses))
    assert ("pass-misuse" in spoken(arrival)) == (state == "misused")
    assert arrival.decision == ("turn_back" if state == "misused" else "observe")
    if state == "misused":
        evidence = spoken(arrival)["pass-misuse"].evidence
        assert (evidence["trip"], evidence["trips"]) == (2, 1)


def shown(number: int, at: str, plate: str | None = PLATE) -> bytes:
    return scan(at, event_id=EVENT.format(number), vehicle={"pass_id": "A-1", "key": plate})


def test_a_pass_shown_for_a_second_trip_is_flagged_and_the_first_stays_as_it_was() -> None:
    noted = use(1, "2020-02-15T08:30:00+08:00"), use(2, "2020-02-15T20:00:00+08:00", site_id="CP-2")
    snapshot = usual(*noted)
    flagged = decide(shown(3, "2020-02-17"), snapshot)
    assert spoken(flagged)["pass-misuse"].evidence["trip"] == 2
    assert flagged.decision == "turn_back"
    for first in (shown(1, "2020-02-15"), shown(2, "2020-02-15T20:00:00.000+08:00")):
        assert decide(first, snapshot).findings == decide(first, usual()).findings


def test_a_thief_of_a_pass_is_flagged_and_does_not_use_up_the_owners_trip() -> None:
    assert "pass-misuse" in spoken(decide(shown(1, "2020-02-14", OTHER_PLATE), usual()))
    snapshot = usual(use(1, "2020-02-14T08:30:00+08:00", OTHER_PLATE))
    assert "pass-misuse" not in spoken(decide(shown(2, "2020-02-16"), snapshot))


def test_two_plates_with_one_pass_that_names_none_are_two_trips() -> None:
    once = ("pass", {"pass_id": "B-9", "pass_type": "B", "trips": 1})
    snapshot = usual(once, use(1, "2020-02-18T08:00:00+08:00", OTHER_PLATE, pass_id="B-9"))
    raw = scan(event_id=EVENT.format(2), origin_code="411502", vehicle={"pass_id": "B-9"})
    assert spoken(decide(raw, snapshot))["pass-misuse"].evidence["trip"] == 2


def test_its_own_use_never_counts_against_a_scan_decided_again() -> None:
    raw = scan(event_id=EVENT.format(9), vehicle={"pass_id": "A-1"})
    before, after = usual(), usual(use(9, "2020-02-18T08:30:00+08:00"))
    assert decide(raw, before).findings == decide(raw, after).findings


def test_a_passs_own_number_of_trips_overrides_its_types() -> None:
    twice = ("pass", {"pass_id": "A-2", "pass_type": "A", "vehicle_key": PLATE, "trips": 2})
    first = use(1, "2020-02-15T08:00:00+08:00", pass_id="A-2")
    second = use(2, "2020-02-16T10:00:00+08:00", pass_id="A-2")
    raw = scan(event_id=EVENT.format(9), vehicle={"pass_id": "A-2"})
    assert "pass-misuse" not in spoken(decide(raw, usual(twice, first)))
    assert spoken(decide(raw, usual(twice, first, second)))["pass-misuse"].evidence["trip"] == 3


def test_a_configured_type_exempts_as_its_row_says_and_ends_when_its_row_says() -> None:
    green = pass_type("green", exempts=["key-vehicle", "area-grade"], valid_days=3)
    permit = ("pass", {"pass_id": "G-1", "pass_type": "green", "valid_from": "2020-02-17T00:00:00+08:00"})
    held, over = (decide(scan(day, vehicle={"pass_id": "G-1"}), usual(green, permit)) for day in ("2020-02-19", "2020-02-20"))
    assert (held.decision, over.decision) == ("register", "turn_back")
    assert {finding.evidence["pass_type"] for finding in held.findings} == {"green"}


def test_no_paper_exempts_from_a_fever() -> None:
    green = pass_type("green", exempts=["fever", "symptoms"])
    permit = ("pass", {"pass_id": "G-1", "pass_type": "green"})
    arrival = decide(scan(vehicle={"pass_id": "G-1"}, temperature_c=38.0), usual(green, permit))
    assert (arrival.decision, arrival.decided_by) == ("refer", "fever")


def test_trips_are_counted_by_plate_and_by_the_time_since_they_began() -> None:
    window = timedelta(hours=24)
    assert count_trips([], NOON, PLATE, window) == 1
    assert count_trips([(NOON - timedelta(hours=23), PLATE)], NOON, PLATE, window) == 1
    assert count_trips([(NOON - DAY, PLATE)], NOON, PLATE, window) == 2
    assert count_trips([(NOON, OTHER_PLATE)], NOON, PLATE, window) == 2
    assert count_trips([(NOON - DAY, PLATE), (NOON - timedelta(hours=1), PLATE)], NOON, PLATE, window) == 2
