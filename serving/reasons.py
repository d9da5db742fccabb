"""What a finding says in plain words: the text of its rule's row with the evidence put in. No rule has a text in code. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import orjson

from reference.dated import Dated, DatedTable
from reference.shipped import rules_above_shipped
from schemas.rules import PLACEHOLDER, RuleData
from serving.texts import LANGUAGES, Language, catalogue

Names = Callable[[str], str]
Finding = Mapping[str, Any]
Rules = DatedTable[RuleData]
NO_ROWS: Rules = DatedTable()
_AREAS = frozenset({"area", "graded_area", "listed_area", "destination_area", "origin"})
_DEGREES = frozenset({"temperature_c", "threshold_c"})
#: Evidence whose values are words, and the part of the vocabulary they are in.
_WORDS = {"destination_grade": "grade", "symptoms": "symptom"} | {
    name: name for name in ("grade", "via", "purpose", "status", "pass_state", "vehicle_role", "exemption")
}


@cache
def words(language: Language) -> Mapping[str, str]:
    """The vocabulary of explanations; both languages hold the same keys (a test compares)."""
    found: dict[str, str] = orjson.loads((files("serving") / "words" / f"{language}.json").read_bytes())
    return found


def reasons(findings: Sequence[Finding], desk_reason: str, names: Names, rules: Rules = NO_ROWS) -> tuple[str, str]:
    """All reasons in the order the rules spoke, in Chinese and in English. `rules` are those of the topic."""
    zh, en = (_reasons(findings, desk_reason, names, rules, language) for language in LANGUAGES)
    return "；".join(zh), "; ".join(en)


def _reasons(findings: Sequence[Finding], desk_reason: str, names: Names, rules: Rules, language: Language) -> list[str]:
    t = words(language)
    said = [finding_text(finding, names, rules, language) for finding in findings]
    desk = t.get(f"status.{desk_reason}")
    if desk is not None and desk not in said:
        said.append(desk)
    return said or [t["quiet"]]


def finding_text(finding: Finding, names: Names, rules: Rules, language: Language) -> str:
    """One finding as a sentence, with what it was exempted by."""
    t, row = words(language), rule_row(finding, rules)
    if row is None:
        return t["rule_gone"].format(rule=finding["rule"])
    template, evidence = getattr(row.data, f"text_{language}"), finding["evidence"]
    text = PLACEHOLDER.sub(lambda m: evidence_text(m[1], evidence.get(m[1]), names, language), template)
    return text[:1].upper() + text[1:] + exemption_text(finding, language)


def exemption_text(finding: Finding, language: Language) -> str:
    """Why the rule was set aside and what remains of its decision; '' when it was not."""
    t, decisions = words(language), catalogue(language)
    if finding.get("set_aside") is None:
        return ""
    why = t[f"exemption.{finding['evidence'].get('exemption', 'none')}"]
    before, after = (decisions[f"decision.{finding[name]}"] for name in ("set_aside", "decision"))
    return t["says.set_aside"].format(why=why, by=finding["exempted_by"], before=before, after=after)


def evidence_text(name: str, value: Any, names: Names, language: Language) -> str:
    """A value of the evidence as people say it."""
    t = words(language)
    if value is None or value == "":
        return t["unknown"]
    if isinstance(value, bool):
        return t["yes" if value else "no"]
    if name in _AREAS:
        return names(value)
    if name in _DEGREES:
        return f"{value:.1f}"
    if name in _WORDS:
        return t["list"].join(t.get(f"{_WORDS[name]}.{part}", part) for part in str(value).split(","))
    return str(value)


def rule_row(finding: Finding, rules: Rules = NO_ROWS) -> Dated[RuleData] | None:
    """The row of the rule that spoke; for findings that do not name it, a row of that rule and version."""
    index = _rows(rules)
    return index.get(finding.get("rule_row") or "") or index.get((finding["rule"], finding.get("version", 1)))


@lru_cache(maxsize=4)
def _rows(rules: Rules) -> Mapping[Any, Dated[RuleData]]:
    table = rules_above_shipped(rules)
    found: dict[Any, Dated[RuleData]] = {}
    for key in reversed(table.keys()):
        for row in reversed(table.history(key)):
            found[row.row_id] = found[row.data.rule, row.data.rule_version] = row
    return found
