"""A duty as the API tells it to somebody: state, deadlines, offer, observation, and what he may do now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from reference.snapshot import Snapshot
from schemas.base import format_instant
from serving.access import TRACING, Principal
from serving.duties.duty import CaseContact, Declined, Duty, HealthAlert, Observation
from serving.duties.half_days import ends_at, missed, reports
from serving.duties.rights import ALLOWED, Part, parts
from serving.names import place_name

_ACTS = (
    "acknowledge",
    "accept",
    "decline",
    "register",
    "observe",
    "temperature",
    "transfer",
    "withdraw",
    "release",
    "note",
    "undo",
)


def told_duty(duty: Duty, who: Principal, snapshot: Snapshot, now: datetime) -> dict[str, Any]:
    """The present state for the one who asks."""
    offer, found = duty.offer, parts(who, duty, now)
    return {
        "event_id": duty.event_id,
        "version": duty.version,
        "state": duty.state,
        **_unit("unit", duty.unit, snapshot),
        "since": format_instant(duty.since),
        "due_at": _instant(duty.due_at),
        "overdue": duty.late(now),
        **_unit("escalated_to", duty.escalated_to, snapshot),
        "offer": {**_unit("to", offer.to, snapshot), "expires_at": format_instant(offer.expires_at)} if offer else None,
        "declined": _declined(duty.declined, snapshot) if duty.declined else None,
        "observation": _observation(duty.observation, duty.since, now) if duty.observation else None,
        "health": _health(duty.health) if duty.health else None,
        "tasks": [_task(contact, who) for contact in duty.contacts],
        "proxy": duty.proxy,
        **_unit("rerouted_to", duty.rerouted_to, snapshot),
        "released_as": duty.released_as,
        "risk": duty.risk,
        "decision": duty.decision,
        "changed_at": format_instant(duty.changed_at),
        "changed_by": duty.changed_by,
        "undo_until": _instant(duty.undo.until) if duty.undo and "author" in found else None,
        "actions": possible(duty, found),
    }


def possible(duty: Duty, found: Iterable[Part]) -> list[str]:
    """What somebody may do in the present state, in the order of a page's buttons."""
    found = frozenset(found)
    allowed = {act for part in found for act in ALLOWED[part]}
    fitting = {"note"} | ({"undo"} if "author" in found else set())
    if "holder" in found:
        fitting |= _BY_STATE[duty.state] | ({"acknowledge"} if duty.owed else set())
        fitting |= ({"withdraw"} if duty.offer else {"transfer"}) if duty.open else set()
        fitting -= {"decline"} if duty.offer else set()
    if "offered" in found:
        fitting |= {"accept", "decline"}
    if "health" in found and duty.health is not None and duty.health.seen_at is None:
        fitting.add("acknowledge")
    return [act for act in _ACTS if act in fitting & allowed]


_BY_STATE: Mapping[str, frozenset[str]] = {
    "pending": frozenset(("decline",)),
    "acknowledged": frozenset(("register", "decline", "release")),
    "registered": frozenset(("observe", "decline", "release")),
    "observing": frozenset(("temperature", "observe", "release")),
    "released": frozenset(),
}


def _declined(declined: Declined, snapshot: Snapshot) -> dict[str, Any]:
    return {**_unit("by", declined.by, snapshot), "reason": declined.reason, "at": format_instant(declined.at)}


def _observation(observation: Observation, since: datetime, now: datetime) -> dict[str, Any]:
    return {
        "from_day": observation.from_day.isoformat(),
        "until_day": observation.until_day.isoformat(),
        "over": now >= ends_at(observation),
        "reports": reports(observation),
        "missed": missed(observation, since, now),
        "report_due_at": format_instant(observation.report_due_at),
    }


def _health(alert: HealthAlert) -> dict[str, Any]:
    told = alert.model_dump(mode="json", exclude={"at", "seen_at"})
    return told | {"at": format_instant(alert.at), "seen_at": _instant(alert.seen_at)}


def _task(contact: CaseContact, who: Principal) -> dict[str, Any]:
    """Why the person is to be isolated and tested. Which case it is, only desks that trace are told."""
    told = contact.model_dump(mode="json", exclude=set() if who.role in TRACING else {"case"})
    return told | {"at": format_instant(contact.at), "seen_at": _instant(contact.seen_at)}


def _unit(name: str, code: str | None, snapshot: Snapshot) -> dict[str, Any]:
    return {name: code, f"{name}_name": place_name(snapshot, code) if code else None}


def _instant(at: datetime | None) -> str | None:
    return format_instant(at) if at else None
