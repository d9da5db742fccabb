"""What somebody is to a duty, and what that allows. Who is nothing to it is told that it does not exist. Pure.

The unit that has the arrival acts; so do its county desk and its township, which answer for it. A unit it is offered to may
accept or turn it down. The unit an overdue duty was escalated to looks on. The health desk sees what is its business.
Administrators see everything and act on nothing. Whoever acted last may take it back for a moment, even if the duty is no
longer his.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from serving.access import EVERYTHING, Principal, may_view
from serving.duties.duty import Duty

Part = Literal["holder", "offered", "health", "above", "author", "administrator"]
#: Which acts each part allows.
ALLOWED: dict[Part, frozenset[str]] = {
    "holder": frozenset(
        ("acknowledge", "decline", "transfer", "withdraw", "register", "observe", "temperature", "release", "note", "undo")
    ),
    "offered": frozenset(("accept", "decline", "note", "undo")),
    "health": frozenset(("acknowledge", "note", "undo")),
    "above": frozenset(("note", "undo")),
    "author": frozenset(("undo",)),
    "administrator": frozenset(),
}
#: Roles that hold duties for their units.
_HOLDING = frozenset({"unit", "county"})


def parts(who: Principal, duty: Duty, at: datetime) -> frozenset[Part]:
    """Everything the caller is to the duty at a moment; empty for strangers."""
    found: set[Part] = set()
    if duty.undo is not None and duty.undo.by == who.subject and at <= duty.undo.until:
        found.add("author")
    if who.role in _HOLDING:
        if may_view(who, duty.unit):
            found.add("holder")
        if duty.offer and may_view(who, duty.offer.to):
            found.add("offered")
        if duty.escalated_to and may_view(who, duty.escalated_to):
            found.add("above")
    elif who.role == "health_desk" and health_business(duty):
        areas = {EVERYTHING, duty.county, duty.facts.site_county}
        if who.scope in areas:
            found.add("health")
    elif who.role == "administrator" and who.scope == EVERYTHING:
        found.add("administrator")
    return frozenset(found)


def health_business(duty: Duty) -> bool:
    """Whether the health desk sees the duty: high risk, or an alert during the observation."""
    return duty.health is not None or duty.risk == "high"


def allows(found: frozenset[Part], act: str) -> bool:
    """Whether any of the parts allows the act."""
    return any(act in ALLOWED[part] for part in found)
