"""What holds for every set of rules: more rules never make a decision weaker, and the same is always decided the same."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reference.rows import row_of
from reference.snapshot import Snapshot
from schemas.arrival import DECISIONS
from tests.rules_kit import PLATE, Row, decide, outcome_of, rule, scan, usual

RISKS = ("low", "unknown", "medium", "high")
PURPOSES = ("home", "work", "supplies", "work_resumption", "epidemic_prevention", "transit", "other")
CONDITIONS: list[dict[str, Any]] = [
    {"type": "temperature", "at_least": 37.0},
    {"type": "symptoms"},
    {"type": "symptom_free"},
    {"type": "graded", "grades": ["high", "medium"]},
    {"type": "inside", "areas": ["42", "4401"], "but_not": ["4205"]},
    {"type": "trip", "at_most_days": 4},
    {"type": "vehicle"},
    {"type": "vehicle_region", "any_of": ["鄂"]},
    {"type": "pass", "states": ["valid", "misused"]},
    {"type": "purpose", "any_of": ["supplies", "home"]},
    {"type": "destination", "statuses": ["ok", "county_only", "outside"]},
    {"type": "destination_graded", "grades": ["low", "high"]},
    {"type": "origin", "known": True},
]
SNAPSHOT = usual(
    ("grade", {"area": "4401", "grade": "medium"}),
    ("grade", {"area": "420106", "grade": "low", "valid_from": "2020-03-01T00:00:00+08:00"}),
    ("grade", {"area": "411426", "grade": "low", "valid_from": "2020-02-17T00:00:00+08:00"}),
)


@st.composite
def scans(draw: st.DrawFn) -> bytes:
    stays = [
        {"code": code, "from_day": "2020-02-05", "to_day": "2020-02-08"}
        for code in draw(st.lists(st.sampled_from(["420106", "440106"]), max_size=2))
    ]
    return scan(
        draw(st.sampled_from(["2020-02-09", "2020-02-11", "2020-02-17", "2020-02-21", "2020-03-02"])),
        origin_code=draw(st.sampled_from(["420106", "440106", "411502", "310101"])),
        destination_code=draw(st.sampled_from(["411426101", "411481", "411302"])),
        stays=stays,
        temperature_c=draw(st.none() | st.sampled_from([36.5, 37.3, 39.0])),
        symptoms=draw(st.sampled_from([[], ["cough"], ["fever", "cough"]])),
        purpose=draw(st.sampled_from(PURPOSES)),
        vehicle={"pass_id": draw(st.sampled_from([None, "A-1", "B-1"])), "key": draw(st.sampled_from([PLATE, "e" * 32]))},
    )  # fmt: skip


@st.composite
def added_rules(draw: st.DrawFn) -> list[Row]:
    """Rules of names of their own that exempt from nothing."""
    return [
        rule(
            f"added-{number}",
            draw(st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=3)),
            decision=draw(st.sampled_from(DECISIONS)),
            risk=draw(st.sampled_from(RISKS)),
            order=draw(st.integers(0, 1000)),
            scope=draw(st.sampled_from([None, "4114", "411426", "4113"])),
        )
        for number in range(draw(st.integers(1, 4)))
    ]


def with_rules(snapshot: Snapshot, rows: list[Row]) -> Snapshot:
    made = [row_of(kind, dict(values), snapshot.gazetteer.known) for kind, values in rows]
    return snapshot.with_rows(list(enumerate(made, snapshot.version + 1)))


@given(scans(), added_rules())
@settings(max_examples=150, deadline=None)
def test_more_rules_never_make_a_decision_or_a_risk_weaker(raw: bytes, rows: list[Row]) -> None:
    before, after = decide(raw, SNAPSHOT), decide(raw, with_rules(SNAPSHOT, rows))
    assert DECISIONS.index(after.decision) >= DECISIONS.index(before.decision)
    assert RISKS.index(after.risk) >= RISKS.index(before.risk)
    assert {f.rule for f in before.findings} <= {f.rule for f in after.findings}


@given(scans(), added_rules(), st.sampled_from(["purpose", "pass"]))
@settings(max_examples=150, deadline=None)
def test_a_weaker_decision_always_rests_on_a_pass_or_a_purpose(raw: bytes, rows: list[Row], kind: str) -> None:
    reason = {"type": "purpose", "any_of": ["supplies"]} if kind == "purpose" else {"type": "pass", "states": ["valid"]}
    lax = rule("lax", [reason], decision="admit", exempts=["key-vehicle", "area-grade", "added-0", "added-1"])
    before, after = (decide(raw, with_rules(SNAPSHOT, more)) for more in (rows, [*rows, lax]))
    if DECISIONS.index(after.decision) < DECISIONS.index(before.decision):
        assert before.decision not in ("refer", "isolate")
        aside = [finding for finding in after.findings if finding.exempted_by == "lax"]
        assert aside
        for finding in aside:
            assert finding.evidence["purpose" if kind == "purpose" else "pass_row"]


@given(scans(), added_rules())
@settings(max_examples=60, deadline=None)
def test_the_same_record_and_reference_give_the_same_bytes(raw: bytes, rows: list[Row]) -> None:
    assert outcome_of(raw, with_rules(SNAPSHOT, rows)) == outcome_of(raw, with_rules(SNAPSHOT, rows))


@given(scans())
@settings(max_examples=100, deadline=None)
def test_the_decision_is_that_of_the_rule_that_decided_and_the_strongest_of_all(raw: bytes) -> None:
    arrival = decide(raw, SNAPSHOT)
    if not arrival.findings:
        assert (arrival.decision, arrival.risk, arrival.decided_by) == ("admit", "low", None)
        return
    strongest = max(arrival.findings, key=lambda finding: (DECISIONS.index(finding.decision), finding.set_aside is None))
    assert (arrival.decision, arrival.decided_by) == (strongest.decision, strongest.rule)
    assert len({finding.rule for finding in arrival.findings}) == len(arrival.findings)


@given(scans())
@settings(max_examples=60, deadline=None)
def test_remembered_grades_are_those_of_the_snapshot(raw: bytes) -> None:
    arrival = decide(raw, SNAPSHOT)
    grades = [finding for finding in arrival.findings if finding.grade_row]
    for finding in grades:
        row = SNAPSHOT.grade(str(finding.evidence["area"]), arrival.occurred_at)
        assert row is not None
        assert row.row_id == finding.grade_row
