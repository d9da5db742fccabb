"""Number plates of the People's Republic (GA 36): normalised for comparing, and the region, which is only a hint. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
_LETTER, _SIGN = "[A-HJ-NP-Z]", "[A-HJ-NP-Z0-9]"
_CIVIL = re.compile(
    rf"[{_PROVINCES}][A-Z](?:"
    rf"{_SIGN}{{4}}[A-HJ-NP-Z0-9挂学警港澳领]"  # ordinary: five signs, the last may say what it is
    rf"|[A-HJK]{_SIGN}[0-9]{{4}}|[0-9]{{5}}[A-HJK])\Z"  # new energy: six signs
)
_OTHER = re.compile(rf"(?:使[0-9]{{6}}|[0-9]{{6}}使|WJ[{_PROVINCES}]?[0-9]{{4,5}}{_LETTER}?|{_LETTER}{{2}}[0-9]{{5}})\Z")
_SEPARATORS = re.compile(r"[\s·•・‧∙⋅.\-‐-―_]+")


class Plate(NamedTuple):
    """A plate as it is compared; `region` is hanzi and letter (豫N, 鄂A), None where the plate has none."""

    text: str
    region: str | None
    valid: bool


def read_plate(text: str) -> Plate:
    """The plate behind what was typed or read by a camera; a wrong one is kept, marked not valid. O and 0, I and 1 stay apart."""
    if _CIVIL.match(text):
        return Plate(text, text[:2], True)
    plain = text
    while (folded := _folded(plain)) != plain:  # what a separator stood between may combine: fold until nothing changes
        plain = folded
    civil = len(plain) > 1 and plain[0] in _PROVINCES and "A" <= plain[1] <= "Z"
    return Plate(plain, plain[:2] if civil else None, bool(_CIVIL.match(plain) or _OTHER.match(plain)))


def _folded(text: str) -> str:
    visible = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return _SEPARATORS.sub("", visible).upper()
