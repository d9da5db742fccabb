"""Rules, pass types, passes and their uses as rows of the reference: what a measure asks, what it decides, who it exempts."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.arrival import DECISIONS, Decision, Risk
from schemas.base import AreaCode, EventId, Identifier, Instant, KeyedHash, ShortText, Text, Tolerant
from schemas.rule_conditions import Condition, PassShown, Purpose

PLACEHOLDER = re.compile(r"\{(\w+)\}")
#: Evidence every finding may carry, whatever its conditions are.
COMMON_EVIDENCE = frozenset({"observe_days"})
Rules = Annotated[tuple[Identifier, ...], Field(strict=False)]
Areas = Annotated[tuple[AreaCode, ...], Field(strict=False)]


class RuleData(Tolerant):
    """One rule from a date on. It speaks when all of its conditions hold, and says a risk and a decision.

    `branch` tells apart rows of one rule that say different things: of the branches that hold the first in `order` speaks.
    `scope` is the area of the site or the destination the row is made for; of one rule and branch the longest scope counts.
    The texts name evidence in braces: `来自{grade}地区 {area}`.

    A row without conditions is of the first form (`parameters` of a rule in code). It is kept, and has no effect.
    """

    kind: Literal["rule"]
    rule: Identifier
    rule_version: int
    branch: Identifier | None = None
    order: int = 1000
    scope: AreaCode | None = None
    conditions: Annotated[tuple[Condition, ...], Field(strict=False)] = ()
    risk: Risk = "low"
    decision: Decision = "register"
    #: Rules whose finding this one sets aside. Only a pass or a purpose exempts, never the mere absence of a reason.
    exempts: Rules = ()
    #: What remains of this rule's decision under an exemption; without it, at most `register`.
    exempt_decision: Decision | None = None
    observe_days: Annotated[int, Field(ge=1, le=60)] | None = None
    text_zh: Text = ""
    text_en: Text = ""
    source_zh: Text = ""
    source_en: Text = ""
    enabled: bool = True
    parameters: dict[str, str | int | float | bool] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.conditions:
            _check(self)
        return self


def _check(rule: RuleData) -> None:
    if not all((rule.text_zh, rule.text_en, rule.source_zh, rule.source_en)):
        raise PydanticCustomError("rule_texts", "a rule needs text_zh, text_en, source_zh and source_en")
    known = COMMON_EVIDENCE.union(*(condition.EVIDENCE for condition in rule.conditions))
    unknown = sorted(set(PLACEHOLDER.findall(rule.text_zh + rule.text_en)) - known)
    if unknown:
        raise PydanticCustomError("rule_placeholder", "the texts name evidence no condition gives: {names}", {"names": unknown})
    if rule.exempt_decision and DECISIONS.index(rule.exempt_decision) > DECISIONS.index(rule.decision):
        raise PydanticCustomError("rule_exempt_decision", "what remains under an exemption is stronger than the decision")
    if rule.exempts and not any(_gives_reason(condition) for condition in rule.conditions):
        raise PydanticCustomError("rule_exempts", "a rule that exempts needs a condition `pass` (valid only) or `purpose`")
    if rule.rule in rule.exempts:
        raise PydanticCustomError("rule_exempts_itself", "a rule cannot exempt from itself")


def _gives_reason(condition: Condition) -> bool:
    if isinstance(condition, PassShown):
        return condition.states == ("valid",)
    return isinstance(condition, Purpose)


def rule_key(rule: RuleData) -> str:
    """What rows of a rule supersede each other by: `area-grade/high@4113`."""
    return rule.rule + (f"/{rule.branch}" if rule.branch else "") + (f"@{rule.scope}" if rule.scope else "")


class PassTypeData(Tolerant):
    """A kind of passage permit: what it covers and what it exempts from (Henan order 1, 4 Feb 2020: A and B)."""

    kind: Literal["pass-type"]
    pass_type: Identifier
    name_zh: ShortText
    name_en: ShortText
    #: Whether a pass holds only with the plate it names.
    plate_bound: bool
    #: Trips one pass allows; without a number, any.
    trips: Annotated[int, Field(ge=1)] | None = None
    #: Scans of one plate within so many hours of a trip's first are that trip: several people, several checkpoints.
    trip_hours: Annotated[int, Field(ge=1, le=24 * 31)] = 24
    #: Days a pass holds from its own beginning; without a number, until its own end.
    valid_days: Annotated[int, Field(ge=1)] | None = None
    #: Areas of origin and destination it covers; empty: all.
    origins: Areas = ()
    destinations: Areas = ()
    exempts: Rules = ()
    source_zh: Text
    source_en: Text


class PassData(Tolerant):
    """A passage permit (Henan order 1, 4 Feb 2020: A across provinces bound to one vehicle, B inside the province)."""

    kind: Literal["pass"]
    pass_id: Identifier
    pass_type: Identifier
    vehicle_key: KeyedHash | None = None
    #: Overrides the trips of the type.
    trips: int | None = None


class PassUseData(Tolerant):
    """That a pass was shown at a site; a withdrawn row takes the use of its event back."""

    kind: Literal["pass-use"]
    pass_id: Identifier
    event_id: EventId
    site_id: Identifier
    at: Instant
    vehicle_key: KeyedHash | None = None
