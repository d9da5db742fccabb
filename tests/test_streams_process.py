"""The way of one scan: the right unit, the right flag, the evidence, and the same bytes twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reference.gazetteer import load_gazetteer
from reference.rows import row_of
from reference.snapshot import Snapshot
from schemas.arrival import ALERT, ARRIVAL, Arrival
from schemas.errors import Rejected
from streams.process import Dead, Decided, process

EXAMPLES = Path(__file__).parent.parent / "schemas" / "examples" / "scans" / "v1"
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("site", {"site_id": "CP-411426-01", "name": "夏邑", "site_kind": "checkpoint", "county": "411426"}),
    ("site", {"site_id": "ST-SQF", "name": "商丘站", "site_kind": "rail", "county": "411402"}),
    ("grade", {"area": "42", "grade": "high", "valid_from": "2020-01-23T00:00:00+08:00"}),
    ("grade", {"area": "420106", "grade": "low", "valid_from": "2020-03-01T00:00:00+08:00"}),
    ("grade", {"area": "4401", "grade": "medium", "valid_from": "2020-02-01T00:00:00+08:00"}),
    ("pass", {"pass_id": "A-1", "pass_type": "A", "vehicle_key": "0" * 31 + "1", "valid_from": "2020-02-10T00:00:00+08:00"}),
]


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    gazetteer = load_gazetteer()
    rows = [row_of(kind, dict(values), gazetteer.known) for kind, values in ROWS]
    return Snapshot.empty(gazetteer).with_rows(list(enumerate(rows)))


def scan(name: str = "rail", **changes: Any) -> bytes:
    value = json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))
    return json.dumps(value | changes, ensure_ascii=False).encode()


def opener(address: dict[str, Any]) -> Any:
    return lambda key_id, sealed, event_id: json.dumps(address, ensure_ascii=False).encode()


def never(key_id: str, sealed: str, event_id: str) -> bytes:
    raise AssertionError("the address must not be opened")


def decide(raw: bytes, snapshot: Snapshot, address: dict[str, Any] | None = None) -> Arrival:
    outcome = process(raw, snapshot, opener(address) if address else never)
    assert isinstance(outcome, Decided)
    for alert in outcome.alerts:
        assert ALERT.validate_json(alert.value).unit == alert.key
    arrival = ARRIVAL.validate_json(outcome.arrival.value)
    assert arrival.unit == outcome.arrival.key
    return arrival


def test_the_same_scan_under_the_same_reference_gives_the_same_bytes(snapshot: Snapshot) -> None:
    raw = scan("checkpoint")
    address = opener({"destination": "夏邑县火店镇火店村"})
    assert process(raw, snapshot, address) == process(raw, snapshot, address)


def test_a_coded_destination_goes_to_its_unit_without_opening_the_address(snapshot: Snapshot) -> None:
    arrival = decide(scan(destination_code="411426101", temperature_c=36.5), snapshot)
    assert (arrival.unit, arrival.unit_level, arrival.county_code) == ("411426101", "township", "411426")
    assert (arrival.risk, arrival.decision, arrival.findings) == ("low", "admit", ())


def test_a_written_destination_goes_to_the_village(snapshot: Snapshot) -> None:
    sealed = {"key_id": "2020-02-18", "identity": "AAAA", "address": "AAAA"}
    raw = scan(destination_code=None, sealed=sealed, temperature_c=36.5)
    arrival = decide(raw, snapshot, {"destination": "河南省商丘市夏邑县火店镇火店村"})
    assert arrival.unit_level == "village"
    assert arrival.unit.startswith("411426")


def test_an_unknown_destination_goes_to_the_desk_of_the_sites_county_never_to_all(snapshot: Snapshot) -> None:
    arrival = decide(scan(destination_code=None, temperature_c=36.5), snapshot)
    assert (arrival.unit, arrival.desk_reason) == ("411402", "unresolved")
    assert arrival.findings[0].rule == "destination-unplaced"


def test_an_unknown_site_and_destination_go_to_the_city_desk(snapshot: Snapshot) -> None:
    arrival = decide(scan(destination_code=None, site_id="ST-GONE", temperature_c=36.5), snapshot)
    assert (arrival.unit, arrival.unit_level) == ("4114", "city")


def test_fever_goes_to_the_health_desk_where_the_person_stands(snapshot: Snapshot) -> None:
    outcome = process(scan(temperature_c=37.3), snapshot, never)
    assert isinstance(outcome, Decided)
    assert [alert.key for alert in outcome.alerts] == ["411402-health"]
    arrival = ARRIVAL.validate_json(outcome.arrival.value)
    assert (arrival.decision, arrival.decided_by) == ("refer", "fever")


def test_a_missing_temperature_is_neither_zero_nor_fever(snapshot: Snapshot) -> None:
    arrival = decide(scan(temperature_c=None, quality=["temperature_missing"]), snapshot)
    assert arrival.temperature_c is None
    assert arrival.decision == "admit"


@pytest.mark.parametrize(
    ("day", "risk", "row"),
    [("2020-02-18", "high", "42"), ("2020-03-02", "low", "420106")],
)
def test_the_longest_prefix_with_a_row_of_that_day_wins(snapshot: Snapshot, day: str, risk: str, row: str) -> None:
    stamp = f"{day}T09:12:30.250+08:00"
    arrival = decide(scan(origin_code="420106", temperature_c=36.5, occurred_at=stamp, received_at=stamp), snapshot)
    assert arrival.risk == risk
    if risk == "high":
        assert arrival.findings[0].evidence["graded_area"] == row
        assert arrival.findings[0].grade_row is not None


@pytest.mark.parametrize(("last_day", "speaks"), [("2020-02-04", True), ("2020-02-03", False)])
def test_a_stay_counts_for_fourteen_days(snapshot: Snapshot, last_day: str, speaks: bool) -> None:
    stay = {"code": "420100", "from_day": "2020-01-20", "to_day": last_day}
    arrival = decide(scan(stays=[stay], temperature_c=36.5), snapshot)
    assert (arrival.risk == "high") == speaks


@pytest.mark.parametrize(
    ("vehicle", "purpose", "decision", "exemption"),
    [
        ({}, "home", "turn_back", "none"),
        ({"pass_id": "A-1"}, "home", "observe", "pass"),
        ({"pass_id": "A-1", "key": "f" * 32}, "home", "turn_back", "none"),
        ({}, "epidemic_prevention", "observe", "purpose"),
    ],
)
def test_a_vehicle_from_a_key_area_is_turned_back_unless_it_is_exempt(
    snapshot: Snapshot, vehicle: dict[str, str], purpose: str, decision: str, exemption: str
) -> None:
    whole = {"key": "0" * 31 + "1", "region": "鄂A", "role": "private", "seat": None, "pass_id": None} | vehicle
    raw = scan("checkpoint", vehicle=whole, purpose=purpose, destination_code="411426", stays=[])
    arrival = decide(raw, snapshot)
    spoken = {finding.rule: finding for finding in arrival.findings}
    assert spoken["key-vehicle"].evidence["exemption"] == exemption
    assert arrival.decision == decision


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"{", b'{"version":1}', b"\xff", b'{"version":2}'])
def test_what_is_no_scan_is_a_dead_letter_with_a_reason_and_no_values(snapshot: Snapshot, raw: bytes) -> None:
    outcome = process(raw, snapshot, never)
    assert isinstance(outcome, Dead)
    assert outcome.reason == "scan_invalid"
    assert outcome.detail


def test_a_date_that_does_not_exist_is_a_dead_letter(snapshot: Snapshot) -> None:
    outcome = process(scan(occurred_at="2020-02-30T09:12:30.250+08:00"), snapshot, never)
    assert isinstance(outcome, Dead)
    assert outcome.detail == "occurred_at or received_at: no such date"


def test_an_address_whose_key_was_destroyed_is_a_dead_letter(snapshot: Snapshot) -> None:
    def destroyed(key_id: str, sealed: str, event_id: str) -> bytes:
        raise Rejected("key_destroyed", "gone")

    sealed = {"key_id": "2020-02-18", "identity": "AAAA", "address": "AAAA"}
    outcome = process(scan(destination_code=None, sealed=sealed), snapshot, destroyed)
    assert isinstance(outcome, Dead)
    assert outcome.reason == "key_destroyed"


def test_one_person_raises_one_alert_to_the_unit_and_fever_one_more_to_the_health_desk(snapshot: Snapshot) -> None:
    raw = scan("checkpoint", origin_code="420106", destination_code="411426101", temperature_c=38.0)
    outcome = process(raw, snapshot, never)
    assert isinstance(outcome, Decided)
    assert sorted((alert.key, ALERT.validate_json(alert.value).rule) for alert in outcome.alerts) == [
        ("411426-health", "fever"),
        ("411426101", "key-vehicle"),
    ]


def test_a_medium_grade_raises_no_alert(snapshot: Snapshot) -> None:
    outcome = process(scan(origin_code="440106", temperature_c=36.5), snapshot, never)
    assert isinstance(outcome, Decided)
    assert outcome.rules == ("area-grade",)
    assert outcome.alerts == ()
