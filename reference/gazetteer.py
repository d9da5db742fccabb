"""The areas of China and all places of Shangqiu by code, in one edition of the National Bureau of Statistics. Immutable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

from reference.area_index import AreaIndex
from reference.characters import Characters, read_characters

Level = Literal["province", "city", "county", "township", "village"]
LEVELS: Mapping[int, Level] = MappingProxyType({2: "province", 4: "city", 6: "county", 9: "township", 12: "village"})
SHANGQIU = "4114"
_LENGTHS = (12, 9, 6, 4, 2)


@dataclass(frozen=True, slots=True)
class Area:
    """A place of the edition: a code of 2, 4, 6, 9 or 12 digits, the official name, the level."""

    code: str
    name: str
    level: Level


@dataclass(frozen=True, eq=False)
class Gazetteer:
    """All areas by code. `later` holds (code of this edition, name in a later one); a county's code where nothing
    closer is certain.
    """

    edition: str
    areas: Mapping[str, Area]
    later: tuple[tuple[str, str], ...]
    characters: Characters

    def get(self, code: str) -> Area | None:
        """The area, or None."""
        return self.areas.get(code)

    def known(self, code: str) -> bool:
        """Whether the edition has this code."""
        return code in self.areas

    def area_name(self, code: str) -> str | None:
        """The official name."""
        area = self.areas.get(code)
        return area.name if area else None

    def longest_prefix(self, code: str) -> str | None:
        """The deepest known area a code lies in, itself included: `411426999999` -> `411426`."""
        return next((code[:n] for n in _LENGTHS if n <= len(code) and code[:n] in self.areas), None)

    def parent(self, code: str) -> str | None:
        """The next area above; a county that no city stands above has its province."""
        return next((code[:n] for n in _LENGTHS if n < len(code) and code[:n] in self.areas), None)

    def children(self, code: str) -> tuple[Area, ...]:
        """The areas directly below, ascending by code."""
        return self._children.get(code, ())

    def chain(self, code: str) -> tuple[Area, ...]:
        """The area and all above it, province first; empty for an unknown code."""
        return tuple(self.areas[code[:n]] for n in reversed(_LENGTHS) if n <= len(code) and code[:n] in self.areas)

    def county_of(self, code: str) -> str | None:
        """The county a place lies in."""
        return code[:6] if code[:6] in self.areas and len(code) >= len("411426") else None

    def is_shangqiu(self, code: str) -> bool:
        """Whether a place lies in the city."""
        return code.startswith(SHANGQIU)

    def full_name(self, code: str) -> str:
        """The names from the province down, as an official address reads."""
        return "".join(area.name for area in self.chain(code))

    def below(self, code: str, level: Level) -> Iterator[Area]:
        """All areas of a level inside an area, ascending by code."""
        return (area for area in self.areas.values() if area.level == level and area.code.startswith(code))

    def find_area(self, text: str) -> str | None:
        """The deepest province, city or county a text names: `浙江温州` -> `3303`.

        A name that several areas bear is never guessed; of two places the area that holds both counts, if any.
        """
        return self.index.find(text)

    @cached_property
    def index(self) -> AreaIndex:
        """The names of all areas down to the county, ready to be found in texts."""
        national = (a for a in self.areas.values() if a.level in ("province", "city", "county"))
        return AreaIndex({a.code: a.name for a in national}, self.characters)

    @cached_property
    def _children(self) -> Mapping[str, tuple[Area, ...]]:
        found: dict[str, list[Area]] = {}
        for code, area in self.areas.items():
            above = self.parent(code)
            if above is not None:
                found.setdefault(above, []).append(area)
        return {code: tuple(areas) for code, areas in found.items()}


def load_gazetteer() -> Gazetteer:
    """Reads the data files of the package (about 30 ms)."""
    edition, national = _read("areas.tsv")
    _, local = _read("shangqiu.tsv")
    _, later = _read("later.tsv")
    areas = {code: Area(code, name, LEVELS[len(code)]) for code, name in sorted([*national, *local])}
    lines = _lines("characters.tsv")
    return Gazetteer(edition, MappingProxyType(areas), tuple(later), read_characters(lines))


def _read(name: str) -> tuple[str, list[tuple[str, str]]]:
    """The edition of a file and its rows."""
    edition, rows = "", []
    for line in _lines(name):
        if line.startswith("#"):
            key, _, value = line[1:].partition(":")
            edition = value.strip() if key.strip() == "edition" else edition
        else:
            code, _, value = line.partition("\t")
            rows.append((code, value))
    return edition, rows


def _lines(name: str) -> Iterable[str]:
    return files("reference").joinpath("data", name).read_text("utf-8").splitlines()
