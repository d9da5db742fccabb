"""An arrival holds its scan: decided again from itself it gives the bytes the scan gives, whatever became known in between."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.history import ReferenceHistory
from reference.rows import make_row, row_of
from schemas.base import LOCAL
from schemas.reference_rows import CorrectionData, ReferenceRow
from streams.affected import reach_of
from streams.process import Dead, Decided, decide, process
from streams.recalling import change_of, decide_again, same_decision, scan_of
from tests.rules_kit import HUBEI, OTHER_PLATE, PASSES, PLATE, SITE, Row, gazetteer, rule, scan

EVENT, OTHER = json.loads(scan())["event_id"], "01705656-c5a0-7001-8000-0000000000ff"
TEXTS = ("河南省商丘市夏邑县火店镇火店村", "永城市演集镇", "湖北武汉", "阳光花园", "", None)
CODES = ("411426101", "411481104", "411426", "420106", "420000", "999999", None)
SEALED = {"key_id": "2020-02-18", "identity": "AAAA", "address": "AAAA"}


def correction(hour: int, *, withdrawn: bool = False, **places: str) -> ReferenceRow:
    data = CorrectionData(kind="correction", event_id=EVENT, **places)
    at = datetime(2020, 2, 18, hour, tzinfo=LOCAL)
    return make_row(data, key=EVENT, author="夏邑县", reason="电话核实", valid_from=at, withdrawn=withdrawn)


#: What nobody looks back for (sites, units), then what reaches into the past.
GROUND: list[Row] = [
    SITE,
    ("unit", {"unit": "411426101-01", "parent": "411426101", "name": "阳光花园", "aliases": ()}),
]
LATER: list[Row] = [
    HUBEI,
    *PASSES,
    ("grade", {"area": "4201", "grade": "low", "known_from": "2020-02-18T10:00:00+08:00"}),
    ("grade", {"area": "411481", "grade": "medium", "valid_from": "2020-02-18T00:00:00+08:00"}),
    ("pass", {"pass_id": "A-1", "pass_type": "A", "vehicle_key": OTHER_PLATE, "valid_from": "2020-02-18T00:00:00+08:00"}),
    ("pass-use", {"pass_id": "A-1", "event_id": OTHER, "site_id": "X", "at": "2020-02-18T06:00:00+08:00", "vehicle_key": PLATE}),
    ("succession", {"unit": "411426101", "successors": ["411481104"], "valid_from": "2020-02-18T00:00:00+08:00"}),
    ("succession", {"unit": "4201", "successors": ["4211"], "valid_from": "2020-02-18T00:00:00+08:00"}),
    ("grade", {"area": "4211", "grade": "medium", "valid_from": "2020-02-18T00:00:00+08:00"}),
    rule("village", [{"type": "temperature", "at_least": 36.0}], order=1),
]
CORRECTIONS = [
    correction(11, destination="411481104"),
    correction(12, origin="4401"),
    correction(13, withdrawn=True),
    correction(14, destination="411426101-01", origin="4201"),
]
LAID, MOVED = ([row_of(kind, dict(values), gazetteer().known) for kind, values in rows] for rows in (GROUND, LATER))
ROWS = [*LAID, *MOVED, *CORRECTIONS]


def opener(texts: dict[str, Any]) -> Any:
    return lambda key_id, sealed, event_id: json.dumps(texts, ensure_ascii=False).encode()


def history(rows: list[ReferenceRow]) -> ReferenceHistory:
    made = ReferenceHistory(gazetteer())
    made.add(list(enumerate(rows)))
    return made


HISTORY = history(ROWS)
VERSIONS, STANDS = (st.integers(first, len(ROWS) - 1) for first in (0, len(LAID) - 1))


@st.composite
def scans(draw: st.DrawFn) -> tuple[bytes, Any]:
    """A scan with codes known, unknown and missing, and the texts under its seal."""
    stay = {"code": draw(st.sampled_from(CODES)), "from_day": "2020-02-10", "to_day": "2020-02-12"}
    changes: dict[str, Any] = {
        "origin_code": draw(st.sampled_from(CODES)),
        "destination_code": draw(st.sampled_from(CODES)),
        "stays": draw(st.sampled_from(([], [stay]))),
        "temperature_c": draw(st.sampled_from((None, 36.5, 37.4))),
        "sealed": draw(st.sampled_from((SEALED, SEALED | {"address": None}))),
        "vehicle": {"pass_id": draw(st.sampled_from((None, "A-1", "B-1"))), "key": PLATE},
    }
    texts = {
        "origin": draw(st.sampled_from(TEXTS)),
        "destination": draw(st.sampled_from(TEXTS)),
        "stays": [draw(st.sampled_from(TEXTS))],
    }
    return scan(**changes), opener(texts)


def decided(outcome: Decided | Dead | None) -> Decided:
    assert isinstance(outcome, Decided)
    return outcome


def value_of(outcome: Decided | Dead | None) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(decided(outcome).arrival.value)
    return value


@settings(max_examples=60, deadline=None)
@given(scans(), VERSIONS, VERSIONS)
def test_deciding_from_the_arrival_gives_the_bytes_of_deciding_from_the_scan(
    one: tuple[bytes, Any], first: int, then: int
) -> None:
    raw, open_address = one
    arrival = value_of(process(raw, HISTORY.at(first), open_address))
    again = decide(scan_of(arrival), HISTORY.at(then), open_address)
    assert again == process(raw, HISTORY.at(then), open_address)


@settings(max_examples=40, deadline=None)
@given(
    scans(), st.lists(st.integers(len(LAID) - 1, len(ROWS) - 1), min_size=1, max_size=4), st.permutations([*MOVED, *CORRECTIONS])
)
def test_versions_converge_whatever_the_order_and_wherever_the_router_stood(
    one: tuple[bytes, Any], stands: list[int], rows: list[ReferenceRow]
) -> None:
    raw, open_address = one
    all_rows = history([*LAID, *rows])
    ends = []
    for stand in stands:
        arrival = value_of(process(raw, all_rows.at(stand), open_address))
        for version in range(arrival["revision"] + 1, len(ROWS)):
            row = all_rows.row(version)
            assert row is not None
            reach = reach_of(row, all_rows.at(version))
            if reach is not None and reach.touches(arrival):
                again = decide_again(arrival, all_rows.at(version), change_of(row), open_address)
                arrival = arrival if again is None else value_of(again)
        ends.append(arrival)
    truth = value_of(process(raw, all_rows.at(len(ROWS) - 1), open_address))
    assert all(same_decision(end, truth) for end in ends)


def test_a_grade_reaches_those_from_what_its_area_was_made_of() -> None:
    day = {"valid_from": "2020-02-18T00:00:00+08:00"}
    later: list[Row] = [
        ("succession", {"unit": "420106", "successors": ["420102"]} | day),
        ("succession", {"unit": "420102", "successors": ["420103"]} | day),
        ("grade", {"area": "420103", "grade": "low"} | day),
    ]
    rows = history([row_of(kind, dict(values), gazetteer().known) for kind, values in [SITE, HUBEI, *later]])
    before = value_of(process(scan(), rows.at(3), opener({})))
    grade = rows.row(4)
    assert grade is not None
    reach = reach_of(grade, rows.at(4))
    assert reach is not None
    assert reach.areas == ("420103", "420102", "420106")
    assert reach.touches(before)
    assert not reach.touches(value_of(process(scan(origin_code="420115"), rows.at(3), opener({}))))
    assert value_of(decide_again(before, rows.at(4), change_of(grade), opener({})))["risk"] == "low"
