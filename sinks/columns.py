"""Records of a topic -> column lists ready for a columnar insert, with the records that do not fit set apart. Pure.

Works on whole batches: one C-speed pass per column, no per-row Python function. A batch that holds a bad record is
halved until the bad
ones stand alone, so one poison record costs about log2(n) passes and never its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any
from uuid import UUID

import orjson

from sinks.tables import INSTANT, TEXTS, WORDS, Column, Sink

#: (partition, offset, timestamp in ms, value) of one Kafka record.
Raw = tuple[int, int, int, bytes | None]
Values = list[Any]
#: Records converted in one pass: small enough to stay in the processor's cache.
CHUNK = 1_000
_NOTHING = type(None)
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2149, 6, 6)
_MAX_DECIMAL_4_1 = 1000
_MILLISECOND_DIGITS = 5
_UUIDS = re.compile(r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})+")
_UUID_LENGTH = 36


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that does not fit its table: `reason` is a stable word, `detail` names the column but no value."""

    record: Raw
    reason: str
    detail: str


@dataclass(slots=True)
class Batch:
    """Columns in the order of the declaration, and the records that did not fit."""

    names: tuple[str, ...]
    columns: list[Values]
    poison: list[Poison] = field(default_factory=list)
    newest_ms: int = 0

    @property
    def rows(self) -> int:
        """Rows in the columns."""
        return len(self.columns[0])


class Columns:
    """The compiled form of one sink's declaration."""

    def __init__(self, sink: Sink) -> None:
        self.names = tuple(column.name for column in sink.columns)
        self._plan = [(column, _converter(column, landing=sink.landing is not None)) for column in sink.columns]
        self._groups = _groups(sink.columns)

    def empty(self) -> Batch:
        """A batch without rows, to be filled with `add`."""
        return Batch(self.names, [[] for _ in self.names])

    def add(self, batch: Batch, records: Sequence[Raw]) -> None:
        """Appends the records to the batch; those that do not fit go to `poison`, in order."""
        if not records:
            return
        try:
            columns = self._convert(records)
        except _Misfit as misfit:
            if len(records) == 1:
                batch.poison.append(Poison(records[0], misfit.reason, misfit.detail))
                return
            middle = len(records) // 2
            self.add(batch, records[:middle])
            self.add(batch, records[middle:])
            return
        batch.newest_ms = max(batch.newest_ms, records[-1][2])
        for column, more in zip(batch.columns, columns, strict=True):
            column.extend(more)

    def batch(self, records: Sequence[Raw]) -> Batch:
        """The batch of the records."""
        made = self.empty()
        for first in range(0, len(records), CHUNK):
            self.add(made, records[first : first + CHUNK])
        return made

    def _convert(self, records: Sequence[Raw]) -> list[Values]:
        found = self._extract([_decode(record[3]) for record in records])
        found["@partition"] = [record[0] for record in records]
        found["@offset"] = [record[1] for record in records]
        columns = []
        for column, convert in self._plan:
            try:
                columns.append(convert(found[column.field]))
            except (TypeError, ValueError, AttributeError):
                raise _Misfit("field_type", f"The value of {column.field} does not fit column {column.name}.") from None
        return columns

    def _extract(self, documents: list[dict[str, Any]]) -> dict[str, Sequence[Any]]:
        found: dict[str, Sequence[Any]] = {}
        for group in self._groups:
            parents: Sequence[Any] = documents
            if group.parent:
                parents = [d.get(group.parent) for d in documents]
            found.update(group.nested(parents) if group.each else group.flat(parents))
        return found


class _Misfit(Exception):
    """A batch holds a record that does not fit."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def _decode(value: bytes | None) -> dict[str, Any]:
    if value is None:
        raise _Misfit("empty_record", "The record has no value.")
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise _Misfit("not_json", "The record is not JSON.") from None
    if type(document) is not dict or document.get("version") != 1:
        raise _Misfit("unknown_version", "The record is not an object of version 1.")
    return document


@dataclass(frozen=True, slots=True)
class _Group:
    """The fields below one parent; with `each` the parent is a list of objects."""

    parent: str
    each: bool
    fields: tuple[str, ...]
    paths: tuple[str, ...]
    defaults: Mapping[str, None]
    absent: Mapping[str, None] | None

    def flat(self, parents: Sequence[Any]) -> dict[str, Sequence[Any]]:
        """One sequence per field, as long as the parents."""
        if self.absent is not None and None in parents:
            parents = [self.absent if p is None else p for p in parents]
        return dict(zip(self.paths, self._values(parents), strict=True))

    def nested(self, parents: Sequence[Any]) -> dict[str, Sequence[Any]]:
        """One sequence of lists per field."""
        empty: tuple[list[Any], ...] = tuple([] for _ in self.fields)
        if set(map(type, parents)) != {list}:
            raise _Misfit("field_type", f"The value of {self.parent} is not a list.")
        rows = [tuple(map(list, self._values(p))) if p else empty for p in parents]
        return dict(zip(self.paths, zip(*rows, strict=True), strict=True))

    def _values(self, parents: Sequence[Any]) -> list[Sequence[Any]]:
        get = itemgetter(*self.fields)
        try:
            try:
                rows = list(map(get, parents))
            except KeyError:
                rows = [get({**self.defaults, **p}) for p in parents]
        except (KeyError, TypeError):
            raise _Misfit("field_missing", f"A field of '{self.parent or 'the record'}' is missing.") from None
        return [rows] if len(self.fields) == 1 else list(zip(*rows, strict=True))


def _groups(columns: Sequence[Column]) -> list[_Group]:
    by_parent: dict[str, list[Column]] = {}
    for column in columns:
        if not column.field.startswith("@"):
            by_parent.setdefault(column.field.rpartition(".")[0], []).append(column)
    groups = []
    for parent, members in by_parent.items():
        fields = tuple(c.field.rpartition(".")[2] for c in members)
        defaults = {f: None for f, c in zip(fields, members, strict=True) if c.optional}
        absent = defaults if parent and len(defaults) == len(fields) else None
        paths = tuple(c.field for c in members)
        groups.append(_Group(parent.removesuffix("[]"), parent.endswith("[]"), fields, paths, defaults, absent))
    return groups


def _converter(column: Column, *, landing: bool) -> Callable[[Sequence[Any]], Values]:
    """The conversion of one column, chosen by its ClickHouse type. It raises TypeError or ValueError for a value that
    does not fit.
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
