"""How characters sound and look, so that a slip of the pen or of the keyboard can be told from another name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum


class Likeness(IntEnum):
    """How near two characters are, nearest first."""

    SAME_SOUND = 0
    NEAR_SOUND = 1
    SIMILAR_SHAPE = 2
    UNLIKE = 3


@dataclass(frozen=True, slots=True)
class Characters:
    """Of each common character its toneless sounds, its four-corner code and its parts; and the traditional forms by
    simplified.
    """

    sounds: Mapping[str, frozenset[str]]
    corners: Mapping[str, str]
    parts: Mapping[str, frozenset[str]]
    simplified: Mapping[str, str]

    def likeness(self, one: str, other: str) -> Likeness:
        """How near two characters are to each other: 庄 and 装 sound the same, 柘 and 拓 look alike."""
        a, b = self.sounds.get(one, _NONE), self.sounds.get(other, _NONE)
        if a & b:
            return Likeness.SAME_SOUND
        if {near(s) for s in a} & {near(s) for s in b}:
            return Likeness.NEAR_SOUND
        return Likeness.SIMILAR_SHAPE if self._alike(one, other) else Likeness.UNLIKE

    def _alike(self, one: str, other: str) -> bool:
        a, b = self.corners.get(one, ""), self.corners.get(other, "")
        if a and b and sum(x == y for x, y in zip(a, b, strict=False)) >= _CORNERS:
            return True
        p, q = self.parts.get(one, _NONE), self.parts.get(other, _NONE)
        return bool((p & q) - _COMMON_PARTS) or one in q or other in p


_NONE: frozenset[str] = frozenset()
#: Of the five digits of a four-corner code, how many must agree for two characters to look alike.
_CORNERS = 4
#: Parts too common to make two characters alike.
_COMMON_PARTS = frozenset("一丨丶丿乙亅二人亻口日木土氵艹女扌亠心忄月田又大小十八宀广厂尸寸辶阝")
#: Sounds that the speech of Henan and pinyin keyboards mix up.
_MIXED = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"), ("hu", "f"))


def near(sound: str) -> str:
    """A sound with what people mix up made equal: zhang and zan, ling and nin."""
    for long, short in _MIXED:
        sound = sound.replace(long, short)
    return "n" + sound[1:] if sound[:1] == "l" else sound


def read_characters(lines: Iterable[str]) -> Characters:
    """From the lines `character, sounds, corner code, parts, traditional forms`, separated by tabs."""
    sounds, corners, parts, simplified = {}, {}, {}, {}
    for line in lines:
        if line[0] == "#":
            continue
        char, said, corner, made_of, traditional = line.split("\t")
        sounds[char] = frozenset(said.split(",")) if said else _NONE
        corners[char] = corner
        parts[char] = frozenset(made_of)
        for form in traditional:
            simplified[form] = char
    return Characters(sounds, corners, parts, simplified)
