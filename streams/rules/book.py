"""The rules in force at an instant, compiled once per table of rules and stretch of time, looked up by what is true of a case."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, reduce
from operator import or_

from reference.dated import Dated, DatedTable
from reference.shipped import rules_above_shipped
from schemas import rule_conditions as asked
from schemas.arrival import DECISIONS, Decision
from schemas.rules import RuleData
from streams.case import Case
from streams.rules import conditions as facts
from streams.rules.conditions import Check, compile_condition, needed

STRENGTH = {decision: strength for strength, decision in enumerate(DECISIONS)}


@dataclass(frozen=True, slots=True)
class Compiled:
    """One rule ready to be asked. `remains` is its decision under an exemption."""

    name: str
    data: RuleData
    row_id: str
    checks: tuple[Check, ...]
    needs: int
    remains: Decision
    exempts: tuple[str, ...]

    @classmethod
    def of(cls, row: Dated[RuleData]) -> Compiled:
        """Compiles a row."""
        data = row.data
        remains: Decision = "admit" if data.decision == "admit" else data.exempt_decision or "register"
        checks = tuple(compile_condition(condition) for condition in data.conditions)
        return cls(data.rule, data, row.row_id, checks, reduce(or_, map(needed, data.conditions)), remains, data.exempts)


class InForce:
    """The rules of one stretch of time, during which no rule begins or ends."""

    def __init__(self, rows: Iterable[Dated[RuleData]]) -> None:
        self._rules = _in_order([Compiled.of(row) for row in rows])
        self._scopes = tuple({rule.data.scope for rule in self._rules if rule.data.scope})
        every = [condition for rule in self._rules for condition in rule.data.conditions]
        thresholds = (c.at_least for c in every if isinstance(c, asked.Temperature))
        self._warm_from = min(thresholds, default=float("inf"))
        self._listed = tuple({area for c in every if isinstance(c, asked.Inside) for area in c.areas})
        self._purposes = frozenset(p for c in every if isinstance(c, asked.Purpose) for p in c.any_of)
        self._asks_destination = any(isinstance(c, asked.DestinationGraded) for c in every)
        self._plans: dict[tuple[int, str, str], tuple[Compiled, ...]] = {}

    def plan(self, case: Case) -> tuple[Compiled, ...]:
        """The rules that may speak about a case, in order: those of its area whose needed facts are there."""
        destination, site = case.destination, case.site_county or ""
        there = self._deepest(destination) if destination.startswith(self._scopes) else ""
        here = self._deepest(site) if site.startswith(self._scopes) else ""
        key = (self._facts(case), there, here)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = tuple(self._applying(*key))
        return plan

    def _deepest(self, code: str) -> str:
        return max((scope for scope in self._scopes if code.startswith(scope)), key=len)

    def _facts(self, case: Case) -> int:
        scan = case.scan
        known = 0
        if scan.temperature_c is not None and scan.temperature_c >= self._warm_from:
            known |= facts.WARM
        if scan.symptoms:
            known |= facts.SYMPTOMS
        if scan.vehicle is not None:
            known |= facts.VEHICLE | facts.PASS if scan.vehicle.pass_id else facts.VEHICLE
        if scan.rail is not None:
            known |= facts.RAIL
        if scan.purpose in self._purposes:
            known |= facts.PURPOSE
        if case.origin_code is None:
            known |= facts.LOST
        if case.location.status not in facts.PLACED:
            known |= facts.UNPLACED
        return known | self._facts_of_places(case)

    def _facts_of_places(self, case: Case) -> int:
        known, graded = 0, bool(case.snapshot.grades)
        grades = case.grades()
        for place in case.places():
            if place.area.startswith(self._listed):
                known |= facts.LISTED
            if graded and (row := grades[place.area]) is not None:
                known |= facts.GRADED[row.data.grade]
        if graded and self._asks_destination and (row := case.destination_grade()) is not None:
            known |= facts.DESTINATION[row.data.grade]
        return known

    def _applying(self, known: int, there: str, here: str) -> Iterable[Compiled]:
        """Of every rule and branch the row of the longest scope; of equally long ones that of the destination."""
        best: dict[tuple[str, str | None], tuple[int, bool, int]] = {}
        for at, rule in enumerate(self._rules):
            scope = rule.data.scope or ""
            if there.startswith(scope) or here.startswith(scope):
                name = (rule.data.rule, rule.data.branch)
                best[name] = max(best.get(name, (-1, False, -1)), (len(scope), there.startswith(scope), at))
        chosen = sorted(at for _, _, at in best.values())
        return (self._rules[at] for at in chosen if not self._rules[at].needs & ~known)


def _in_order(rules: list[Compiled]) -> list[Compiled]:
    """Rules by the order of their first branch; the branches of a rule stay together, in their own order."""
    first: dict[str, int] = {}
    for rule in rules:
        first[rule.name] = min(rule.data.order, first.get(rule.name, rule.data.order))
    return sorted(rules, key=lambda r: (first[r.name], r.name, r.data.order, r.data.branch or "", r.data.scope or ""))


class RuleBook:
    """All rules of a table over all time; each stretch is compiled when a case first falls into it."""

    def __init__(self, table: DatedTable[RuleData]) -> None:
        self._table = table
        self._edges = sorted(table.edges())
        self._stretches: dict[int, InForce] = {}

    def at(self, at: datetime) -> InForce:
        """The rules in force at an instant."""
        stretch = bisect_right(self._edges, at)
        found = self._stretches.get(stretch)
        if found is None:
            rows = (self._table.at(key, at) for key in self._table.keys())
            found = self._stretches[stretch] = InForce(row for row in rows if row is not None)
        return found


@lru_cache(maxsize=8)
def rule_book(table: DatedTable[RuleData]) -> RuleBook:
    """The book over the topic's rules (those shipped with the program lie beneath them)."""
    return RuleBook(rules_above_shipped(table))
