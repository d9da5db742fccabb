"""What broke the systems others built, each as a test: nobody's owner is a clerk, nobody is everybody's, nothing is made up.

Sources: SORMAS (issues 8113, 10553 and its REST documentation), Sara Alert, Go.Data, Belize's event-driven back end,
dawn-community, python-stdnum, cpca. The trap of an ownership that changes before the receiver accepted belongs to the desk.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import ric
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_2

from producers.duplicates import DuplicateWindow
from producers.importer.cells import read_day, read_temperature
from producers.importer.rows import ImportContext, make_scan
from producers.intake import content_digest
from producers.parsing import validate_scan
from reference.area_lookup import areas_named
from reference.snapshot import Snapshot
from schemas.arrival import ARRIVAL, Arrival
from schemas.base import LOCAL
from schemas.documents import read_document
from schemas.errors import Rejected
from serving.access import Principal, may_view, units_seeing
from streams.process import Decided, process
from tests.gateway_kit import scan as posted
from tests.rules_kit import decide, gazetteer, scan, usual
from tests.test_producers_intake import prepared

SNAPSHOT = usual()
RAIL = ImportContext("rail-manifest", "ST-SQF", arrived_at=datetime(2020, 2, 18, 8, 30, tzinfo=LOCAL))


def decided_from_text(text: str, snapshot: Snapshot = SNAPSHOT, **changes: Any) -> Arrival:
    """The arrival of somebody who wrote where they go."""
    sealed = {"key_id": "2020-02-18", "identity": "AAAA", "address": "AAAA"}
    raw = scan(destination_code=None, sealed=sealed, **changes)
    address = json.dumps({"destination": text}, ensure_ascii=False).encode()
    outcome = process(raw, snapshot, lambda *_: address)
    assert isinstance(outcome, Decided)
    return ARRIVAL.validate_json(outcome.arrival.value)


# ---- SORMAS, Sara Alert: the owner was copied from the clerk who imported


@pytest.mark.parametrize("destination", ["411481104", "411402001", "411424", "411426101"])
def test_the_owner_is_who_the_person_goes_to_never_who_typed_it(destination: str) -> None:
    arrivals = [decide(scan(destination_code=destination, device_id=device), SNAPSHOT) for device in ("clerk-a", "clerk-b")]
    assert {arrival.unit for arrival in arrivals} == {destination}
    assert {arrival.site_county for arrival in arrivals} == {"411426"}


# ---- Go.Data: what nobody could place was visible to everybody


@settings(max_examples=40, deadline=None)
@given(st.one_of(st.text(max_size=12), st.sampled_from(["假县", "张庄", "城关镇", "不知道", "河南", "商丘", "火星"])))
def test_an_unknown_destination_has_one_named_desk_and_is_seen_by_nobody_else(text: str) -> None:
    arrival = decided_from_text(text, origin_code="310101")
    if arrival.desk_reason in ("unresolved", "city_only", "outside"):
        assert arrival.unit in ("411426", "4114")
    assert arrival.unit
    record = {"unit": arrival.unit, "county_code": arrival.county_code, "site_county": "", "risk": "low", "symptoms": []}
    for county in ("411426", "411481", "411402"):
        seen = any(may_view(Principal("county", "x", county, "0"), unit) for unit in units_seeing(record))
        assert seen == (arrival.county_code == county)


# ---- Belize: a temperature that failed to parse became 0.0, a date became now


@pytest.mark.parametrize("written", ["三十六度五", "36.5.1", "高", "#N/A", "36.5F"])
def test_a_temperature_that_cannot_be_read_is_a_reason_never_zero(written: str) -> None:
    with pytest.raises(Rejected):
        read_temperature(written, "temperature_c")
    with pytest.raises(Rejected) as refused:
        validate_scan(posted(temperature_c=written))
    assert [reason.field for reason in refused.value.reasons] == ["temperature_c"]


def test_a_temperature_nobody_took_stays_missing_all_the_way() -> None:
    found = prepared(temperature_c=None)
    assert (found.record["temperature_c"], "temperature_missing" in found.flags) == (None, True)
    arrival = decide(scan(temperature_c=None, origin_code="310101"), SNAPSHOT)
    assert arrival.temperature_c is None
    assert "fever" not in {finding.rule for finding in arrival.findings}


@pytest.mark.parametrize("written", ["今天", "2020-02-30", "2月18日", "18/2", "", "20200231"])
def test_a_date_that_cannot_be_read_is_a_reason_never_today(written: str) -> None:
    with pytest.raises(Rejected):
        read_day(written, "service_date")
    with pytest.raises(Rejected) as refused:
        validate_scan(posted(occurred_at=written))
    assert [reason.field for reason in refused.value.reasons] == ["occurred_at"]


# ---- dawn-community: a duplicate test on name and phone for all time dropped the second day


def manifest(**changes: Any) -> dict[str, Any]:
    row = {"name": "测试甲", "document_number": "411426196501011235", "phone": "19900000000", "train": "K1234"}
    return make_scan(row | {"service_date": "2020-02-17", "destination": "夏邑县火店镇"} | changes, RAIL)


def test_the_same_person_on_the_second_day_is_a_second_arrival() -> None:
    first, second = (
        prepared(event_id=EVENT.format(1)),
        prepared(event_id=EVENT.format(2), occurred_at="2020-02-18T08:29:00+08:00"),
    )
    assert first.person_key == second.person_key
    window: DuplicateWindow[str] = DuplicateWindow(10)
    for post in (first, second):
        assert window.claim(post.event_id, content_digest({"id": post.event_id}), "pending") == ("fresh", None)
    assert manifest()["event_id"] != manifest(service_date="2020-02-18")["event_id"]


# ---- SORMAS REST: the same record posted twice made two people

EVENT = "01705656-c5a0-7001-8000-{:012x}"


def test_the_same_record_twice_is_one_event_and_one_person() -> None:
    first, again = prepared(event_id=EVENT.format(1)), prepared(event_id=EVENT.format(1))
    assert (first.person_key, first.record) == (again.person_key, again.record)
    window: DuplicateWindow[str] = DuplicateWindow(10)
    body = posted(event_id=EVENT.format(1))
    window.claim(first.event_id, content_digest(body), "pending")
    window.confirm(first.event_id, content_digest(body))
    assert window.claim(again.event_id, content_digest(dict(reversed(body.items()))), "again") == ("known", None)
    assert manifest()["event_id"] == manifest()["event_id"]


# ---- python-stdnum's birthplace table knows no 411426 before 1997


@pytest.mark.parametrize("born", [date(1931, 5, 4), date(1965, 1, 1), date(1996, 12, 31), date(1999, 7, 1)])
def test_real_numbers_of_people_born_before_1997_are_accepted(born: date) -> None:
    digits = f"411426{born:%Y%m%d}123"
    number = digits + str(mod_11_2.calc_check_digit(digits))
    document = read_document("resident_id", number, date(2020, 2, 18))
    assert (document.flags, document.birth_year) == ((), born.year)


def test_the_library_still_refuses_them_so_that_this_trap_stays_set() -> None:
    digits = "41142619650101123"
    with pytest.raises(ValidationError):
        ric.validate(digits + str(mod_11_2.calc_check_digit(digits)))


# ---- cpca: 假县 was matched to Chongqing


@pytest.mark.parametrize("text", ["假县", "某县", "县", "区", "市辖区", "重庆某县的假县", "李县", "x县"])
def test_a_short_suffix_routes_nobody(text: str) -> None:
    arrival = decided_from_text(text, origin_code="310101")
    assert (arrival.destination.village_code, arrival.destination.street_code, arrival.destination.county_code) == (None,) * 3
    assert arrival.unit == "411426"
    assert areas_named(gazetteer(), text) == ()


def test_a_grade_list_with_such_a_name_grades_nobody() -> None:
    assert areas_named(gazetteer(), "假县") == ()
    assert gazetteer().find_area("假县") is None
