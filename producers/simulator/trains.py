"""The sample day's timetable from `trains.json`. Stations are real; numbers, times and stops are plausible simulation parameters.

`pair` is the number the same train bears on another part of its way (odd and even); an overnight train left on the day before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from random import Random


@dataclass(frozen=True, slots=True)
class Train:
    """One arrival at one station; `arrives_second` counts from local midnight."""

    number: str
    pair: str
    site_id: str
    arrives_second: int
    overnight: bool
    sleeper: bool
    stops: frozenset[str]

    def service_date(self, day: date) -> date:
        """The day the train left its first station."""
        return day - timedelta(days=1) if self.overnight else day

    def draw_number(self, rng: Random) -> str:
        """The number on a passenger's ticket: of the part of the way where they boarded, sometimes with 次."""
        number = self.pair if rng.random() < 0.15 else self.number
        return number + "次" if rng.random() < 0.02 else number

    def draw_seats(self, rng: Random, people: int) -> tuple[str, list[str]]:
        """A coach and seats next to each other for a group, or berths of one compartment."""
        coach = f"{rng.randint(1, 16 if not self.sleeper else 18):02d}"
        row = rng.randint(1, 18)
        if self.sleeper and int(coach) >= _FIRST_SLEEPER:
            return coach, [f"{row:02d}{_BERTHS[i % 3]}" for i in range(people)]
        if not self.number.startswith(("G", "D")):
            return coach, [f"{(row - 1) * 6 + i + 1:03d}" for i in range(people)]
        return coach, [f"{row:02d}{_SEATS[i % 5]}" for i in range(people)]


_FIRST_SLEEPER = 9
_BERTHS = "下中上"
_SEATS = "ABCDF"


def load_trains() -> tuple[Train, ...]:
    """All arrivals of the day in order of time."""
    rows = json.loads(files("producers.simulator").joinpath("trains.json").read_text("utf-8"))
    return tuple(
        Train(
            r["train"],
            r["pair"],
            r["site"],
            int(r["arrives"][:2]) * 3600 + int(r["arrives"][3:]) * 60,
            r["overnight"],
            r["sleeper"],
            frozenset(r["stops"]),
        )
        for r in rows
    )
