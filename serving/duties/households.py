"""Who has to report in this half-day, by the phone that answers for them; a page of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from serving.duties.duty import Duty
from serving.duties.half_days import half_day


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


def page(found: Sequence[Household], after: str | None, limit: int) -> tuple[list[Household], str | None]:
    """The next households after a place, and the place to go on from when there are more."""
    left = [household for household in found if after is None or household.place > after]
    return left[:limit], left[limit - 1].place if len(left) > limit else None


def reported(duty: Duty, now: datetime) -> bool:
    """Whether there is a report of the present half-day."""
    observation = duty.observation
    return observation is not None and bool(observation.reported >> max(0, half_day(observation.from_day, now)) & 1)
