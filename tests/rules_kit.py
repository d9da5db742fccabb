"""Cases for the rules: a driver from Wuhan, a snapshot with the shipped rules, and ways to say what is different."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from reference.gazetteer import Gazetteer, load_gazetteer
from reference.rows import row_of
from reference.snapshot import Snapshot
from schemas.arrival import ARRIVAL, Arrival, Finding
from streams.process import Decided, process

PLATE, OTHER_PLATE = "0" * 31 + "1", "0" * 31 + "2"
EXAMPLES = Path(__file__).parent.parent / "schemas" / "examples" / "scans" / "v1"
SITE = ("site", {"site_id": "CP-411426-01", "name": "夏邑", "site_kind": "checkpoint", "county": "411426"})
HUBEI = ("grade", {"area": "42", "grade": "high", "valid_from": "2020-02-17T00:00:00+08:00"})
PASSES = (
    ("pass", {"pass_id": "A-1", "pass_type": "A", "vehicle_key": PLATE, "valid_from": "2020-02-04T00:00:00+08:00"}),
    ("pass", {"pass_id": "B-1", "pass_type": "B", "valid_from": "2020-02-04T00:00:00+08:00"}),
    ("pass", {"pass_id": "C-1", "pass_type": "coach", "vehicle_key": PLATE, "valid_from": "2020-02-18T00:00:00+08:00"}),
)
Row = tuple[str, dict[str, Any]]


@cache
def gazetteer() -> Gazetteer:
    return load_gazetteer()


def snapshot_of(*rows: Row) -> Snapshot:
    made = [row_of(kind, dict(values), gazetteer().known) for kind, values in rows]
    return Snapshot.empty(gazetteer()).with_rows(list(enumerate(made)))


def usual(*more: Row) -> Snapshot:
    """A site, Hubei graded from 17 February on, three passes; rules and pass types as shipped."""
    return snapshot_of(SITE, HUBEI, *PASSES, *more)


def rule(name: str, conditions: list[dict[str, Any]], **changes: Any) -> Row:
    texts = dict.fromkeys(("text_zh", "text_en", "source_zh", "source_en"), "x")
    return "rule", {"rule": name, "rule_version": 1, "conditions": conditions, "decision": "observe"} | texts | changes


def scan(at: str = "2020-02-18", **changes: Any) -> bytes:
    """A person from Wuhan in a car of their own going to a township of Xiayi, 36.5 °C, without stays."""
    stamp = f"{at}T08:30:00.000+08:00" if len(at) == len("2020-02-18") else at
    value = json.loads((EXAMPLES / "checkpoint.json").read_text("utf-8"))
    value |= {"origin_code": "420106", "destination_code": "411426101", "stays": [], "temperature_c": 36.5}
    value |= {"occurred_at": stamp, "received_at": stamp}
    value["vehicle"] |= changes.pop("vehicle", {})
    return json.dumps(value | changes, ensure_ascii=False).encode()


def outcome_of(raw: bytes, snapshot: Snapshot) -> Decided:
    def never(key_id: str, sealed: str, event_id: str) -> bytes:
        raise AssertionError("the address must not be opened")

    outcome = process(raw, snapshot, never)
    assert isinstance(outcome, Decided)
    return outcome


def decide(raw: bytes, snapshot: Snapshot) -> Arrival:
    return ARRIVAL.validate_json(outcome_of(raw, snapshot).arrival.value)


def spoken(arrival: Arrival) -> dict[str, Finding]:
    return {finding.rule: finding for finding in arrival.findings}
