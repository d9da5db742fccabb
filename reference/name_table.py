"""The names of one area: the longest that stands in a text, and those one slip away from what was written. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Codes = tuple[str, ...]
#: Stands for the one character in which two names differ.
_ANY = "?"


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The names of one area with the codes they may mean; `official` are the names to measure a slip against."""

    names: Mapping[str, Codes]
    official: frozenset[str]
    #: First character -> the lengths of the names that begin with it, the longest first.
    lengths: Mapping[str, tuple[int, ...]]
    #: A name with one character masked, and with one left out, -> the official names it may stand for.
    masked: Mapping[str, tuple[str, ...]] = field(repr=False)
    shorter: Mapping[str, tuple[str, ...]] = field(repr=False)
    #: The first and second characters of the official names: what is near one of them begins with one of these or has it second.
    heads: frozenset[str] = field(repr=False)
    #: The official names, whole and with one character left out: two names are near only if they share one of these.
    forms: frozenset[str] = field(repr=False)

    def longest(self, text: str, at: int) -> tuple[Codes, int]:
        """The codes and the end of the longest name that stands at a position; no codes where none does."""
        names = self.names
        for length in self.lengths.get(text[at : at + 1], ()):
            said = text[at : at + length]
            if said in names:
                return names[said], at + len(said)
        return (), at

    def may_be_near(self, said: str) -> bool:
        """Whether a name of two characters or more can be near an official one at all; most of what people write is not."""
        if said[0] not in self.heads and said[1] not in self.heads:
            return False
        return said in self.forms or not self.forms.isdisjoint([said[:at] + said[at + 1 :] for at in range(len(said))])

    def replaced(self, said: str) -> list[tuple[str, int]]:
        """The official names with another character in one place, and the place."""
        masked = self.masked
        return [
            (name, at) for at in range(len(said)) for name in masked.get(f"{said[:at]}{_ANY}{said[at + 1 :]}", ()) if name != said
        ]

    def moved(self, said: str) -> list[str]:
        """The official names of which two neighbouring characters changed places."""
        swapped = [f"{said[:at]}{said[at + 1]}{said[at]}{said[at + 2 :]}" for at in range(len(said) - 1)]
        return [name for name in swapped if name in self.official and name != said]

    def longer_or_shorter(self, said: str) -> list[tuple[str, int]]:
        """The official names with a character more or less, and the first place where the longer of the two may have it."""
        fewer = [(said[:at] + said[at + 1 :], at) for at in range(len(said)) if at == 0 or said[at] != said[at - 1]]
        more = [(name, _first_difference(name, said)) for name in self.shorter.get(said, ())]
        return more + [(name, at) for name, at in fewer if name in self.official]


def _first_difference(longer: str, shorter: str) -> int:
    return next((i for i, char in enumerate(shorter) if longer[i] != char), len(shorter))


def make_table(names: Mapping[str, Codes], official: Iterable[str]) -> Table:
    """The table of some names, of which the official ones are found by slips too."""
    stems = dict.fromkeys(official)
    masked: dict[str, tuple[str, ...]] = {}
    shorter: dict[str, tuple[str, ...]] = {}
    for stem in stems:
        for at in range(len(stem)):
            hidden, short = f"{stem[:at]}{_ANY}{stem[at + 1 :]}", stem[:at] + stem[at + 1 :]
            masked[hidden] = (*masked.get(hidden, ()), stem)
            if stem not in shorter.get(short, ()):
                shorter[short] = (*shorter.get(short, ()), stem)
    heads = frozenset(char for stem in stems for char in stem[:2])
    return Table(names, frozenset(stems), _lengths(names), masked, shorter, heads, frozenset((*stems, *shorter)))


def _lengths(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    sizes: dict[str, set[int]] = {}
    for name in names:
        sizes.setdefault(name[0], set()).add(len(name))
    return {first: tuple(sorted(found, reverse=True)) for first, found in sizes.items()}


EMPTY = make_table({}, ())
