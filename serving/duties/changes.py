"""A change of a duty, what makes one impossible, and the event it becomes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from schemas.arrival import Alert
from schemas.errors import Refused
from schemas.reference_rows import Role
from schemas.unit_action import Act, Happening, UnitAction
from serving.duties.duty import Duty

#: Who changes what changes by itself.
DESK = "desk"
FEVER_RULE = "observation-fever"


class Conflict(Refused):
    """The duty is not in a state for this; `duty` is what it is now, so that the caller can look and decide anew (409)."""

    def __init__(self, code: str, message: str, duty: Duty) -> None:
        super().__init__(code, message, 409)
        self.duty = duty


@dataclass(frozen=True, slots=True)
class Change:
    """One step from `before` (None for a new duty) to `after`.

    `details` are fields of the event, `proof` what only the audit trail says beside them, `note` the text to seal.
    """

    action: Act | Happening
    after: Duty
    before: Duty | None
    role: Role | None = None
    note: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    proof: dict[str, Any] = field(default_factory=dict)


def advanced(duty: Duty, by: str, now: datetime, **changes: Any) -> Duty:
    """The next version of a duty with fields changed. What came before can no longer be taken back."""
    fresh = {"version": duty.version + 1, "changed_at": now, "changed_by": by, "undo": None, "request_id": None}
    return duty.model_copy(update=fresh | changes)


def event_of(change: Change, line: int | None = None, line_hash: str | None = None) -> UnitAction:
    """The event of a change; `line` and `line_hash` are those of the audit trail."""
    after, before = change.after, change.before
    moved = before is not None and before.unit != after.unit
    return UnitAction(
        version=1,
        event_id=after.event_id,
        duty_version=after.version,
        action=change.action,
        actor=after.changed_by,
        role=change.role,
        recorded_at=after.changed_at,
        unit=after.unit,
        unit_before=before.unit if before and moved else None,
        state=after.state,
        state_before=before.state if before and before.state != after.state else None,
        revision=after.facts.revision,
        risk=after.risk,
        decision=after.decision,
        has_note=change.note is not None,
        due_at=after.due_at,
        observed_until=after.observation.until_day if after.observation else None,
        trail_line=line,
        trail_hash=line_hash,
        **change.details,
    )


def alert_of(change: Change) -> Alert | None:
    """The alert a change raises for the health desk, if it does; its id follows from arrival, day and half-day of the report."""
    health, before = change.after.health, change.before
    if change.action != "temperature" or health is None or (before is not None and before.health == health):
        return None
    duty = change.after
    return Alert(
        version=1,
        alert_id=f"{duty.event_id}.{FEVER_RULE}.{health.at:%Y%m%dT%H%M}",
        event_id=duty.event_id,
        revision=duty.facts.revision,
        rule=FEVER_RULE,
        rule_version=1,
        unit=duty.unit,
        county_code=duty.county,
        risk="high",
        decision="refer",
        site_id=duty.facts.site_id,
        occurred_at=health.at,
        recorded_at=duty.changed_at,
        temperature_c=health.temperature_c,
    )
