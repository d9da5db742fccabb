"""Names with one wrong, missing or added character: when such a slip may be put right, and when it is another name. Pure."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from enum import IntEnum

from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import extract

from reference.characters import Characters, Likeness
from reference.places import Codes, Table

#: A name of one character is never put right: every other would be one slip away (假县 is not 睢县).
SHORTEST, LONGEST = 2, 9
#: What tells one village from its neighbour; never taken for a slip.
_TELLING = frozenset("东西南北前后大小新老旧中上下内外一二三四五六七八九十")


class Slip(IntEnum):
    """The kinds of slip, most believable first. `OTHER` is no slip: the name is one that places really bear."""

    SAME_SOUND = 0
    NEAR_SOUND = 1
    SIMILAR_SHAPE = 2
    UNLIKE = 3
    LENGTH = 4
    OTHER = 5


SCORES = {Slip.SAME_SOUND: 0.9, Slip.NEAR_SOUND: 0.85, Slip.SIMILAR_SHAPE: 0.85, Slip.UNLIKE: 0.7, Slip.LENGTH: 0.7}


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

    def nearest(self, said: str, table: Table) -> Nearest | None:
        """The places of a table whose names are one slip away from what was said."""
        if not SHORTEST <= len(said) <= LONGEST:
            return None
        close = extract(said, table.official, scorer=Levenshtein.distance, score_cutoff=1, limit=None)
        if not close:
            return None
        judged = [(self.slip(said, name), name) for name, _, _ in close]
        best = min(slip for slip, _ in judged)
        return Nearest(best, tuple(code for slip, name in judged if slip == best for code in table.names[name]))

    def slip(self, said: str, name: str) -> Slip:
        """The kind of slip that makes `said` of `name`, one edit apart."""
        if said == name:
            return Slip.SAME_SOUND
        if len(said) != len(name):
            return self._length(said, name)
        at = next(i for i, (a, b) in enumerate(zip(said, name, strict=True)) if a != b)
        likeness = self.characters.likeness(said[at], name[at])
        if likeness is Likeness.SAME_SOUND:
            return Slip.SAME_SOUND
        telling = said[at] in _TELLING and name[at] in _TELLING
        if telling or said in self.existing or (likeness is Likeness.UNLIKE and at == 0 and said[0] in self.first):
            return Slip.OTHER
        return Slip(likeness.value)

    def _length(self, said: str, name: str) -> Slip:
        longer, shorter = (said, name) if len(said) > len(name) else (name, said)
        at = next((i for i, (a, b) in enumerate(zip(longer, shorter, strict=False)) if a != b), len(shorter))
        unsure = at == 0 or longer[at] in _TELLING or said in self.existing or len(shorter) < SHORTEST
        return Slip.OTHER if unsure else Slip.LENGTH
