"""Names with one wrong, missing, added or misplaced character: when such a slip is put right, when it is another name. Pure."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from enum import IntEnum

from reference.characters import Characters
from reference.name_table import Codes, Table

#: A name of one character is never put right: every other would be one slip away (假县 is not 睢县).
SHORTEST, LONGEST = 2, 9
#: What tells one village from its neighbour; never taken for a slip.
_TELLING = frozenset("东西南北前后大小新老旧中上下内外一二三四五六七八九十")
#: What the names of villages end with; another of them makes another village: 王窑 is not 王庄.
VILLAGE_LAST = frozenset("庄楼集庙寨营堂屯洼寺坊阁桥园店窑湾口岗元林井沟铺")


class Slip(IntEnum):
    """The kinds of slip, most believable first.

    `CLOSE`: another character of the same sound, or one written twice. `ALIKE`: one that looks alike, or two that changed places.
    An `UNLIKE` character counts only when no other name is as near. `OTHER` is no slip: what was said is, or may well
    be, a name of its own.
    """

    CLOSE = 0
    ALIKE = 1
    UNLIKE = 2
    OTHER = 3


SCORES = {Slip.CLOSE: 0.9, Slip.ALIKE: 0.85, Slip.UNLIKE: 0.7}


@dataclass(frozen=True, slots=True)
class Nearest:
    """The codes of the most believable kind of slip."""

    slip: Slip
    codes: Codes


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Knows the characters, the names that exist in the city, and the characters many names begin with."""

    characters: Characters
    existing: Container[str]
    first: Container[str]

    def nearest(self, said: str, table: Table, around: Container[str]) -> Nearest | None:
        """The places of a table whose names are one slip away from what was said; `around` are the names that exist near by."""
        if not SHORTEST <= len(said) <= LONGEST:
            return None
        if said in table.official:
            return Nearest(Slip.CLOSE, table.names[said])
        if not table.may_be_near(said):
            return None
        judged = self._judged(said, table, said in around)
        if not judged:
            return None
        best = min(judged.values())
        meant = [name for name, slip in judged.items() if slip <= max(best, Slip.ALIKE) or best >= Slip.UNLIKE]
        return Nearest(best, tuple(code for name in meant for code in table.names[name]))

    def _judged(self, said: str, table: Table, near_by: bool) -> dict[str, Slip]:
        """Every name one slip away with the kind of slip; of a name that may be reached in two ways the last counts."""
        known = near_by or said in self.existing
        judged: dict[str, Slip] = {}
        for name, at in table.longer_or_shorter(said):
            judged[name] = Slip.OTHER if known else self._length(said, name, at)
        for name, at in table.replaced(said):
            judged[name] = Slip.OTHER if near_by else self._replaced(said, name, at, known)
        for name in table.moved(said):
            judged[name] = Slip.OTHER if known else Slip.ALIKE
        return judged

    def _replaced(self, said: str, name: str, at: int, known: bool) -> Slip:
        """The kind of slip that put one character for another."""
        wrong, right = said[at], name[at]
        if self.characters.same_sound(wrong, right):
            return Slip.CLOSE
        if known or (wrong in _TELLING and right in _TELLING):
            return Slip.OTHER
        if self.characters.same_shape(wrong, right):
            return Slip.ALIKE
        other = wrong in self.first if at == 0 else at == len(said) - 1 and wrong in VILLAGE_LAST and right in VILLAGE_LAST
        return Slip.OTHER if other else Slip.UNLIKE

    @staticmethod
    def _length(said: str, name: str, at: int) -> Slip:
        """The kind of slip that left a character out or put one in, in the longer of the two at a place."""
        longer, shorter = (said, name) if len(said) > len(name) else (name, said)
        if longer[at] in longer[max(0, at - 1) : at] + longer[at + 1 : at + 2]:
            return Slip.CLOSE
        unsure = longer is said and at == 0 and len(name) <= SHORTEST
        return Slip.OTHER if unsure or longer[at] in _TELLING or len(shorter) < SHORTEST else Slip.UNLIKE
