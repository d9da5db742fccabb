"""Explanations in plain words: the goldens in both languages, from the record and the reference alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from reference.rows import row_of
from reference.shipped import shipped_rows
from reference.snapshot import Snapshot
from schemas import rule_conditions
from schemas.rules import RuleData
from serving.access import Principal, arrival_restriction, may_view, unit_restriction
from serving.explanation import COLUMNS, explain, explanation_sql
from serving.explanation_text import as_lines
from serving.names import place_name
from serving.reasons import reasons, words
from serving.texts import LANGUAGES
from sinks.tables import ARRIVALS
from tests.rules_kit import OTHER_PLATE, PASSES, PLATE, outcome_of, scan, usual

GOLDENS = Path(__file__).parent / "goldens"
CASES: dict[str, dict[str, Any]] = {
    "quiet": {"origin_code": "310101"},
    "turned-back": {},
    "pass-a": {"vehicle": {"pass_id": "A-1"}},
    "pass-of-another-plate": {"vehicle": {"pass_id": "A-1", "key": OTHER_PLATE}},
    "supplies": {"purpose": "supplies", "vehicle": {"role": "truck"}},
    "short-trip": {
        "purpose": "supplies",
        "vehicle": {"role": "truck"},
        "stays": [{"code": "420106", "from_day": "2020-02-14", "to_day": "2020-02-15"}],
    },
    "fever": {"origin_code": "440106", "temperature_c": 38.2, "symptoms": ["cough", "fever"]},
    "passing-through": {"origin_code": "310101", "destination_code": "411302"},
    "before-the-grades": {"at": "2020-02-11"},
}


def row(raw: bytes, snapshot: Snapshot) -> dict[str, Any]:
    """The row of `v_arrivals` an outcome becomes."""
    record = orjson.loads(outcome_of(raw, snapshot).arrival.value)
    place = record["destination"]
    named = {
        **record,
        "stay_codes": [stay["code"] or "" for stay in record["stays"]],
        "pass_id": (record["vehicle"] or {}).get("pass_id"),
        "findings": orjson.dumps(record["findings"]).decode(),
        **{f"destination_{name}": place[name] for name in ("status", "method", "score", "candidates", "mismatch")},
        "destination_county": place["county_code"],
        "destination_street": place["street_code"],
        "destination_village": place["village_code"],
        "destination_outside": place["outside_code"],
    }
    return {name: "" if named[name] is None else named[name] for name in COLUMNS}


def lines(raw: bytes, snapshot: Snapshot, language: Any) -> list[str]:
    return as_lines(explain(row(raw, snapshot), snapshot), lambda code: place_name(snapshot, code), language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_an_arrival_is_explained_in_plain_words(case: str, language: str) -> None:
    said = "\n".join(lines(scan(**CASES[case]), usual(), language)) + "\n"
    assert said == (GOLDENS / f"explain-{case}.{language}.txt").read_text("utf-8")


@pytest.mark.parametrize("case", CASES)
def test_what_is_told_has_every_rule_in_order_and_the_one_that_decided(case: str) -> None:
    snapshot = usual()
    outcome = outcome_of(scan(**CASES[case]), snapshot)
    told = explain(row(scan(**CASES[case]), snapshot), snapshot)
    assert tuple(rule["rule"] for rule in told["rules"]) == outcome.rules
    assert [rule["rule"] for rule in told["rules"] if rule["decided"]] == ([told["decided_by"]] if outcome.rules else [])
    for rule in told["rules"]:
        assert rule["row"]["row_id"]
        assert rule["source_zh"]
        assert rule["source_en"]
        assert bool(rule["grade"]) == ("graded_area" in rule["evidence"])
    assert orjson.loads(orjson.dumps(told)) == told


def test_an_explanation_holds_no_key_and_no_plate() -> None:
    snapshot = usual()
    for case in CASES.values():
        text = str(explain(row(scan(**case), snapshot), snapshot))
        for secret in (PLATE, OTHER_PLATE, "测**", "001X", "sealed"):
            assert secret not in text


def test_a_rule_of_the_topic_speaks_with_its_own_text() -> None:
    values = {"rule": "night", "rule_version": 3, "conditions": [{"type": "vehicle"}], "decision": "register", "risk": "low"}
    texts = {
        "text_zh": "夜间车辆 {plate_region}",
        "text_en": "night traffic {plate_region}",
        "source_zh": "县",
        "source_en": "county",
    }
    snapshot = usual(("rule", values | texts))
    assert any("夜间车辆 鄂A" in line for line in lines(scan(), snapshot, "zh"))
    assert any("Night traffic 鄂A" in line for line in lines(scan(), snapshot, "en"))
    findings = orjson.loads(row(scan(origin_code="310101"), snapshot)["findings"])
    assert reasons(findings, "", str, snapshot.rules) == ("夜间车辆 鄂A", "Night traffic 鄂A")


def test_a_rule_that_is_no_longer_known_is_named() -> None:
    snapshot = usual()
    found = row(scan(origin_code="310101", temperature_c=38.0), snapshot)
    gone = orjson.loads(found["findings"])
    gone[0] |= {"rule": "brand-new", "rule_row": "rule-gone"}
    said = as_lines(explain(found | {"findings": orjson.dumps(gone).decode(), "decided_by": "brand-new"}, snapshot), str, "zh")
    assert "1. 规则 brand-new → 移交卫健（高风险）【决定】" in said


def test_both_languages_have_the_same_words_and_placeholders() -> None:
    zh, en = (words(language) for language in LANGUAGES)
    assert set(zh) == set(en)
    for key in zh:
        assert set(re.findall(r"\{\w+\}", zh[key])) == set(re.findall(r"\{\w+\}", en[key])), key


def test_every_evidence_has_a_name() -> None:
    names = set().union(*(getattr(kind, "EVIDENCE", ()) for kind in vars(rule_conditions).values()))
    assert {f"evidence.{name}" for name in names} <= set(words("zh"))


def test_every_shipped_rule_can_be_said_without_a_gap() -> None:
    for shipped in shipped_rows():
        if isinstance(shipped.data, RuleData):
            evidence: dict[str, Any] = dict.fromkeys(re.findall(r"\{(\w+)\}", shipped.data.text_zh + shipped.data.text_en), 1)
            finding = {"rule": shipped.data.rule, "version": shipped.data.rule_version, "rule_row": shipped.row_id}
            for text in reasons([finding | {"evidence": evidence, "set_aside": None}], "", lambda code: f"«{code}»"):
                assert "{" not in text
                assert "}" not in text


def test_what_is_read_are_columns_that_exist_and_tell_nothing_of_the_person() -> None:
    known = {column.name for column in ARRIVALS.columns}
    assert set(COLUMNS) <= known
    assert not set(COLUMNS) & {"name_masked", "document_last4", "phone_last4", "person_key", "vehicle_key", "birth_year"}


@pytest.mark.parametrize(
    ("role", "scope", "unit"),
    [
        ("unit", "411426101", "411426101"),
        ("unit", "411426101201", "411426101201"),
        ("county", "411426", "411426"),
        ("health_desk", "411426", "411426-health"),
        ("health_desk", "*", "4114-health"),
    ],
)
def test_whoever_sees_a_list_may_ask_why_and_nobody_else(role: Any, scope: str, unit: str) -> None:
    who = Principal(role, "x", scope, "d")
    assert may_view(who, unit)
    assert arrival_restriction(who) == unit_restriction(unit)
    sql, values = explanation_sql("01705656-c5a0-7001-8000-000000000001", arrival_restriction(who))
    assert f"AND ({unit_restriction(unit).sql})" in sql
    assert values["event_id"].startswith("01705656")


@pytest.mark.parametrize(("role", "scope"), [("analyst", "*"), ("device", "CP-411426-01"), ("administrator", "411426")])
def test_roles_without_a_list_see_no_explanation(role: Any, scope: str) -> None:
    assert arrival_restriction(Principal(role, "x", scope, "d")).sql == "0"


def test_the_pass_is_told_by_its_type_and_state() -> None:
    made = [row_of(kind, dict(values), lambda _: True) for kind, values in PASSES]
    told = explain(row(scan(vehicle={"pass_id": "A-1"}), usual()), usual())
    assert told["pass"]["row"]["row_id"] == made[0].row_id
    assert (told["pass"]["state"], told["pass"]["name_en"]) == ("valid", "Pass A (across provinces)")


def test_after_a_merger_the_explanation_rests_on_the_grade_of_the_new_unit() -> None:
    merged = {"unit": "420106", "successors": ["420101"], "names": ["武汉市城区"], "valid_from": "2020-03-03T00:00:00+08:00"}
    graded = {"area": "420101", "grade": "high", "valid_from": "2020-03-03T00:00:00+08:00"}
    snapshot = usual(("succession", merged))
    snapshot = snapshot.with_rows([(snapshot.version + 1, row_of("grade", graded, snapshot.known))])
    told = explain(row(scan("2020-03-04"), snapshot), snapshot)
    rule = next(rule for rule in told["rules"] if rule["rule"] == "area-grade")
    assert (told["origin"]["code"], rule["grade"]["area"]) == ("420106", "420101")
    assert any("武汉市城区 高风险" in line for line in as_lines(told, lambda code: place_name(snapshot, code), "zh"))
