"""Number plates of the People's Republic (GA 36): normalised for comparing, and the region, which is only a hint. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
_ORDINARY = re.compile(rf"[{_PROVINCES}][A-Z][A-HJ-NP-Z0-9]{{4}}[A-HJ-NP-Z0-9挂学警港澳]\Z")
_NEW_ENERGY = re.compile(rf"[{_PROVINCES}][A-Z](?:[A-HJK][A-HJ-NP-Z0-9]\d{{4}}|\d{{5}}[A-HJK])\Z")
_SPECIAL = re.compile(rf"(?:[{_PROVINCES}][A-Z]\d{{4,5}}[领]|使\d{{6}}|\d{{6}}使|WJ[{_PROVINCES}]?\d{{4,5}}[A-Z]?|[A-Z]{{2}}\d{{5}})\Z")
_SEPARATORS = re.compile(r"[\s·•・.\-_]+")


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate as it is compared; `region` is hanzi and letter (豫N, 鄂A), None where the plate has none."""

    text: str
    region: str | None
    valid: bool


def read_plate(text: str) -> Plate:
    """The plate behind what was typed or read by a camera; a wrong one is kept, marked not valid."""
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()
    valid = bool(_ORDINARY.match(plain) or _NEW_ENERGY.match(plain) or _SPECIAL.match(plain))
    civil = len(plain) > 1 and plain[0] in _PROVINCES and "A" <= plain[1] <= "Z"
    return Plate(plain, plain[:2] if civil else None, valid)
