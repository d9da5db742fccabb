"""Identity documents: normalised numbers, checks that flag instead of refuse, and what may be derived in clear. Pure.

The first six digits of a resident number say where it was first issued. They are never an origin and never a reason to refuse:
numbers of people born before 1997 carry codes that no table of today knows.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from operator import mul
from typing import NamedTuple

_RESIDENT = re.compile(r"[1-9][0-9]{16}[0-9X]\Z")
_OLD = re.compile(r"[1-9][0-9]{14}\Z")
_PATTERNS = {
    "hk_macao_permit": re.compile(r"[HM][0-9]{8}([0-9]{2})?\Z"),
    "taiwan_permit": re.compile(r"([0-9]{8}|[0-9]{10}[A-Z])\Z"),
    "residence_permit": re.compile(r"8[123][0-9]{15}[0-9X]\Z"),
    "foreign_permanent": re.compile(r"([A-Z]{3}[0-9]{12}|9[0-9]{16}[0-9X])\Z"),
    "passport": re.compile(r"[A-Z0-9]{5,17}\Z"),
    "other": re.compile(r".{3,}\Z"),
}
#: The two leading digits of every province-level division that ever issued numbers (GB/T 2260).
_PROVINCES = frozenset(
    map(str, (*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83))
)
_NOT_IN_NUMBERS = re.compile(r"[\W_]+")
_FIRST_YEAR = 1900
_LONG = 18
#: ISO 7064 MOD 11-2: the characters, weighted by powers of two, add up to 1; X counts ten. A test compares with python-stdnum,
#: which takes three times as long.
_WEIGHTS = tuple(2 ** (17 - place) % 11 for place in range(_LONG))
_WANTED = (1 + ord("0") * sum(_WEIGHTS)) % 11
_TEN = chr(ord("0") + 10)


class Document(NamedTuple):
    """A document number as it is compared; `flags` are of `schemas.recorded.QualityFlag`."""

    number: str
    flags: tuple[str, ...] = ()
    birth_year: int | None = None

    @property
    def last4(self) -> str:
        """The last four characters, which may be shown; shorter numbers show nothing."""
        return self.number[-4:] if len(self.number) > 6 else ""  # noqa: PLR2004


def normalise_number(text: str) -> str:
    """Letters and digits only, full-width ones folded, upper case: `４１…ｘ` and `41… X` are one number."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return (plain if plain.isalnum() else _NOT_IN_NUMBERS.sub("", plain)).upper()


def read_document(kind: str, text: str, today: date) -> Document:
    """The document behind what was typed or read. Nothing is refused: a wrong number is kept and flagged `id_invalid`."""
    number = normalise_number(text)
    if kind == "resident_id":
        return _resident(number, today)
    if not _PATTERNS[kind].match(number) or len(set(number)) == 1:
        return Document(number, ("id_invalid",))
    if kind in ("residence_permit", "foreign_permanent") and len(number) == _LONG:
        return _with_birth(number, number[6:14], today, _checksum_flags(number))
    return Document(number)


def _resident(number: str, today: date) -> Document:
    old = _OLD.match(number)
    if not old and (not _RESIDENT.match(number) or number[:17] == number[0] * 17):
        return Document(number, ("id_invalid",))
    prefix = () if number[:2] in _PROVINCES else ("id_unknown_prefix",)
    if old:
        return _with_birth(number, "19" + number[6:12], today, ("id_old_style", *prefix))
    return _with_birth(number, number[6:14], today, (*_checksum_flags(number), *prefix))


def _checksum_flags(number: str) -> tuple[str, ...]:
    weighted = sum(map(mul, _WEIGHTS, number.replace("X", _TEN).encode()))
    return () if weighted % 11 == _WANTED else ("id_invalid",)


def _with_birth(number: str, digits: str, today: date, flags: tuple[str, ...]) -> Document:
    try:
        born = date.fromisoformat(digits)
    except ValueError:
        return Document(number, ("id_invalid",))
    if born.year < _FIRST_YEAR or born > today:
        return Document(number, ("id_invalid",))
    return Document(number, flags, born.year)
