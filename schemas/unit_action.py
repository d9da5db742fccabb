"""What units do with their arrivals: one event per change of a duty, on the topic `unit-actions`.

`(event_id, duty_version)` names a change; an event published twice is the same change. Notes travel as a mark only: their text
stays sealed at the desk.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from schemas.arrival import Decision, Risk
from schemas.base import Day, EventId, Identifier, Instant, Tolerant, UnitCode
from schemas.reference_rows import Role
from schemas.scan import Symptom

#: 待签收 → 已签收 → 已登记 → 观察中 → 已解除.
DutyState = Literal["pending", "acknowledged", "registered", "observing", "released"]
STATES: tuple[DutyState, ...] = ("pending", "acknowledged", "registered", "observing", "released")
#: What people do.
Act = Literal[
    "acknowledge",
    "decline",
    "transfer",
    "withdraw",
    "accept",
    "register",
    "observe",
    "temperature",
    "release",
    "note",
    "undo",
]
#: What happens by itself (a new arrival, a decision made anew, a deadline, a unit that ended), and `traced`: a desk found
#: that the person travelled with a case.
Happening = Literal[
    "assigned",
    "rerouted",
    "redecided",
    "reopened",
    "reminded",
    "escalated",
    "offer_expired",
    "inherited",
    "traced",
]
DeclineReason = Literal["not_here", "wrong_address", "other_unit", "unreachable", "duplicate", "other"]
ReleaseReason = Literal["completed", "not_required", "left_city", "hospital", "duplicate", "deceased", "turned_back"]
#: How close the person travelled to a case; which case it is stays at the desk.
TraceReason = Literal["close_contact", "general_contact", "weak_contact"]


class UnitAction(Tolerant):
    """One change of one duty, version 1; key of the record is the arrival's event id."""

    version: Literal[1]
    event_id: EventId
    duty_version: int
    action: Act | Happening
    #: Subject and role of the credential; `desk` and no role for what happens by itself.
    actor: Identifier
    role: Role | None = None
    recorded_at: Instant
    #: The accountable unit after the change, and before it where the change moved the duty.
    unit: UnitCode
    unit_before: UnitCode | None = None
    state: DutyState
    state_before: DutyState | None = None
    revision: int
    risk: Risk
    decision: Decision
    reason: DeclineReason | ReleaseReason | TraceReason | None = None
    has_note: bool = False
    #: The unit a transfer is offered to, an escalation goes to, or a new decision names.
    other_unit: UnitCode | None = None
    due_at: Instant | None = None
    observed_until: Day | None = None
    temperature_c: float | None = None
    measured_at: Instant | None = None
    symptoms: Annotated[tuple[Symptom, ...], Field(strict=False)] = ()
    #: What an `undo` took back.
    undone: Act | None = None
    #: The line of the audit trail that proves this change, and its hash; none for what happens by itself.
    trail_line: int | None = None
    trail_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


UNIT_ACTION: TypeAdapter[UnitAction] = TypeAdapter(UnitAction)
