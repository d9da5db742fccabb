"""What the resolver answers, and its form for the command line. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from reference.area_index import common_area

Status = Literal["ok", "ambiguous", "county_only", "city_only", "outside", "unresolved"]
CITY = "4114"
COUNTY, TOWNSHIP, VILLAGE = 6, 9, 12
#: How many candidates an answer names.
MOST_CANDIDATES = 8


class Resolution(NamedTuple):
    """Where an address is. `unit` is the deepest unit the text supports, never a guess; `score` 0..1 tells how firm
    the reading is.

    `ok`: a township or village, or a custom unit. `county_only`, `city_only`: nothing deeper is said. `ambiguous`:
    `candidates` are what
    it may be, the codes hold what all candidates share. `outside`: in `outside_code` (None where several areas bear the name).
    `mismatch`: `village_elsewhere` and `village_unknown` (the township named has no such village), `township_elsewhere`
    (nor the county such a township), `township_unknown`, `city_elsewhere` (the county does not lie in the city or
    province named), `area_unknown` (a county nobody knows), `later_name` (no single predecessor), `two_addresses`.
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


class Reading(NamedTuple):
    """A resolution in the making: `code` is the deepest place, `unit` a custom unit inside it."""

    status: Status
    code: str | None = None
    score: float = 0.0
    method: str = "none"
    candidates: tuple[str, ...] = ()
    mismatch: str | None = None
    outside_code: str | None = None
    unit: str | None = None


NOTHING = Reading("unresolved")


def placed(code: str, score: float, method: str, near: Iterable[str] = (), mismatch: str | None = None) -> Reading:
    """One place of the city; `near` are other places it might have been."""
    size = len(code)
    status: Status = "ok" if size >= TOWNSHIP else "county_only" if size == COUNTY else "city_only"
    return Reading(status, code, score, method, tuple(near)[:MOST_CANDIDATES], mismatch)


def undecided(codes: Iterable[str], method: str, mismatch: str | None = None) -> Reading:
    """Several places meant as likely: what they share is known, no more."""
    distinct = tuple(dict.fromkeys(codes))
    shared = common_area(distinct)
    score = round(1 / max(2, len(distinct)), 3)
    return Reading("ambiguous", shared or None, score, method, distinct[:MOST_CANDIDATES], mismatch)


def one_or_more(codes: Iterable[str], score: float, method: str) -> Reading:
    """The place, if all codes are one."""
    distinct = tuple(dict.fromkeys(codes))
    return placed(distinct[0], score, method) if len(distinct) == 1 else undecided(distinct, method)


def resolution(text: str, reading: Reading) -> Resolution:
    """The answer about a text."""
    status, code, score, method, candidates, mismatch, outside, unit = reading
    size = len(code) if code else 0
    if code is None or size < len(CITY):
        return Resolution(text, status, None, None, None, unit, score, method, candidates, mismatch, outside)
    return Resolution(
        text,
        status,
        code[:COUNTY] if size >= COUNTY else None,
        code[:TOWNSHIP] if size >= TOWNSHIP else None,
        code if size == VILLAGE else None,
        unit or code,
        score,
        method,
        candidates,
        mismatch,
        outside,
    )


def as_line(found: Resolution) -> dict[str, object]:
    """The object that `arrivals resolve` prints for one line."""
    names = ("text", "status", "county_code", "street_code", "village_code", "unit", "score", "candidates")
    return {name: getattr(found, name) for name in names}
