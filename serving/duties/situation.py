"""What a step is told about the world: the time, the terms in force, and which units there are. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from reference.snapshot import CITY, Snapshot
from schemas.arrival import Risk
from schemas.base import LOCAL
from schemas.duty_terms import DutyTermsData
from serving.access import HEALTH
from serving.names import unit_exists

DEFAULT_TERMS = DutyTermsData(kind="duty-terms", area=CITY)
_COUNTY_DIGITS = 6
#: What a unit has at least when it is told late.
_LEAST = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Situation:
    """`now` is local time to the millisecond; `terms` are those of a unit, `parent` the unit above (None above the city).

    `standing` is the unit that answers for one that may have ended, `ended` those that did; who is below one ended with it.
    """

    now: datetime
    terms: Callable[[str], DutyTermsData]
    parent: Callable[[str], str | None]
    may_hold: Callable[[str], bool]
    standing: Callable[[str], str]
    ended: Callable[[], tuple[str, ...]]


def situation(snapshot: Snapshot, now: datetime) -> Situation:
    """The situation under a reference snapshot. Whether a unit may hold duties: it exists, stands, and is no health desk."""
    at = now.astimezone(LOCAL)
    moment = at.replace(microsecond=at.microsecond // 1000 * 1000)
    return Situation(
        moment,
        lambda unit: terms_of(snapshot, unit, moment),
        snapshot.parent,
        lambda unit: unit_exists(snapshot, unit) and not unit.endswith(HEALTH) and snapshot.standing(unit, moment) == unit,
        lambda unit: snapshot.standing(unit, moment),
        lambda: snapshot.ended(moment),
    )


def terms_of(snapshot: Snapshot, unit: str, at: datetime) -> DutyTermsData:
    """The terms for a unit at an instant: its county's row, else the city's, else the shipped ones."""
    rows = (snapshot.duty_terms.at(area, at) for area in (unit[:_COUNTY_DIGITS], CITY))
    return next((row.data for row in rows if row is not None), DEFAULT_TERMS)


def acknowledge_by(risk: Risk, since: datetime, terms: DutyTermsData) -> tuple[datetime | None, datetime]:
    """When to remind (None: no time for it) and until when a unit that has an arrival since `since` must acknowledge it."""
    due = _due(risk, since, terms)
    return _reminder(due, since, terms), due


def first_acknowledge_by(
    risk: Risk, received: datetime, seen: datetime, terms: DutyTermsData
) -> tuple[datetime | None, datetime]:
    """The same for the unit an arrival is assigned to first: the time runs from its receipt, not from when the desk saw it.

    A desk that was away must not make everybody late at once. So whoever is told late still has half of the time he would have
    had, and a quarter of an hour at least; which also spreads what comes due after it is back. Nobody has more than for an
    arrival received at this moment. A gateway's clock that is ahead gives nobody more time.
    """
    received = min(received.astimezone(LOCAL), seen)
    due = _due(risk, received, terms)
    left = max(timedelta(seconds=int((due - received).total_seconds()) // 2), _LEAST)
    due = max(due, min(seen + left, _due(risk, seen, terms)))
    return _reminder(due, seen, terms), due


def _due(risk: Risk, since: datetime, terms: DutyTermsData) -> datetime:
    minutes = {"high": terms.high_minutes, "medium": terms.medium_minutes}.get(risk)
    return since + timedelta(minutes=minutes) if minutes else midnight_after(since.date())


def _reminder(due: datetime, told: datetime, terms: DutyTermsData) -> datetime | None:
    remind = due - timedelta(minutes=terms.remind_minutes)
    return remind if remind > told else None


def midnight_after(day: date) -> datetime:
    """24:00 of a local day."""
    return datetime.combine(day, time(), LOCAL) + timedelta(days=1)
