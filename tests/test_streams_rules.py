"""The rules as data: what is in force when, for whom, and how far a rule of a county's own reaches."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, get_args

import pytest

from reference.rows import row_of
from reference.shipped import missing_shipped, read_rows, rules_above_shipped, shipped_rows
from reference.snapshot import Snapshot
from schemas import rule_conditions
from schemas.arrival import ALERT
from schemas.errors import Rejected
from schemas.rules import RuleData
from streams.rules.conditions import compile_condition
from tests.rules_kit import HUBEI, SITE, decide, gazetteer, outcome_of, rule, scan, snapshot_of, spoken, usual

A, B, COACH, OTHER = {"pass_id": "A-1"}, {"pass_id": "B-1"}, {"pass_id": "C-1"}, {"pass_id": "A-1", "key": "f" * 32}
TRUCK = {"role": "truck"}
SHORT = [{"code": "420106", "from_day": "2020-02-07", "to_day": "2020-02-08"}]
LONG = [{"code": "420106", "from_day": "2020-01-25", "to_day": "2020-02-08"}]


@pytest.mark.parametrize(
    ("day", "vehicle", "purpose", "decision", "decided_by"),
    [
        # until 10 February whoever had no pass was turned back, whatever the purpose
        ("2020-02-09", {}, "home", "turn_back", "key-vehicle"),
        ("2020-02-09", {}, "supplies", "turn_back", "key-vehicle"),
        ("2020-02-09", A, "supplies", "observe", "key-area"),
        ("2020-02-09", B, "supplies", "turn_back", "key-vehicle"),
        ("2020-02-09", OTHER, "supplies", "turn_back", "key-vehicle"),
        # then no blanket refusal: production and supply staff without symptoms are observed instead
        ("2020-02-11", {}, "home", "turn_back", "key-vehicle"),
        ("2020-02-11", {}, "supplies", "observe", "key-area"),
        ("2020-02-11", {}, "epidemic_prevention", "observe", "key-area"),
        ("2020-02-11", A, "home", "observe", "key-area"),
        ("2020-02-11", B, "supplies", "observe", "key-area"),
        # from 17 February the county grades say what a key area is
        ("2020-02-18", {}, "home", "turn_back", "key-vehicle"),
        ("2020-02-18", {}, "work_resumption", "observe", "area-grade"),
        ("2020-02-18", A, "supplies", "observe", "area-grade"),
        ("2020-02-18", B, "home", "turn_back", "key-vehicle"),
        ("2020-02-18", COACH, "work_resumption", "observe", "area-grade"),
        ("2020-02-21", {}, "home", "turn_back", "key-vehicle"),
        ("2020-02-21", {}, "supplies", "observe", "area-grade"),
        ("2020-02-21", A, "home", "observe", "area-grade"),
    ],
)
def test_the_driver_from_wuhan_on_each_date(
    day: str, vehicle: dict[str, Any], purpose: str, decision: str, decided_by: str
) -> None:
    arrival = decide(scan(day, vehicle=vehicle, purpose=purpose), usual())
    assert (arrival.decision, arrival.decided_by) == (decision, decided_by)


@pytest.mark.parametrize(
    ("day", "stays", "symptoms", "decision"),
    [
        ("2020-02-09", SHORT, [], "turn_back"),
        ("2020-02-11", SHORT, [], "register"),
        ("2020-02-11", LONG, [], "observe"),
        ("2020-02-11", [], [], "observe"),
        ("2020-02-11", SHORT, ["cough"], "isolate"),
    ],
)
def test_no_fourteen_days_for_drivers_on_short_trips(
    day: str, stays: list[dict[str, str]], symptoms: list[str], decision: str
) -> None:
    raw = scan(day, vehicle=TRUCK, purpose="supplies", origin_code="411426", stays=stays, symptoms=symptoms)
    if not stays:
        raw = scan(day, vehicle=TRUCK, purpose="supplies")
    arrival = decide(raw, usual())
    assert arrival.decision == decision


def test_no_one_who_serves_without_symptoms_is_turned_back_after_the_tenth_of_february() -> None:
    for day in ("2020-02-10", "2020-02-16", "2020-02-17", "2020-03-01"):
        for purpose in ("supplies", "work_resumption", "epidemic_prevention"):
            arrival = decide(scan(day, purpose=purpose), usual())
            finding = spoken(arrival)["key-vehicle"]
            assert arrival.decision == "observe"
            assert (finding.decision, finding.set_aside, finding.exempted_by) == ("register", "turn_back", "service-traffic")
            assert finding.evidence["exemption"] == "purpose"


def test_without_a_row_on_the_topic_the_shipped_rules_decide() -> None:
    empty = Snapshot.empty(gazetteer())
    assert decide(scan("2020-02-09"), empty).decision == "turn_back"
    assert decide(scan("2020-03-01", origin_code="310101", temperature_c=37.3), empty).decision == "refer"


def test_loading_the_shipped_rules_changes_no_decision_and_a_second_load_appends_nothing() -> None:
    before = usual()
    loaded = before.with_rows(list(enumerate(shipped_rows(), before.version + 1)))
    assert list(missing_shipped(before)) == list(shipped_rows())
    assert list(missing_shipped(loaded)) == []
    for day in ("2020-02-09", "2020-02-11", "2020-02-18", "2020-02-21"):
        first, second = decide(scan(day), before), decide(scan(day), loaded)
        assert first.findings == second.findings


@pytest.mark.parametrize(("measured", "fever"), [(37.29, False), (37.3, True), (None, False)])
def test_fever_is_a_measured_temperature_and_the_threshold_is_a_row(measured: float | None, fever: bool) -> None:
    raw = scan(origin_code="310101", temperature_c=measured)
    arrival = decide(raw, usual())
    assert ("fever" in spoken(arrival)) == fever
    assert arrival.temperature_c == measured
    strict = rule("fever", [{"type": "temperature", "at_least": 36.0}], rule_version=2, decision="refer", risk="high")
    assert ("fever" in spoken(decide(raw, usual(strict)))) == (measured is not None)


def test_a_stated_fever_without_a_thermometer_goes_to_the_health_desk_once() -> None:
    outcome = outcome_of(scan(origin_code="310101", temperature_c=None, symptoms=["fever"]), usual())
    assert [alert.key for alert in outcome.alerts] == ["411426-health"]
    both = outcome_of(scan(origin_code="310101", temperature_c=38.0, symptoms=["fever"]), usual())
    assert [ALERT.validate_json(alert.value).rule for alert in both.alerts] == ["fever"]


@pytest.mark.parametrize(
    ("symptoms", "origin", "decision", "risk"),
    [
        (["cough"], "310101", "register", "medium"),
        (["cough"], "420106", "isolate", "high"),
        (["fever"], "310101", "refer", "medium"),
    ],
)
def test_symptoms_weigh_more_from_a_key_area(symptoms: list[str], origin: str, decision: str, risk: str) -> None:
    arrival = decide(scan(symptoms=symptoms, origin_code=origin, vehicle={}, purpose="home"), usual())
    assert (spoken(arrival)["symptoms"].decision, spoken(arrival)["symptoms"].risk) == (decision, risk)


@pytest.mark.parametrize(
    ("day", "origin", "rules"),
    [
        ("2020-02-20", "411502", set()),
        ("2020-02-21", "411502", {"henan-class"}),
        ("2020-02-21", "410105", {"henan-class"}),
        ("2020-02-21", "411302", {"henan-class"}),
        ("2020-02-21", "410202", {"henan-class"}),
        ("2020-02-21", "310101", set()),
    ],
)
def test_the_provinces_classes_begin_at_midnight_of_the_twenty_first(day: str, origin: str, rules: set[str]) -> None:
    arrival = decide(scan(f"{day}T00:00:00.000+08:00", origin_code=origin), usual())
    assert set(spoken(arrival)) == rules
    if rules:
        assert arrival.decision == ("admit" if origin == "410202" else "register")


@pytest.mark.parametrize(
    ("grade", "origin_grade", "decision"),
    [
        ("low", "medium", "observe"),
        ("high", "medium", "register"),
        (None, "medium", "register"),
        ("high", "low", "register"),
        ("low", "low", "admit"),
    ],
)
def test_the_grade_of_the_destination_county_makes_a_difference(grade: str | None, origin_grade: str, decision: str) -> None:
    dated = {"valid_from": "2020-02-17T00:00:00+08:00"}
    rows = [("grade", {"area": "4401", "grade": origin_grade, **dated})]
    rows += [("grade", {"area": "411426", "grade": grade, **dated})] if grade else []
    arrival = decide(scan(origin_code="440106"), usual(*rows))
    assert arrival.decision == decision


def test_nanyangs_own_rule_counts_for_whoever_goes_there_and_nowhere_else() -> None:
    here = spoken(decide(scan(), usual()))["area-grade"]
    there = spoken(decide(scan(destination_code="411302"), usual()))["area-grade"]
    assert (here.evidence["observe_days"], there.evidence["observe_days"]) == (14, 7)
    assert here.rule_row != there.rule_row


@pytest.mark.parametrize(
    ("scopes", "chosen"),
    [((), "all"), (("4114",), "4114"), (("4114", "411426"), "411426"), (("4113",), "all"), (("411481", "4114"), "4114")],
)
def test_the_longest_scope_wins(scopes: tuple[str, ...], chosen: str) -> None:
    always = [{"type": "vehicle"}]
    rows = [rule("own", always, scope=scope, source_en=scope) for scope in scopes]
    snapshot = usual(rule("own", always, source_en="all"), *rows)
    finding = spoken(decide(scan(), snapshot))["own"]
    rows_by_id = {row.row_id: row for key in snapshot.rules.keys() for row in snapshot.rules.history(key)}
    assert rows_by_id[finding.rule_row or ""].data.source_en == chosen


def test_of_equally_long_scopes_that_of_the_destination_wins_and_the_sites_counts_where_the_destination_has_none() -> None:
    always = [{"type": "vehicle"}]
    snapshot = usual(rule("own", always, scope="411426", decision="register"), rule("own", always, scope="411481"))
    assert spoken(decide(scan(destination_code="411481104", origin_code="310101"), snapshot))["own"].decision == "observe"
    assert spoken(decide(scan(destination_code="411421", origin_code="310101"), snapshot))["own"].decision == "register"


def test_a_rule_holds_from_its_day_until_its_day_and_a_withdrawal_ends_it() -> None:
    dated = {"valid_from": "2020-02-12T00:00:00+08:00", "valid_to": "2020-02-14T00:00:00+08:00"}
    snapshot = usual(rule("own", [{"type": "vehicle"}], **dated))
    days = {
        day: "own" in spoken(decide(scan(day, origin_code="310101"), snapshot))
        for day in ("2020-02-11", "2020-02-12", "2020-02-14")
    }
    assert days == {"2020-02-11": False, "2020-02-12": True, "2020-02-14": False}
    gone = usual(
        rule("fever", [{"type": "temperature", "at_least": 37.3}], withdrawn="true", valid_from="2020-02-20T00:00:00+08:00")
    )
    assert "fever" in spoken(decide(scan("2020-02-19", temperature_c=38.0), gone))
    assert "fever" not in spoken(decide(scan("2020-02-20", temperature_c=38.0), gone))


def test_a_row_of_the_first_form_still_decodes_and_has_no_effect() -> None:
    old = ("rule", {"rule": "fever", "rule_version": 2, "parameters": {"threshold_c": 30.0}})
    assert "fever" not in spoken(decide(scan(temperature_c=36.5), usual(old)))
    assert spoken(decide(scan(temperature_c=37.3), usual(old)))["fever"].version == 1


def test_every_condition_of_the_vocabulary_can_be_compiled() -> None:
    union = get_args(get_args(rule_conditions.Condition)[0])
    smallest: dict[str, dict[str, Any]] = {
        "temperature": {"at_least": 37.3}, "graded": {"grades": ["high"]},
        "inside": {"areas": ["42"]}, "trip": {"at_most_days": 3},
        "vehicle_region": {"any_of": ["鄂"]}, "pass": {"states": ["valid"]}, "purpose": {"any_of": ["work"]},
        "destination": {"statuses": ["ok"]}, "destination_graded": {"grades": ["low"]}, "origin": {"known": True},
    }  # fmt: skip
    for kind in union:
        name = get_args(kind.model_fields["type"].annotation)[0]
        assert callable(compile_condition(kind(type=name, **smallest.get(name, {}))))


@pytest.mark.parametrize(
    ("conditions", "holds", "evidence"),
    [
        ([{"type": "vehicle", "roles": ["private"]}], True, {"vehicle_role": "private", "plate_region": "鄂A"}),
        ([{"type": "vehicle", "roles": ["coach"]}], False, {}),
        ([{"type": "vehicle_region", "any_of": ["鄂"]}], True, {"plate_region": "鄂A"}),
        ([{"type": "vehicle_region", "any_of": ["豫N"]}], False, {}),
        ([{"type": "rail"}], False, {}),
        ([{"type": "purpose", "any_of": ["home"]}], True, {"purpose": "home"}),
        ([{"type": "origin", "known": True}], True, {"origin": "420106"}),
        ([{"type": "destination", "statuses": ["ok"]}], True, {"status": "ok", "candidates": 0}),
        ([{"type": "inside", "areas": ["42"], "but_not": ["4201"]}], False, {}),
        (
            [{"type": "inside", "areas": ["42", "420106"], "but_not": ["4201"]}],
            True,
            {"area": "420106", "listed_area": "420106", "via": "origin"},
        ),
        ([{"type": "inside", "areas": ["42"], "via": ["stay"]}], False, {}),
        ([{"type": "pass", "states": ["missing"]}], True, {"pass_state": "missing"}),
        ([{"type": "vehicle"}, {"type": "symptoms"}], False, {}),
    ],
)
def test_what_a_condition_holds_for_and_what_it_says(
    conditions: list[dict[str, Any]], holds: bool, evidence: dict[str, Any]
) -> None:
    found = spoken(decide(scan(), usual(rule("own", conditions)))).get("own")
    assert (found is not None) == holds
    if found:
        assert found.evidence == evidence


@pytest.mark.parametrize(
    "changes",
    [
        {"conditions": [{"type": "temperature", "at_leats": 37.3}]},
        {"conditions": [{"type": "expression", "text": "1 == 1"}]},
        {"conditions": [{"type": "inside", "areas": []}]},
        {"text_zh": "{threshold_c}"},
        {"text_en": ""},
        {"exempts": ["key-vehicle"]},
        {"exempts": ["key-vehicle"], "conditions": [{"type": "pass", "states": ["valid", "missing"]}]},
        {"exempts": ["own"], "conditions": [{"type": "purpose", "any_of": ["work"]}]},
        {"exempt_decision": "turn_back", "decision": "register"},
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(changes: dict[str, Any]) -> None:
    kind, values = rule("own", [{"type": "vehicle"}])
    with pytest.raises(Rejected):
        row_of(kind, values | changes, gazetteer().known)


def test_a_file_of_rules_is_read_whole_or_refused() -> None:
    for text in ("[[rule]\n", "[[grade]]\narea = '42'\n", "[[rule]]\nrule = 'x'\n"):
        with pytest.raises(Rejected):
            read_rows(text)


def test_the_shipped_rules_have_a_source_each_and_no_two_of_a_key_at_a_time() -> None:
    rules = [row.data for row in shipped_rows() if isinstance(row.data, RuleData)]
    assert all(rule.conditions and rule.source_zh and rule.source_en for rule in rules)
    table = rules_above_shipped(snapshot_of(SITE, HUBEI).rules)
    for key in table.keys():
        rows = sorted(table.history(key), key=lambda row: row.valid_from)
        for before, after in pairwise(rows):
            assert before.valid_to is not None, key
            assert before.valid_to <= after.valid_from, key


def test_the_owner_follows_the_destination_and_not_the_site_that_scanned() -> None:
    arrival = decide(scan(destination_code="411481104"), usual())
    assert (arrival.unit, arrival.county_code, arrival.site_county) == ("411481104", "411481", "411426")


def test_an_unknown_destination_lies_at_one_named_desk() -> None:
    arrival = decide(scan(destination_code=None, sealed={"key_id": "2020-02-18", "identity": "AAAA", "address": None}), usual())
    assert (arrival.unit, arrival.desk_reason) == ("411426", "unresolved")
    assert spoken(arrival)["destination-unplaced"].decision == "register"


def test_an_unknown_origin_is_never_low_risk() -> None:
    arrival = decide(scan(origin_code=None, sealed={"key_id": "2020-02-18", "identity": "AAAA", "address": None}), usual())
    assert (arrival.risk, arrival.decision, arrival.decided_by) == ("unknown", "register", "origin-unknown")
