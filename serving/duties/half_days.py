"""The schedule of an observation: two reports a day in local time, one of each half-day counts. Pure.

Half-days are numbered from the first morning; an observation of 14 days has 28 of them and ends at 24:00 of the last day.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from schemas.base import LOCAL
from serving.duties.duty import Observation

_NOON = 12
#: Reports fit into a signed 64-bit integer, with days to spare for a release that is late.
MOST_DAYS = 28
MOST_HALF_DAYS = 62


def half_day(from_day: date, at: datetime) -> int:
    """The number of the half-day an instant falls into; negative before the first day."""
    local = at.astimezone(LOCAL)
    return 2 * (local.date() - from_day).days + (local.hour >= _NOON)


def end_of(from_day: date, number: int) -> datetime:
    """When a half-day ends: noon, or 24:00."""
    day, afternoon = divmod(number, 2)
    return datetime.combine(from_day, time(), LOCAL) + timedelta(days=day, hours=24 if afternoon else 12)


def begin(from_day: date, days: int, now: datetime) -> Observation:
    """An observation of so many days. The first report is due by the end of the half-day after the one in which it begins."""
    due = end_of(from_day, half_day(from_day, now) + 1)
    return Observation(from_day=from_day, until_day=from_day + timedelta(days=days - 1), report_due_at=due)


def ends_at(observation: Observation) -> datetime:
    """The first instant after the observation."""
    return datetime.combine(observation.until_day, time(), LOCAL) + timedelta(days=1)


def report(observation: Observation, at: datetime) -> Observation:
    """The observation with a report for the half-day of `at`; a second one in the same half-day changes nothing."""
    number = half_day(observation.from_day, at)
    due = max(observation.report_due_at, end_of(observation.from_day, number + 1))
    return observation.model_copy(update={"reported": observation.reported | 1 << number, "report_due_at": due})


def reported_until(observation: Observation) -> datetime | None:
    """The end of the last half-day with a report: until then nothing is missing. None before the first."""
    last = observation.reported.bit_length() - 1
    return end_of(observation.from_day, last) if last >= 0 else None


def missed(observation: Observation, since: datetime, now: datetime) -> int:
    """Half-days that are over without a report, from the one after `since` on."""
    first, last = half_day(observation.from_day, since) + 1, half_day(observation.from_day, min(now, ends_at(observation)))
    return sum(not observation.reported >> number & 1 for number in range(first, last))


def reports(observation: Observation) -> int:
    """Half-days with a report."""
    return observation.reported.bit_count()
