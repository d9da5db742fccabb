"""The names of one area: the longest that stands in a text, and those one slip away from what was written. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

Codes = tuple[str, ...]


class Edit(IntEnum):
    """How what was written differs from a name."""

    REPLACED = 0
    MOVED = 1
    ADDED = 2
    LEFT_OUT = 3


class Near(NamedTuple):
    """A name one edit away; `at` is the first place of the edit in the longer of the two."""

    name: str
    edit: Edit
    at: int


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The names of one area with the codes they may mean; `official` are the names to measure a slip against.

    `forms` holds the official names by themselves and by each form that lacks one of their characters: two names are at most
    one edit apart only if they share a form.
    """

    names: Mapping[str, Codes]
    official: frozenset[str]
    lengths: tuple[int, ...]
    forms: Mapping[str, tuple[str, ...]] = field(repr=False)
    #: The first and second characters of the official names: what is near one of them begins with one of these or has it second.
    heads: frozenset[str] = field(repr=False)

    def longest(self, text: str, at: int) -> tuple[Codes, int]:
        """The codes and the end of the longest name that stands at a position; no codes where none does."""
        names = self.names
        for length in self.lengths:
            said = text[at : at + length]
            if said in names:
                return names[said], at + len(said)
        return (), at

    def near(self, said: str) -> list[Near]:
        """The official names one edit away from what was written, which has two characters at least."""
        if said[0] not in self.heads and said[1] not in self.heads:
            return []
        forms = self.forms
        shared = [forms[form] for form in _forms(said) if form in forms]
        if not shared:
            return []
        return [near for name in {name for names in shared for name in names} if (near := _near(said, name)) is not None]


def _forms(name: str) -> list[str]:
    return [name, *[name[:at] + name[at + 1 :] for at in range(len(name))]]


def _near(said: str, name: str) -> Near | None:
    """The one edit between two names that share a form; None where it takes two."""
    at, more = 0, len(said) - len(name)
    shorter = len(name) if more > 0 else len(said)
    while at < shorter and said[at] == name[at]:
        at += 1
    if more > 0:
        return Near(name, Edit.ADDED, at) if said[at + 1 :] == name[at:] else None
    if more < 0:
        return Near(name, Edit.LEFT_OUT, at) if said[at:] == name[at + 1 :] else None
    if said[at + 1 :] == name[at + 1 :]:
        return Near(name, Edit.REPLACED, at) if said != name else None
    swapped = said[at : at + 2] == name[at : at + 2][::-1] and said[at + 2 :] == name[at + 2 :]
    return Near(name, Edit.MOVED, at) if swapped else None


def make_table(names: Mapping[str, Codes], official: Iterable[str]) -> Table:
    """The table of some names, of which the official ones are found by slips too."""
    stems = dict.fromkeys(official)
    forms: dict[str, tuple[str, ...]] = {}
    for stem in stems:
        for form in dict.fromkeys(_forms(stem)):
            forms[form] = (*forms.get(form, ()), stem)
    sizes = tuple(sorted({len(name) for name in names}, reverse=True))
    return Table(names, frozenset(stems), sizes, forms, frozenset(char for stem in stems for char in stem[:2]))


EMPTY = make_table({}, ())
