"""Values of a JSON field -> values of a column, one function per ClickHouse type, strict. Pure.

Instants become whole milliseconds and days `date`s, which the driver writes without time zone arithmetic. Nothing is coerced: a
number in quotes, a naive time or a day out of range is a misfit, never a default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson

from sinks.tables import INSTANT, TEXTS, WORDS, Column

Values = list[Any]
_NOTHING = type(None)
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2149, 6, 6)
_MAX_DECIMAL_4_1 = 1000
_MILLISECOND_DIGITS = 5
_UUIDS = re.compile(r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})+")
_UUID_LENGTH = 36


def converter(column: Column, *, landing: bool) -> Callable[[Sequence[Any]], Values]:
    """The conversion of one column, chosen by its ClickHouse type; with `landing` by that of its landing column.

    What it returns raises TypeError, ValueError or AttributeError for a value that does not fit.
    """
    if column.json:
        return _json_texts
    nullable = column.type.startswith("Nullable(")
    kind = column.type[len("Nullable(") : -1] if nullable else column.type
    if kind == "UUID":
        return _uuid_texts if landing else _uuids
    if kind in (WORDS, TEXTS):
        return _text_lists_with_gaps if column.optional else _text_lists
    if kind.startswith("UInt"):
        return _integers(2 ** int(kind[4:]), nullable)
    simple: dict[str, Callable[[Sequence[Any]], Values]] = {
        "Date": _days_or_none if nullable else _days,
        "Array(Date)": lambda lists: [_days(days) for days in lists],
        "Float32": _numbers,
        "Bool": _booleans,
        "Decimal(4, 1)": _decimals,
        INSTANT: _instants_or_none if nullable else _instants,
    }
    return simple.get(kind) or (_optional_texts if column.optional else _texts)


def _require(values: Sequence[Any], *types: type) -> None:
    if not set(map(type, values)) <= set(types):
        raise TypeError


def _texts(values: Sequence[Any]) -> Values:
    _require(values, str)
    return list(values)


def _optional_texts(values: Sequence[Any]) -> Values:
    _require(values, str, _NOTHING)
    return [value or "" for value in values] if None in values else list(values)


def _text_lists(values: Sequence[Any]) -> Values:
    _require(values, list)
    _require([text for texts in values if texts for text in texts], str)
    return list(values)


def _text_lists_with_gaps(values: Sequence[Any]) -> Values:
    return _text_lists([[text if text is not None else "" for text in texts] if texts else texts for texts in values])


def _json_texts(values: Sequence[Any]) -> Values:
    return [orjson.dumps(value).decode() if value else "[]" for value in values]


def _integers(limit: int, nullable: bool) -> Callable[[Sequence[Any]], Values]:
    def convert(values: Sequence[Any]) -> Values:
        _require(values, int, _NOTHING) if nullable else _require(values, int)
        known = [value for value in values if value is not None] if nullable else values
        if known and not (min(known) >= 0 and max(known) < limit):
            raise ValueError
        return list(values)

    return convert


def _booleans(values: Sequence[Any]) -> Values:
    _require(values, bool)
    return list(values)


def _numbers(values: Sequence[Any]) -> Values:
    _require(values, float, int)
    return list(values)


def _decimals(values: Sequence[Any]) -> Values:
    _require(values, float, int, _NOTHING)
    if not all(value is None or abs(value) < _MAX_DECIMAL_4_1 for value in values):
        raise ValueError
    return [value if value is None else round(value, 1) for value in values]


def _instants(values: Sequence[Any]) -> Values:
    return [_milliseconds(value) for value in values]


def _instants_or_none(values: Sequence[Any]) -> Values:
    return [value if value is None else _milliseconds(value) for value in values]


def _days(values: Sequence[Any]) -> Values:
    return [_day(value) for value in values]


def _days_or_none(values: Sequence[Any]) -> Values:
    return [value if value is None else _day(value) for value in values]


def _milliseconds(text: str) -> int:
    """Milliseconds since 1970 of RFC 3339 text: the driver takes them as they are, without time zone arithmetic per row."""
    seconds = text[17:19] + text[20:23]
    if text[23:] == "+08:00" and seconds.isdecimal() and len(seconds) == _MILLISECOND_DIGITS and seconds < "60":
        return _minute(text[:16]) + int(seconds)
    return _exact(text)


@lru_cache(maxsize=16_384)
def _minute(text: str) -> int:
    return _exact(f"{text}:00.000+08:00")


def _exact(text: str) -> int:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError
    return round(instant.timestamp() * 1000)


@lru_cache(maxsize=4_096)
def _day(text: str) -> date:
    day = date.fromisoformat(text)
    # The driver writes a day it cannot hold as 1970-01-01 without a word.
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise ValueError
    return day


def _uuid_texts(values: Sequence[Any]) -> Values:
    _require(values, str)
    if not _UUIDS.fullmatch("".join(values)) or set(map(len, values)) != {_UUID_LENGTH}:
        raise ValueError
    return list(values)


def _uuids(values: Sequence[Any]) -> Values:
    return [UUID(value) for value in _uuid_texts(values)]
