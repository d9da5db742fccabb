"""What happens to duties by itself: arrivals come in or are decided anew, offers lapse, deadlines pass, units end. Pure.

A decision made anew moves a duty only while nobody has touched it. Afterwards the unit that has it keeps it, sees where the new
decision would send it, and transfers it if that is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.arrival import Arrival
from schemas.unit_action import Happening
from serving.duties.changes import DESK, Change, advanced
from serving.duties.duty import Duty, Facts
from serving.duties.handing_over import handed_over
from serving.duties.observing import OBSERVED
from serving.duties.situation import Situation, acknowledge_by, first_acknowledge_by

_RISKS = ("low", "unknown", "medium", "high")


def take_in(duty: Duty | None, arrival: Arrival, now: Situation) -> Change | None:
    """What a version of an arrival changes: a new duty, new facts, or nothing when it is not newer than what is known."""
    facts = facts_of(arrival)
    if duty is None:
        return _assigned(arrival.event_id, facts, now)
    if facts.revision <= duty.facts.revision:
        return None
    if not duty.open:
        return _of_a_released(duty, facts, now)
    if facts.decision == "turn_back" and not duty.touched:
        return _happened("redecided", duty, now, facts=facts, state="released", released_as="turned_back", **_QUIET)
    if facts.routed_unit not in (duty.facts.routed_unit, duty.unit):
        if not duty.touched:
            moved = duty.model_copy(update={"facts": facts})
            return _happened("rerouted", duty, now, facts=facts, **handed_over(moved, facts.routed_unit, now))
        told = {"other_unit": facts.routed_unit}
        return _happened("redecided", duty, now, told, facts=facts, rerouted_to=facts.routed_unit, **_sooner(duty, facts, now))
    return _happened("redecided", duty, now, facts=facts, **_sooner(duty, facts, now))


def facts_of(arrival: Arrival) -> Facts:
    """What a duty keeps of an arrival."""
    days = [found for finding in arrival.findings if isinstance(found := finding.evidence.get("observe_days"), int)]
    return Facts(
        revision=arrival.revision,
        routed_unit=arrival.unit,
        risk=arrival.risk,
        decision=arrival.decision,
        received_at=arrival.received_at,
        arrived_on=arrival.arrived_on,
        site_id=arrival.site_id,
        site_county=arrival.site_county,
        person_key=arrival.person.key,
        party_id=arrival.party_id,
        key_id=arrival.sealed.key_id,
        observe_days=max(days, default=None),
    )


def ticks(duty: Duty, now: Situation) -> Iterator[Change]:
    """Everything that is due to happen by itself, one change after the other."""
    at = duty.next_tick()
    while at is not None and at <= now.now:
        change = _tick(duty, now)
        yield change
        duty = change.after
        at = duty.next_tick()


def _tick(duty: Duty, now: Situation) -> Change:
    if duty.offer is not None and duty.offer.expires_at <= now.now:
        return _happened("offer_expired", duty, now, {"other_unit": duty.offer.to}, offer=None)
    if duty.due_at is not None and duty.due_at <= now.now:
        above = now.parent(duty.unit)
        told = {"other_unit": above} if above else {}
        return _happened("escalated", duty, now, told, remind_at=None, escalated_at=now.now, escalated_to=above)
    return _happened("reminded", duty, now, remind_at=None)


def inherited(duty: Duty, now: Situation) -> Change | None:
    """An open duty of a unit that ended goes to the unit that answers for it now; None for every other.

    The heir takes it in the state it is in, so that an observation goes on. What was still to be acknowledged is the heir's to
    acknowledge, with a time of its own; an offer of the unit that ended is withdrawn.
    """
    heir = now.standing(duty.unit)
    if not duty.open or heir == duty.unit:
        return None
    fresh = handed_over(duty, heir, now) | ({} if duty.owed else {"remind_at": None, "due_at": None})
    return _happened("inherited", duty, now, rerouted_to=None, **fresh)


def _assigned(event_id: str, facts: Facts, now: Situation) -> Change:
    remind, due = first_acknowledge_by(facts.risk, facts.received_at, now.now, now.terms(facts.routed_unit))
    turned_back = facts.decision == "turn_back"
    duty = Duty(
        event_id=event_id,
        version=1,
        unit=facts.routed_unit,
        state="released" if turned_back else "pending",
        since=now.now,
        facts=facts,
        remind_at=None if turned_back else remind,
        due_at=None if turned_back else due,
        released_as="turned_back" if turned_back else None,
        changed_at=now.now,
        changed_by=DESK,
    )
    return Change("assigned", duty, None)


def _of_a_released(duty: Duty, facts: Facts, now: Situation) -> Change:
    """A released duty comes back when it was let go without an observation and the new decision asks for one."""
    asked = facts.decision in OBSERVED or (duty.released_as == "turned_back" and facts.decision != "turn_back")
    if duty.released_as not in ("turned_back", "not_required") or not asked:
        return _happened("redecided", duty, now, facts=facts)
    moved = duty.model_copy(update={"facts": facts})
    unit = duty.unit if duty.touched else facts.routed_unit
    fresh = handed_over(moved, unit, now)
    return _happened("reopened", duty, now, facts=facts, **fresh, state="pending", released_as=None, observation=None)


def _sooner(duty: Duty, facts: Facts, now: Situation) -> dict[str, Any]:
    """A graver risk brings the deadline forward; a lighter one leaves it."""
    graver = _RISKS.index(facts.risk) > _RISKS.index(duty.risk)
    if duty.due_at is None or duty.escalated_at is not None or not graver:
        return {}
    remind, due = acknowledge_by(facts.risk, now.now, now.terms(duty.unit))
    return {"remind_at": remind, "due_at": due} if due < duty.due_at else {}


def _happened(action: Happening, duty: Duty, now: Situation, details: dict[str, Any] | None = None, **changes: Any) -> Change:
    return Change(action, advanced(duty, DESK, now.now, **changes), duty, details=details or {})


#: What a duty that ended by itself no longer waits for.
_QUIET: dict[str, Any] = {"remind_at": None, "due_at": None, "escalated_at": None, "escalated_to": None, "offer": None}
