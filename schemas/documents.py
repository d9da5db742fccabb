"""Identity documents: normalised numbers, checks that flag instead of refuse, and what may be derived in clear. Pure.

The first six digits of a resident number say where it was first issued. They are never an origin and never a reason to refuse: numbers of
people born before 1997 carry codes that no table of today knows.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_2

_RESIDENT = re.compile(r"[1-9]\d{16}[\dX]\Z")
_OLD = re.compile(r"[1-9]\d{14}\Z")
_PATTERNS = {
    "hk_macao_permit": re.compile(r"[HM]\d{8}(\d{2})?\Z"),
    "taiwan_permit": re.compile(r"(\d{8}|\d{10}[A-Z])\Z"),
    "residence_permit": re.compile(r"8[123]\d{15}[\dX]\Z"),
    "foreign_permanent": re.compile(r"([A-Z]{3}\d{12}|9\d{16}[\dX])\Z"),
    "passport": re.compile(r"[A-Z0-9]{5,17}\Z"),
}
_NOT_IN_NUMBERS = re.compile(r"[\s\-·.]+")
_FIRST_YEAR = 1900


@dataclass(frozen=True, slots=True)
class Document:
    """A document number as it is compared; `flags` are of `schemas.recorded.QualityFlag`."""

    number: str
    flags: tuple[str, ...] = ()
    birth_year: int | None = None

    @property
    def last4(self) -> str:
        """The last four characters, which may be shown; shorter numbers show nothing."""
        return self.number[-4:] if len(self.number) > 6 else ""  # noqa: PLR2004


def normalise_number(text: str) -> str:
    """Full-width characters folded, spaces and separators removed, upper case: `４１…ｘ` and `41… X` are one number."""
    return _NOT_IN_NUMBERS.sub("", unicodedata.normalize("NFKC", text)).upper()


def read_document(kind: str, text: str, today: date) -> Document:
    """The document behind what was typed or read. Nothing is refused: a wrong number is kept and flagged `id_invalid`."""
    number = normalise_number(text)
    if kind == "resident_id":
        return _resident(number, today)
    pattern = _PATTERNS.get(kind)
    if pattern is not None and not pattern.match(number):
        return Document(number, ("id_invalid",))
    if kind in ("residence_permit",) or (kind == "foreign_permanent" and len(number) == 18):  # noqa: PLR2004
        return _with_birth(number, number[6:14], today, _checksum_flags(number))
    return Document(number)


def _resident(number: str, today: date) -> Document:
    if _OLD.match(number):
        return _with_birth(number, "19" + number[6:12], today, ("id_old_style",))
    if not _RESIDENT.match(number) or len(set(number[:17])) == 1:
        return Document(number, ("id_invalid",))
    return _with_birth(number, number[6:14], today, _checksum_flags(number))


def _checksum_flags(number: str) -> tuple[str, ...]:
    try:
        mod_11_2.validate(number)
    except ValidationError:
        return ("id_invalid",)
    return ()


def _with_birth(number: str, digits: str, today: date, flags: tuple[str, ...]) -> Document:
    try:
        born = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return Document(number, ("id_invalid",))
    if not _FIRST_YEAR <= born.year or born > today:
        return Document(number, ("id_invalid",))
    return Document(number, flags, born.year)
