"""Who has to report in this half-day, by the phone that answers for them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from serving.duties.duty import Duty
from serving.duties.half_days import reported_until


@dataclass(frozen=True, slots=True)
class Household:
    """The arrival whose phone answers, the people it answers for, and those of them whose report of this half-day is missing."""

    answers: str
    members: tuple[Duty, ...]
    missing: tuple[Duty, ...]

    @property
    def place(self) -> str:
        """Where it stands among the others, those that still have to report first; a cursor of pages."""
        return f"{int(not self.missing)}.{self.answers}"


def households(duties: Iterable[Duty], now: datetime) -> list[Household]:
    """The people under observation by household, those that still have to report first."""
    grouped: dict[str, list[Duty]] = {}
    for duty in duties:
        if duty.state == "observing":
            grouped.setdefault(duty.proxy or duty.event_id, []).append(duty)
    made = [Household(head, tuple(them), tuple(d for d in them if not reported(d, now))) for head, them in grouped.items()]
    return sorted(made, key=lambda household: household.place)


def reported(duty: Duty, now: datetime) -> bool:
    """Whether there is a report of the present half-day."""
    until = reported_until(duty.observation) if duty.observation else None
    return until is not None and now < until
