"""Assess: let every rule in force speak, set aside what is exempted, then take the highest risk and the strongest decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from schemas.arrival import Decision, Risk
from streams.case import Case, Evidence, Spoken
from streams.rules.book import STRENGTH, Compiled, rule_book
from streams.rules.conditions import Inquiry

_RISK = {"low": 0, "unknown": 1, "medium": 2, "high": 3}
#: What no paper exempts from: a fever or a suspicion stays with the health desk.
_NEVER_EXEMPTED = frozenset({"refer", "isolate"})
#: What a finding says of the pass or the purpose it is exempted by, as far as the exempting one knows it.
_REASON = ("pass_row", "pass_type", "pass_type_row", "purpose")


@dataclass(frozen=True, slots=True)
class Assessment:
    """Risk, decision, the rule that decided (None when no rule spoke) and everything that was said, in order."""

    risk: Risk
    decision: Decision
    decided_by: str | None
    findings: tuple[Spoken, ...]


_QUIET = Assessment("low", "admit", None, ())


def assess(case: Case) -> Assessment:
    """What is to be done with the person. With no rule speaking: admit, low risk."""
    plan = rule_book(case.snapshot.rules).at(case.at).plan(case)
    if not plan:
        return _QUIET
    inquiry = Inquiry(case)
    said = _ask(plan, inquiry)
    if not said:
        return _QUIET
    may_be_exempted = case.scan.vehicle is not None or any(rule.data.exempts for rule, _ in said)
    findings = _exempted(said, inquiry) if may_be_exempted else [spoken for _, spoken in said]
    decisive = strongest(findings)
    risk = max((s.risk for s in findings), key=_RISK.__getitem__)
    return Assessment(risk, decisive.decision, decisive.rule, tuple(findings))


def strongest(said: Sequence[Spoken]) -> Spoken:
    """The one whose decision weighs most; of equals the first that spoke. `said` is not empty."""
    return max(said, key=lambda spoken: STRENGTH[spoken.decision])


def _ask(plan: Sequence[Compiled], inquiry: Inquiry) -> list[tuple[Compiled, Spoken]]:
    """Every rule that speaks with what it says; of a rule's branches the first that holds."""
    said: list[tuple[Compiled, Spoken]] = []
    spoken: set[str] = set()
    for rule in plan:
        if rule.data.rule in spoken:
            continue
        inquiry.grade_row = None
        evidence: dict[str, str | int | float | bool | None] = {}
        for check in rule.checks:
            found = check(inquiry)
            if found is None:
                break
            evidence |= found
        else:
            spoken.add(rule.data.rule)
            said.append((rule, _spoken(rule, evidence, inquiry.grade_row)))
    return said


def _spoken(rule: Compiled, evidence: dict[str, str | int | float | bool | None], grade_row: str | None) -> Spoken:
    data = rule.data
    if data.observe_days is not None:
        evidence["observe_days"] = data.observe_days
    return Spoken(data.rule, data.rule_version, data.risk, data.decision, evidence, grade_row, rule.row_id)


@dataclass(frozen=True, slots=True)
class _Exemption:
    """From which rules, by whom, on the strength of a `pass` or a `purpose`, and the evidence for it."""

    rules: tuple[str, ...]
    by: str
    kind: str
    reason: Evidence


def _exempted(said: Sequence[tuple[Compiled, Spoken]], inquiry: Inquiry) -> list[Spoken]:
    """The findings with the exemptions applied, each with the pass or the purpose it rests on."""
    exemptions = [_by_rule(rule, spoken) for rule, spoken in said if rule.data.exempts]
    shown = inquiry.shown()
    if shown.exempts and shown.pass_type:
        exemptions.insert(0, _Exemption(shown.exempts, shown.pass_type, "pass", _reason(shown.evidence)))
    return [_set_aside(rule, spoken, exemptions, shown.state) for rule, spoken in said]


def _by_rule(rule: Compiled, spoken: Spoken) -> _Exemption:
    kind = "pass" if "pass_row" in spoken.evidence else "purpose"
    return _Exemption(rule.data.exempts, rule.data.rule, kind, _reason(spoken.evidence))


def _reason(evidence: Evidence) -> Evidence:
    return {name: evidence[name] for name in _REASON if name in evidence}


def _set_aside(rule: Compiled, spoken: Spoken, exemptions: Sequence[_Exemption], pass_state: str) -> Spoken:
    for exemption in exemptions:
        if spoken.rule in exemption.rules and spoken.decision not in _NEVER_EXEMPTED:
            evidence = {**spoken.evidence, **exemption.reason, "exemption": exemption.kind}
            return replace(
                spoken, decision=rule.remains, set_aside=spoken.decision, exempted_by=exemption.by, evidence=evidence
            )
    if spoken.decision == "turn_back":
        return replace(spoken, evidence={**spoken.evidence, "exemption": "none", "pass_state": pass_state})
    return spoken
