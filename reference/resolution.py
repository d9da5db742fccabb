"""The answer of the resolver and its form for the command line. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from reference.area_index import common_area

Status = Literal["ok", "ambiguous", "county_only", "city_only", "outside", "unresolved"]
CITY = "4114"
COUNTY, TOWNSHIP, VILLAGE = 6, 9, 12
#: How many candidates an answer names.
MOST_CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class Resolution:
    """Where an address is. `unit` is the deepest unit the text supports, never a guess; `score` 0..1 tells how firm
    the reading is.

    `ok`: a township or village, or a unit below. `county_only`, `city_only`: nothing deeper is said. `ambiguous`:
    `candidates` are what
    it may be, the codes hold what all candidates share. `outside`: in `outside_code` (None where several areas bear the name).
    `mismatch`: `village_elsewhere` and `village_unknown` (the township named has no such village), `township_elsewhere`,
    `township_unknown`, `area_unknown` (a county nobody knows), `later_name` (no single predecessor), `two_addresses`.
    """

    text: str
    status: Status
    county_code: str | None = None
    street_code: str | None = None
    village_code: str | None = None
    unit: str | None = None
    score: float = 0.0
    method: str = "none"
    candidates: tuple[str, ...] = ()
    mismatch: str | None = None
    outside_code: str | None = None


def placed(text: str, code: str, score: float, method: str, near: Iterable[str] = (), mismatch: str | None = None) -> Resolution:
    """The answer for one place of the city; `near` are other places it might have been."""
    size = len(code)
    return Resolution(
        text,
        "ok" if size >= TOWNSHIP else "county_only" if size == COUNTY else "city_only",
        code[:COUNTY] if size >= COUNTY else None,
        code[:TOWNSHIP] if size >= TOWNSHIP else None,
        code if size == VILLAGE else None,
        code,
        score,
        method,
        tuple(near)[:MOST_CANDIDATES],
        mismatch,
    )


def undecided(text: str, codes: Iterable[str], method: str, mismatch: str | None = None) -> Resolution:
    """The answer where several places are meant as likely: the desk of what they share, and no score."""
    distinct = tuple(dict.fromkeys(codes))
    shared = common_area(distinct)
    return Resolution(
        text,
        "ambiguous",
        shared[:COUNTY] if len(shared) >= COUNTY else None,
        shared[:TOWNSHIP] if len(shared) >= TOWNSHIP else None,
        None,
        shared if len(shared) >= COUNTY else None,
        round(1 / max(2, len(distinct)), 3),
        method,
        distinct[:MOST_CANDIDATES],
        mismatch,
    )


def as_line(found: Resolution) -> dict[str, object]:
    """The object that `arrivals resolve` prints for one line."""
    names = ("text", "status", "county_code", "street_code", "village_code", "unit", "score", "candidates")
    return {name: getattr(found, name) for name in names}
