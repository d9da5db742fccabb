"""Assess: let every rule speak, then take the highest risk and the strongest decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.arrival import Decision, Risk
from streams.case import Case, Spoken
from streams.rules import RULES

_RISK = {"low": 0, "unknown": 1, "medium": 2, "high": 3}
_DECISION = {"admit": 0, "register": 1, "observe": 2, "turn_back": 3, "isolate": 4, "refer": 5}


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
    said = [spoken for _, rule in RULES if (spoken := rule(case)) is not None]
    if not said:
        return _QUIET
    decisive = strongest(said)
    risk = max((s.risk for s in said), key=_RISK.__getitem__)
    return Assessment(risk, decisive.decision, decisive.rule, tuple(said))


def strongest(said: Sequence[Spoken]) -> Spoken:
    """The one whose decision weighs most; of equals the first that spoke. `said` is not empty."""
    return max(said, key=lambda spoken: _DECISION[spoken.decision])
