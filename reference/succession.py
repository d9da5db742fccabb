"""Areas and units that merge, split, are renamed or dissolved: what stands for them at an instant. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from reference.dated import Dated, DatedTable
from schemas.areas import SuccessionData

Successions = DatedTable[SuccessionData]


def successors(table: Successions, code: str, at: datetime, known_at: datetime | None = None) -> tuple[str, ...] | None:
    """What a unit directly became by an instant; None while it stands, renamed or not, () when nothing follows it."""
    row = table.at(code, at, known_at)
    return None if row is None or row.data.successors == (code,) else row.data.successors


def standing_parts(table: Successions, code: str, at: datetime, known_at: datetime | None = None) -> tuple[str, ...]:
    """The units that stand for a code, successors of successors followed: itself while it stands, () when nothing follows it.

    A circle of rows (A became B, B became A) has no end that stands, and nothing is found in it.
    """
    found: list[str] = []
    seen: set[str] = set()
    waiting = [code]
    while waiting:
        unit = waiting.pop(0)
        if unit not in seen:
            seen.add(unit)
            following = successors(table, unit, at, known_at)
            found += [unit] if following is None else []
            waiting += following or ()
    return tuple(found)


def made_of(table: Successions, code: str) -> tuple[str, ...]:
    """The units a unit was ever made of, those they were made of included; ascending."""
    found: set[str] = set()
    waiting = {code}
    while waiting:
        into = waiting.pop()
        fresh = {row.data.unit for row in _rows(table) if into in row.data.successors} - found - {code}
        found |= fresh
        waiting |= fresh
    return tuple(sorted(found))


def new_names(table: Successions) -> Mapping[str, str]:
    """Code -> name for every unit a succession names, by its newest row that was not withdrawn."""
    newest = sorted((row for row in _rows(table) if not row.withdrawn), key=lambda row: row.offset)
    return {code: name for row in newest for code, name in zip(row.data.successors, row.data.names, strict=False)}


def new_codes(table: Successions) -> frozenset[str]:
    """Every code a succession made, those of a later edition of the gazetteer among them."""
    return frozenset(code for row in _rows(table) if not row.withdrawn for code in row.data.successors)


def _rows(table: Successions) -> Iterator[Dated[SuccessionData]]:
    return (row for key in table.keys() for row in table.history(key))
