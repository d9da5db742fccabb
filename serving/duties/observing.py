"""The acts of registering, observing, reporting and releasing. Pure.

A fever (from 37.3 °C) or a symptom alerts the health desk at once, and nobody is released before that desk has looked.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from schemas.errors import Refused
from serving.duties import commands as c
from serving.duties.changes import Change, Conflict, advanced
from serving.duties.duty import Duty, HealthAlert
from serving.duties.half_days import MOST_HALF_DAYS, begin, ends_at, half_day, report
from serving.duties.rights import Part
from serving.duties.situation import Situation

#: A report may be entered so long after it was measured: phones are off line for a night.
_LATE = timedelta(hours=24)
_AHEAD = timedelta(minutes=5)
#: Decisions after which a person is not let go without an observation.
OBSERVED = frozenset({"observe", "isolate", "refer"})


def register(duty: Duty, command: c.Register, _: frozenset[Part], now: Situation) -> Change:
    """The person was found; later, in any open state, it changes who answers for the household."""
    if duty.state in ("pending", "released"):
        raise Conflict("not_acknowledged" if duty.open else "released", "Acknowledge it first.", duty)
    if duty.state != "acknowledged" and command.proxy == duty.proxy:
        raise Conflict("already_registered", "This was registered before.", duty)
    if command.proxy == duty.event_id:
        raise Refused("proxy_invalid", "Nobody answers for himself by another's phone.", 400)
    state = "registered" if duty.state == "acknowledged" else duty.state
    return _changed("register", duty, now, {}, state=state, proxy=command.proxy)


def observe(duty: Duty, command: c.Observe, _: frozenset[Part], now: Situation) -> Change:
    """Begins the observation of a registered person, or extends a running one."""
    if duty.state == "observing":
        return _extend(duty, command, now)
    if duty.state != "registered":
        raise Conflict("not_registered", "Register the person first.", duty)
    today = now.now.date()
    from_day = command.from_day or today
    if not max(duty.facts.arrived_on, today - timedelta(days=14)) <= from_day <= today:
        raise Refused("from_day_invalid", "An observation begins between the day of arrival and today.", 400)
    days = command.days or duty.facts.observe_days or now.terms(duty.unit).observe_days
    return _changed("observe", duty, now, {}, state="observing", observation=begin(from_day, days, now.now))


def _extend(duty: Duty, command: c.Observe, now: Situation) -> Change:
    observation = duty.observation
    assert observation is not None  # noqa: S101
    until: date = observation.from_day + timedelta(days=(command.days or 0) - 1)
    if until <= observation.until_day:
        raise Conflict("not_longer", "The observation lasts as long already.", duty)
    return _changed("observe", duty, now, {}, observation=observation.model_copy(update={"until_day": until}))


def temperature(duty: Duty, command: c.Temperature, _: frozenset[Part], now: Situation) -> Change:
    """A report. Its half-day is that of the measuring; what is late or twice in a half-day is kept and counts once."""
    observation = duty.observation
    if duty.state != "observing" or observation is None:
        raise Conflict("not_observing", "The person is not under observation.", duty)
    at = command.measured_at or now.now
    number = half_day(observation.from_day, at)
    if not now.now - _LATE <= at <= now.now + _AHEAD or not 0 <= number < MOST_HALF_DAYS:
        raise Refused("measured_at_invalid", "A report is of the last 24 hours and of the observation.", 400)
    details = {"temperature_c": command.temperature_c, "measured_at": at, "symptoms": command.symptoms}
    return _changed("temperature", duty, now, details, observation=report(observation, at), health=_alert(duty, command, now))


def _alert(duty: Duty, command: c.Temperature, now: Situation) -> HealthAlert | None:
    fever = command.temperature_c >= now.terms(duty.unit).fever_c
    if not fever and not command.symptoms:
        return duty.health
    return HealthAlert(
        reason="fever" if fever else "symptom",
        at=command.measured_at or now.now,
        temperature_c=command.temperature_c,
        symptoms=command.symptoms,
    )


def release(duty: Duty, command: c.Release, _: frozenset[Part], now: Situation) -> Change:
    """Ends the duty, for a reason that fits."""
    if duty.owed or not duty.open:
        raise Conflict("not_acknowledged" if duty.open else "released", "It is not in a state to be released.", duty)
    if duty.health is not None and duty.health.seen_at is None:
        raise Conflict("health_alert_open", "The health desk has not looked at the alert yet.", duty)
    observation = duty.observation
    if command.reason == "completed" and (observation is None or now.now < ends_at(observation)):
        raise Conflict("observation_not_over", "The observation is not over yet.", duty)
    if command.reason == "turned_back" and duty.facts.decision != "turn_back":
        raise Conflict("not_turned_back", "The person was not turned back.", duty)
    if command.reason == "not_required" and duty.decision in OBSERVED:
        raise Conflict("observation_required", "This person has to be observed.", duty)
    gone: dict[str, Any] = {"offer": None, "released_as": command.reason}
    return _changed("release", duty, now, {"reason": command.reason}, state="released", **gone)


def _changed(action: Any, duty: Duty, now: Situation, details: dict[str, Any], **changes: Any) -> Change:
    return Change(action, advanced(duty, duty.changed_by, now.now, **changes), duty, details=details)
