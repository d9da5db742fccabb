"""Assess: let every rule in force speak, set aside what is exempted, then take the highest risk and the strongest decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.arrival import Decision, Risk
from streams.case import Case, Evidence, Spoken
from streams.rules.book import STRENGTH, Compiled, rule_book
from streams.rules.conditions import Inquiry

Values = dict[str, str | int | float | bool | None]
_RISK = {"low": 0, "unknown": 1, "medium": 2, "high": 3}
#: What no paper exempts from: a fever or a suspicion stays with the health desk.
_NEVER_EXEMPTED = frozenset({"refer", "isolate"})
#: What a finding says of the pass or the purpose it is exempted by, as far as the exempting one knows it.
_REASON = ("pass_row", "pass_type", "pass_type_row", "purpose")


class Assessment(NamedTuple):
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
    exemptions = _exemptions(said, inquiry)
    findings = tuple([_finding(one, exemptions, inquiry) for one in said])
    decisive, risk = findings[0], findings[0].risk
    for spoken in findings[1:]:
        if _weight(spoken) > _weight(decisive):
            decisive = spoken
        if _RISK[spoken.risk] > _RISK[risk]:
            risk = spoken.risk
    return Assessment(risk, decisive.decision, decisive.rule, findings)


def _weight(spoken: Spoken) -> tuple[int, bool]:
    """Of equally strong findings one that stands as it is weighs more than what an exemption left of another."""
    return STRENGTH[spoken.decision], spoken.set_aside is None


def strongest(said: Sequence[Spoken]) -> Spoken:
    """The one whose decision weighs most; of equals the first that spoke. `said` is not empty."""
    return max(said, key=_weight)


class _Said(NamedTuple):
    """A rule that speaks, with its evidence and the grade row it rests on."""

    rule: Compiled
    evidence: Values
    grade_row: str | None


def _ask(plan: Sequence[Compiled], inquiry: Inquiry) -> list[_Said]:
    """Every rule that speaks; of a rule's branches the first that holds."""
    said: list[_Said] = []
    last = ""
    for rule in plan:
        if rule.name == last:
            continue
        inquiry.grade_row = None
        evidence: Values = {}
        for check in rule.checks:
            found = check(inquiry)
            if found is None:
                break
            evidence.update(found)
        else:
            last = rule.name
            said.append(_Said(rule, evidence, inquiry.grade_row))
    return said


@dataclass(frozen=True, slots=True)
class _Exemption:
    """From which rules, by whom, on the strength of a `pass` or a `purpose`, and the evidence for it."""

    rules: tuple[str, ...]
    by: str
    kind: str
    reason: Evidence


def _exemptions(said: Sequence[_Said], inquiry: Inquiry) -> list[_Exemption]:
    """What exempts: a valid pass first, then the rules that spoke."""
    found = [_by_rule(one) for one in said if one.rule.exempts]
    vehicle = inquiry.case.scan.vehicle
    if vehicle is not None and vehicle.pass_id:
        shown = inquiry.shown()
        if shown.exempts and shown.pass_type:
            found.insert(0, _Exemption(shown.exempts, shown.pass_type, "pass", _reason(shown.evidence)))
    return found


def _by_rule(one: _Said) -> _Exemption:
    kind = "pass" if "pass_row" in one.evidence else "purpose"
    return _Exemption(one.rule.exempts, one.rule.name, kind, _reason(one.evidence))


def _reason(evidence: Evidence) -> Evidence:
    return {name: evidence[name] for name in _REASON if name in evidence}


def _finding(one: _Said, exemptions: Sequence[_Exemption], inquiry: Inquiry) -> Spoken:
    """The finding of a rule, with the pass or the purpose that sets it aside, if any does."""
    rule, evidence, data = one.rule, one.evidence, one.rule.data
    if data.observe_days is not None:
        evidence["observe_days"] = data.observe_days
    decision, set_aside, by = data.decision, None, None
    exemption = _exempting(rule, exemptions) if exemptions else None
    if exemption is not None:
        decision, set_aside, by = rule.remains, data.decision, exemption.by
        evidence |= {**exemption.reason, "exemption": exemption.kind}
    elif decision == "turn_back":
        evidence |= {"exemption": "none", "pass_state": inquiry.shown().state}
    return Spoken(rule.name, data.rule_version, data.risk, decision, evidence, one.grade_row, rule.row_id, set_aside, by)


def _exempting(rule: Compiled, exemptions: Sequence[_Exemption]) -> _Exemption | None:
    if rule.data.decision in _NEVER_EXEMPTED:
        return None
    return next((exemption for exemption in exemptions if rule.name in exemption.rules), None)
