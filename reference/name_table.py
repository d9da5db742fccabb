"""The names of one area: the longest that stands in a text, and those one slip away from what was written. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

Codes = tuple[str, ...]
#: Stands for the one character in which two names differ.
_ANY = "?"


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The names of one area with the codes they may mean; `official` are the names to measure a slip against."""

    names: Mapping[str, Codes]
    official: frozenset[str]
    lengths: tuple[int, ...]
    #: Name with one character masked, and name with one character left out, -> the official names it may stand for.
    masked: Mapping[str, Codes] = field(repr=False)
    shorter: Mapping[str, Codes] = field(repr=False)

    def longest(self, text: str, at: int) -> tuple[Codes, int]:
        """The codes and the end of the longest name that stands at a position; no codes where none does."""
        names = self.names
        for length in self.lengths:
            said = text[at : at + length]
            if said in names:
                return names[said], at + len(said)
        return (), at

    def replaced(self, said: str) -> Iterator[tuple[str, int]]:
        """The official names with another character in one place, and the place."""
        for at in range(len(said)):
            for name in self.masked.get(f"{said[:at]}{_ANY}{said[at + 1 :]}", ()):
                if name != said:
                    yield name, at

    def moved(self, said: str) -> Iterator[str]:
        """The official names of which two neighbouring characters changed places."""
        for at in range(len(said) - 1):
            name = f"{said[:at]}{said[at + 1]}{said[at]}{said[at + 2 :]}"
            if name != said and name in self.official:
                yield name

    def longer_or_shorter(self, said: str) -> Iterator[tuple[str, int]]:
        """The official names with a character more or less, and where the longer of the two has it (the first such place)."""
        for name in self.shorter.get(said, ()):
            yield name, _first_difference(name, said)
        for at in range(len(said)):
            name = said[:at] + said[at + 1 :]
            if name in self.official and (at == 0 or said[at] != said[at - 1]):
                yield name, at


def _first_difference(longer: str, shorter: str) -> int:
    return next((i for i, char in enumerate(shorter) if longer[i] != char), len(shorter))


def make_table(names: Mapping[str, Codes], official: Iterable[str]) -> Table:
    """The table of some names, of which the official ones are found by slips too."""
    stems = dict.fromkeys(official)
    masked: dict[str, Codes] = {}
    shorter: dict[str, Codes] = {}
    for stem in stems:
        for at in range(len(stem)):
            hidden, short = f"{stem[:at]}{_ANY}{stem[at + 1 :]}", stem[:at] + stem[at + 1 :]
            masked[hidden] = (*masked.get(hidden, ()), stem)
            if stem not in shorter.get(short, ()):
                shorter[short] = (*shorter.get(short, ()), stem)
    sizes = tuple(sorted({len(name) for name in names}, reverse=True))
    return Table(names, frozenset(stems), sizes, masked, shorter)


EMPTY = make_table({}, ())
