"""A contact of a case becomes a task of the unit that is accountable for the person now: isolate and test. Pure.

The task is put on one duty of the person: that of the journey while it is open, else the newest open one, else that of the
journey, reopened. It is acknowledged within the time for high risk, whatever the arrival's own risk; what is owed already is due
no later than before. A duty that is under way keeps its state: reports of an observation go on, and acknowledging the task
changes nothing else.

Which released duties are reopened:
- `not_required`: the person was let go without an observation, which is now asked for;
- `completed`, when the observation was over before the days in force had passed since the journey (14: MCA, 10 February 2020);
- none else. `hospital` and `deceased`: others have the person in hand. `left_city` and `turned_back`: nobody here can isolate
  him; the answer counts him, so that the desk informs the place he went to. `duplicate`: another duty stands for him.

Repeated for the same case it changes nothing, unless the tie has become a stronger one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from schemas.contact_rules import STRENGTHS, Strength
from schemas.reference_rows import Role
from serving.duties.changes import Change, advanced
from serving.duties.duty import CaseContact, CaseFinding, Duty
from serving.duties.handing_over import handed_over
from serving.duties.situation import Situation, acknowledge_by

#: `task`: the unit is told now; `known`: it was told before; `closed`: nothing to do here; `absent`: the desk has no duty yet.
Outcome = Literal["task", "known", "closed", "absent"]


@dataclass(frozen=True, slots=True)
class TraceOrder:
    """A desk's order: of which case, what is known of it, and how close somebody must have travelled to be a task."""

    case: str
    finding: CaseFinding
    strengths: tuple[Strength, ...]


@dataclass(frozen=True, slots=True)
class Tied:
    """Somebody who travelled with a case: the arrival that shows it, the person's key, and the task it makes."""

    event_id: str
    person_key: str
    contact: CaseContact


@dataclass(frozen=True, slots=True)
class Traced:
    """What became of one tie: the duty that has the task, or would have had it; None where the desk has none of the person."""

    tied: Tied
    outcome: Outcome
    duty: Duty | None


def trace(
    duties: Sequence[Duty], event_id: str, contact: CaseContact, role: Role, now: Situation
) -> tuple[Outcome, Duty | None, Change | None]:
    """What a tie makes of all duties of one person, `event_id` being the journey's: the outcome, the duty, and the change."""
    told = next((duty for duty in duties if _told(duty, contact)), None)
    if told is not None:
        return "known", told, None
    own = next((duty for duty in duties if duty.event_id == event_id), None)
    if own is None or not own.open:
        own = max((duty for duty in duties if duty.open), key=lambda duty: duty.facts.received_at, default=own)
    if own is None:
        return "absent", None, None
    if not own.open and not reopens(own, now):
        return "closed", own, None
    return "task", own, _traced(own, contact, role, now)


def reopens(duty: Duty, now: Situation) -> bool:
    """Whether a released duty is reopened for a contact of a case."""
    observation = duty.observation
    if duty.released_as == "completed" and observation is not None:
        return (observation.until_day - duty.facts.arrived_on).days + 1 < now.terms(duty.unit).observe_days
    return duty.released_as == "not_required"


def _told(duty: Duty, contact: CaseContact) -> bool:
    rank = STRENGTHS.index
    return any(one.case == contact.case and rank(one.strength) <= rank(contact.strength) for one in duty.contacts)


def _traced(duty: Duty, contact: CaseContact, role: Role, now: Situation) -> Change:
    contacts = (*(one for one in duty.contacts if one.case != contact.case), contact)
    changes = _owed(duty.model_copy(update={"contacts": contacts}), duty, now)
    return Change(
        "traced",
        advanced(duty, contact.by, now.now, contacts=contacts, **changes),
        duty,
        role=role,
        details={"reason": f"{contact.strength}_contact"},
        proof={"case": contact.case, "finding": contact.finding, "rule": contact.rule, "rule_row": contact.rule_row},
    )


def _owed(asked: Duty, before: Duty, now: Situation) -> dict[str, Any]:
    """The state and the deadline of a duty with a new task."""
    if not before.open:
        fresh = handed_over(asked, before.unit, now)
        return fresh | {"state": "pending", "released_as": None, "observation": None}
    remind, due = acknowledge_by("high", now.now, now.terms(before.unit))
    if before.owed and before.due_at is not None and before.due_at <= due:
        return {}
    return {"remind_at": remind, "due_at": due}
