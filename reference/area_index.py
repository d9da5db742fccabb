"""Finds provinces, cities and counties in texts and follows them from the larger to the smaller. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from os.path import commonprefix

import ahocorasick

from reference.address_words import is_marked
from reference.area_names import BEGIN_ROAD, KNOWN_SHORT, WORDS, full_names, is_road, short_names
from reference.characters import Characters
from reference.normalise import make_normaliser


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    """A name in the automaton. `codes` are all areas that bear it, `alone` those it means where no larger area is named.

    `full` names say what they are (武汉市), short ones do not (武汉). `inside` are names of places in it that begin like a
    road or
    a house: 民权花园 is 花园乡 in 民权县, 永城花园 is not in 永城市.
    """

    text: str
    codes: tuple[str, ...]
    alone: tuple[str, ...]
    full: bool
    kind: str = "area"
    inside: tuple[str, ...] = ()


@dataclass(slots=True)
class Chain:
    """A run of areas each inside the one before: `codes` are those the last name may mean, `top` the length of the
    first one's codes; `again` is where the last name of the run ends that only repeats it, 0 where none does; `behind`
    is the larger area it stands right behind without lying in it.
    """

    start: int
    end: int
    codes: tuple[str, ...]
    full: bool
    top: int
    again: int = 0
    behind: Chain | None = None

    @property
    def code(self) -> str:
        """What all codes of the chain have in common, down to a level that exists."""
        return self.codes[0] if len(self.codes) == 1 else common_area(self.codes)


class AreaIndex:
    """The names of the areas of China down to the county."""

    def __init__(self, areas: Mapping[str, str], characters: Characters) -> None:
        self._normalise = make_normaliser(characters.simplified)
        self.names = tuple(area_keys(areas))
        self._automaton = automaton(self.names)

    def find(self, text: str) -> str | None:
        """The deepest area a text names, without guessing; see `Gazetteer.find_area`."""
        return self.find_normalised(self._normalise(text))

    def find_normalised(self, clean: str) -> str | None:
        """The same of a text already normalised."""
        chains = read_chains(hits(self._automaton, clean), clean)
        return (common_area([chain.code for chain in chains]) or None) if chains else None


def area_keys(areas: Mapping[str, str]) -> Iterator[Name]:
    """Every full and short name with all codes it may mean."""
    full: dict[str, list[str]] = {}
    short: dict[str, list[str]] = {}
    for code, name in areas.items():
        for text in full_names(code, name):
            full.setdefault(text, []).append(code)
        for text in short_names(code, name):
            short.setdefault(text, []).append(code)
    for text, codes in full.items():
        yield Name(text, tuple(codes), tuple(codes), True)
    for text, codes in short.items():
        if text not in full:
            yield Name(text, tuple(codes), _alone(text, codes, areas), False)


def _alone(text: str, codes: list[str], areas: Mapping[str, str]) -> tuple[str, ...]:
    """A province's name wins over a city's, a city's over a county's; a county's must be the only one, a district's
    well known.
    """
    highest = min(map(len, codes))
    best = tuple(code for code in codes if len(code) == highest)
    if highest < len("411426"):
        return best
    known = text in KNOWN_SHORT or (text not in WORDS and not areas[best[0]].endswith("区"))
    return best if known and len(best) == 1 else ()


def automaton(names: Iterable[Name]) -> ahocorasick.Automaton:
    """The names ready for search."""
    made = ahocorasick.Automaton()
    for name in names:
        made.add_word(name.text, name)
    made.make_automaton()
    return made


def hits(machine: ahocorasick.Automaton, text: str) -> list[tuple[int, int, Name]]:
    """(start, end, name) of the leftmost longest names, without those that only name a road, a house or a village."""
    found, doubtful = [], False
    for last, name in machine.iter_long(text):
        end = last + 1
        found.append((end - len(name.text), end, name))
        if name.kind == "area" and text[end : end + 1] in BEGIN_ROAD and is_road(text, end, name.full):
            doubtful = True
    if not doubtful:
        return found
    return [hit for i, hit in enumerate(found) if not _names_a_road(text, hit, found[i + 1 : i + 2])]


def _names_a_road(text: str, hit: tuple[int, int, Name], following: list[tuple[int, int, Name]]) -> bool:
    """Whether a hit is the name of a road, a house or a village, rather than an area in front of a place that begins like one."""
    _, end, name = hit
    if name.kind != "area" or not is_road(text, end, name.full) or text.startswith(name.inside, end):
        return False
    return not (following and following[0][0] == end and following[0][2].kind == "township")


def read_chains(found: Iterable[tuple[int, int, Name]], text: str) -> list[Chain]:
    """The runs of areas in a text; a name inside the area before continues its run, another begins one.

    After a township a short name is part of a village's or a house's name: 河堤乡河南村.
    """
    chains: list[Chain] = []
    below = False
    for start, end, name in found:
        if name.kind != "area":
            below = True
            continue
        counts = name.full or not below or is_marked(text, start)
        if counts and not (chains and _continues(chains[-1], start, end, name, text)) and name.alone:
            chains.append(Chain(start, end, name.alone, name.full, len(name.alone[0])))
    return chains


def _continues(chain: Chain, start: int, end: int, name: Name, text: str) -> bool:
    """Whether a name belongs to the chain, which it then narrows. An area named again after words like 现住 begins another."""
    inner = _inside(name.codes, chain.codes)
    if inner and (name.full or name.alone or start == chain.end):
        chain.codes, chain.end, chain.full = inner, end, chain.full or name.full
        return True
    again = any(above.startswith(c) for c in name.codes for above in chain.codes)
    if not again or (start > chain.end and is_marked(text, start)):
        return False
    if name.full and start == chain.end:
        chain.end = end
    elif name.full or start == chain.again:
        chain.again = end
    return True


def _inside(codes: tuple[str, ...], areas: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the codes that lie below one of the areas."""
    if len(codes) == 1 and len(areas) == 1:
        return codes if codes[0].startswith(areas[0]) and codes != areas else ()
    return tuple(c for c in codes for above in areas if c.startswith(above) and c != above)


def common_area(codes: Iterable[str]) -> str:
    """The deepest area that holds all codes; empty when they are of different provinces."""
    shared = commonprefix(list(codes))  # noqa: RUF071 - codes, not paths: digit by digit is meant
    return shared[: max(n for n in (0, 2, 4, 6, 9, 12) if n <= len(shared))]
