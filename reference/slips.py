"""Names with one wrong, missing or added character: when such a slip may be put right, and when it is another name. Pure."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from enum import IntEnum

from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import extract

from reference.characters import Characters
from reference.places import Codes, Table

#: A name of one character is never put right: every other would be one slip away (假县 is not 睢县).
SHORTEST, LONGEST = 2, 9
#: What tells one village from its neighbour; never taken for a slip.
_TELLING = frozenset("东西南北前后大小新老旧中上下内外一二三四五六七八九十")


class Slip(IntEnum):
    """The kinds of slip, most believable first.

    The first two decide between several names one edit away; an `UNLIKE` character counts only when no other name is
    as near. `OTHER`
    is no slip: what was said is, or may well be, a name of its own.
    """

    SAME_SOUND = 0
    SAME_SHAPE = 1
    UNLIKE = 2
    OTHER = 3


SCORES = {Slip.SAME_SOUND: 0.9, Slip.SAME_SHAPE: 0.85, Slip.UNLIKE: 0.7}


@dataclass(frozen=True, slots=True)
class Nearest:
    """The codes of the most believable kind of slip."""

    slip: Slip
    codes: Codes


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Knows the characters, the names that exist in the city, and the characters names begin with."""

    characters: Characters
    existing: Container[str]
    first: Container[str]

    def nearest(self, said: str, table: Table, around: Container[str]) -> Nearest | None:
        """The places of a table whose names are one slip away from what was said; `around` are the names that exist near by."""
        if not SHORTEST <= len(said) <= LONGEST:
            return None
        close = extract(said, table.official, scorer=Levenshtein.distance, score_cutoff=1, limit=None)
        if not close:
            return None
        judged = [(self._slip(said, name, around), name) for name, _, _ in close]
        best = min(slip for slip, _ in judged)
        meant = [name for slip, name in judged if slip == best or best >= Slip.UNLIKE]
        return Nearest(best, tuple(code for name in meant for code in table.names[name]))

    def _slip(self, said: str, name: str, around: Container[str]) -> Slip:
        """The kind of slip that makes `said` of `name`, at most one edit apart."""
        if said == name:
            return Slip.SAME_SOUND
        if said in around:
            return Slip.OTHER
        if len(said) != len(name):
            return self._length(said, name)
        at = next(i for i, (a, b) in enumerate(zip(said, name, strict=True)) if a != b)
        if self.characters.same_sound(said[at], name[at]):
            return Slip.SAME_SOUND
        telling = said[at] in _TELLING and name[at] in _TELLING
        if telling or said in self.existing:
            return Slip.OTHER
        if self.characters.same_shape(said[at], name[at]):
            return Slip.SAME_SHAPE
        return Slip.OTHER if at == 0 and said[0] in self.first else Slip.UNLIKE

    def _length(self, said: str, name: str) -> Slip:
        longer, shorter = (said, name) if len(said) > len(name) else (name, said)
        at = next((i for i, (a, b) in enumerate(zip(longer, shorter, strict=False)) if a != b), len(shorter))
        unsure = at == 0 or longer[at] in _TELLING or said in self.existing or len(shorter) < SHORTEST
        return Slip.OTHER if unsure else Slip.UNLIKE
