"""What people do with a duty: every act, what it needs, and what it makes of the duty. Pure.

Of two who act on the same version one wins; the other gets Conflict with the present state. A request that comes again is not
done again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from schemas.errors import Refused
from schemas.unit_action import Act
from serving.access import Principal
from serving.duties import commands as c
from serving.duties import observing
from serving.duties.changes import Change, Conflict, advanced
from serving.duties.duty import CaseContact, Declined, Duty, Offer, Undo
from serving.duties.handing_over import handed_over
from serving.duties.rights import Part, allows, parts
from serving.duties.situation import Situation

#: For so long whoever did something may take it back.
UNDO_SECONDS = 10


def act(duty: Duty, command: c.Command, who: Principal, now: Situation) -> Change | None:
    """The change a command makes; None when this very request was done already.

    Raises Refused 404 for strangers, 403 for what the caller may not do, Conflict (409) where the state does not allow it.
    """
    if command.request_id is not None and command.request_id == duty.request_id and duty.changed_by == who.subject:
        return None
    found = parts(who, duty, now.now)
    if not found:
        raise Refused("not_found", "There is nothing here.", 404)
    if command.version != duty.version:
        raise Conflict("version_passed", "Somebody else was faster; look at the present state.", duty)
    if not allows(found, command.action):
        raise Refused("action_not_allowed", "This access code may not do this with the arrival.", 403)
    if command.action == "undo" and "author" not in found:
        raise Conflict("nothing_to_undo", "There is nothing of yours to take back any more.", duty)
    change = _ACTS[type(command)](duty, command, found, now)
    return _signed(change, command, who, now)


def _signed(change: Change, command: c.Command, who: Principal, now: Situation) -> Change:
    """The change in the name of who made it, with what takes it back."""
    duty = change.before
    assert duty is not None  # noqa: S101
    updates: dict[str, Any] = {"changed_by": who.subject, "request_id": command.request_id}
    if command.action != "undo":
        updates["touched"] = True
    if command.action not in ("undo", "note"):
        until = now.now + timedelta(seconds=UNDO_SECONDS)
        before = duty.model_copy(update={"undo": None})
        updates["undo"] = Undo(act=command.action, by=who.subject, until=until, before=before)
    note = getattr(command, "note", None)
    return replace(change, after=change.after.model_copy(update=updates), role=who.role, note=note)


def _changed(action: Act, duty: Duty, now: Situation, details: dict[str, Any] | None = None, **changes: Any) -> Change:
    return Change(action, advanced(duty, duty.changed_by, now.now, **changes), duty, details=details or {})


def _acknowledge(duty: Duty, _: Any, found: frozenset[Part], now: Situation) -> Change:
    if "health" in found:
        if duty.health is None or duty.health.seen_at is not None:
            raise Conflict("nothing_to_acknowledge", "There is no alert that was not looked at.", duty)
        return _changed("acknowledge", duty, now, health=duty.health.model_copy(update={"seen_at": now.now}))
    if not duty.owed:
        raise Conflict("already_acknowledged", "This was acknowledged before.", duty)
    state = "acknowledged" if duty.state == "pending" else duty.state
    return _changed("acknowledge", duty, now, state=state, contacts=_seen(duty, now), **_SETTLED)


def _seen(duty: Duty, now: Situation) -> tuple[CaseContact, ...]:
    """The tasks of a duty once the unit has acknowledged them."""
    return tuple(one if one.seen_at else one.model_copy(update={"seen_at": now.now}) for one in duty.contacts)


def _decline(duty: Duty, command: c.Decline, found: frozenset[Part], now: Situation) -> Change:
    details = {"reason": command.reason}
    if duty.offer is not None:
        if "offered" not in found:
            raise Conflict("offer_open", "It is offered to another unit; withdraw the offer first.", duty)
        return _changed("decline", duty, now, details | {"other_unit": duty.offer.to}, offer=None)
    if duty.state not in ("pending", "acknowledged", "registered"):
        raise Conflict("too_late_to_decline", "It is under observation or released; transfer it instead.", duty)
    desk = duty.county if duty.unit != duty.county else now.parent(duty.unit)
    if desk is None:
        raise Conflict("nobody_above", "The city's desk has nobody to give it back to.", duty)
    back = Declined(by=duty.unit, reason=command.reason, at=now.now)
    given = handed_over(duty, desk, now) | {"declined": back, "state": "pending", "rerouted_to": None}
    return _changed("decline", duty, now, details, **given)


def _transfer(duty: Duty, command: c.Transfer, _: Any, now: Situation) -> Change:
    if not duty.open:
        raise Conflict("released", "The duty has ended.", duty)
    if duty.offer is not None:
        raise Conflict("offer_open", "It is offered already; withdraw the offer first.", duty)
    if command.to == duty.unit or not now.may_hold(command.to):
        raise Refused("unit_unknown", "There is no such unit to give it to.", 400)
    expires = now.now + timedelta(minutes=now.terms(command.to).offer_minutes)
    offer = Offer(to=command.to, by=duty.unit, at=now.now, expires_at=expires)
    return _changed("transfer", duty, now, {"other_unit": command.to}, offer=offer)


def _withdraw(duty: Duty, _: Any, __: Any, now: Situation) -> Change:
    offer = _standing_offer(duty, now)
    return _changed("withdraw", duty, now, {"other_unit": offer.to}, offer=None)


def _accept(duty: Duty, _: Any, __: Any, now: Situation) -> Change:
    offer = _standing_offer(duty, now)
    state = "observing" if duty.state == "observing" else "acknowledged"
    taken = handed_over(duty, offer.to, now) | {"contacts": _seen(duty, now)} | _SETTLED
    return _changed("accept", duty, now, **taken, state=state, proxy=None, rerouted_to=None)


def _standing_offer(duty: Duty, now: Situation) -> Offer:
    if duty.offer is None or duty.offer.expires_at <= now.now:
        raise Conflict("no_offer", "There is no offer, or it has lapsed.", duty)
    return duty.offer


def _note(duty: Duty, _: Any, __: Any, now: Situation) -> Change:
    return _changed("note", duty, now)


def _undo(duty: Duty, _: Any, __: Any, now: Situation) -> Change:
    """What was before, under a new version. The deadlines of before are those of before: nothing is won by undoing."""
    undo = duty.undo
    assert undo is not None  # noqa: S101
    back = advanced(undo.before, duty.changed_by, now.now, version=duty.version + 1)
    return Change("undo", back, duty, details={"undone": undo.act})


#: What no longer runs once the unit has acknowledged.
_SETTLED: dict[str, Any] = {"remind_at": None, "due_at": None, "escalated_at": None, "escalated_to": None}
_ACTS: dict[type[Any], Callable[[Duty, Any, frozenset[Part], Situation], Change]] = {
    c.Acknowledge: _acknowledge,
    c.Decline: _decline,
    c.Transfer: _transfer,
    c.Withdraw: _withdraw,
    c.Accept: _accept,
    c.Register: observing.register,
    c.Observe: observing.observe,
    c.Temperature: observing.temperature,
    c.Release: observing.release,
    c.Remark: _note,
    c.TakeBack: _undo,
}
