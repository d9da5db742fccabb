"""How characters sound and look, so that a slip of the pen or of the keyboard can be told from another name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_NONE: frozenset[str] = frozenset()
#: Parts too common for a character to be taken for one of which only the part was written.
_COMMON_PARTS = frozenset("一丨丶丿乙亅二人亻口日木土氵艹女扌亠心忄月田又大小十八宀广厂尸寸辶阝贝王石金车火马门")


@dataclass(frozen=True, slots=True)
class Characters:
    """Of each character its toneless sounds, its four-corner code and its parts; the traditional forms; and which are
    in daily use.
    """

    sounds: Mapping[str, frozenset[str]]
    corners: Mapping[str, str]
    parts: Mapping[str, frozenset[str]]
    simplified: Mapping[str, str]
    common: frozenset[str]

    def same_sound(self, wrong: str, right: str) -> bool:
        """Whether two characters can be said alike, as keyboards that take sounds mix them up: 装 for 庄."""
        return not self.sounds.get(wrong, _NONE).isdisjoint(self.sounds.get(right, _NONE))

    def same_shape(self, wrong: str, right: str) -> bool:
        """Whether a character in daily use looks like another: 未 like 末, or 固 for 堌, of which a part was left out."""
        if wrong not in self.common:
            return False
        a, b = self.corners.get(wrong, ""), self.corners.get(right, "")
        p, q = self.parts.get(wrong, _NONE), self.parts.get(right, _NONE)
        if a and a == b:
            return True
        if wrong in q and wrong not in _COMMON_PARTS:
            return True
        return a[:4] == b[:4] and bool(p & q)


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
    return Characters(sounds, corners, parts, simplified, frozenset(char for char in sounds if is_common(char)))


def is_common(char: str) -> bool:
    """Whether a character is among the 3,755 of the first level of GB 2312, those in daily use."""
    return char.encode("gb2312", "ignore")[:1] in _FIRST_LEVEL


#: The rows of GB 2312's first level.
_FIRST_LEVEL = frozenset(bytes((row,)) for row in range(0xB0, 0xD8))
