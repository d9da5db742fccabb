"""Units below the village (natural villages, compounds, buildings) by the names people write. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ahocorasick

from reference.resolution import CITY, Reading

_SHORTEST = 2
#: Without a township or county around it, a name shorter than this is borne by too many places.
_SHORTEST_ALONE = 3


@dataclass(frozen=True, slots=True)
class CustomUnit:
    """A unit of the `reference` topic: its code, the unit above it, its name and other names."""

    unit: str
    parent: str
    name: str
    aliases: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The village, township or county it lies in."""
        return self.parent.partition("-")[0]


class CustomUnits:
    """All custom units, findable in a normalised text."""

    def __init__(self, units: Sequence[CustomUnit], normalise: Callable[[str], str]) -> None:
        named: dict[str, list[CustomUnit]] = {}
        for unit in units:
            for name in {normalise(name) for name in (unit.name, *unit.aliases)}:
                if len(name) >= _SHORTEST:
                    named.setdefault(name, []).append(unit)
        self._automaton = ahocorasick.Automaton()
        for name, bearers in named.items():
            self._automaton.add_word(name, (name, tuple(bearers)))
        if named:
            self._automaton.make_automaton()
        self._any = bool(named)

    def refine(self, reading: Reading, clean: str) -> Reading:
        """The reading led down to the custom unit the text names, where exactly one fits what was read."""
        if not self._any or reading.status == "outside" or reading.mismatch == "two_addresses":
            return reading
        fitting = {u.unit: u for _, (name, units) in self._automaton.iter_long(clean) for u in units if _fits(u, name, reading)}
        if len(fitting) > 1:
            return reading if reading.candidates else reading._replace(candidates=tuple(fitting))
        for unit in fitting.values():
            method = f"{reading.method}+custom" if reading.method != "none" else "custom"
            score = max(reading.score, 0.8) if reading.status in ("ok", "county_only") else 0.7
            return Reading("ok", unit.place, score, method, (), None, None, unit.unit)
        return reading


def _fits(unit: CustomUnit, name: str, reading: Reading) -> bool:
    """Whether the unit lies inside the place read, or inside one of the places it may be."""
    if reading.code is None or reading.code == CITY:
        within = reading.candidates
        return any(unit.place.startswith(c) for c in within) if within else len(name) >= _SHORTEST_ALONE
    if reading.status == "ambiguous":
        return any(unit.place.startswith(c) or c.startswith(unit.place) for c in reading.candidates)
    return unit.place.startswith(reading.code)
