"""Records of a topic -> column lists ready for a columnar insert, with the records that do not fit set apart. Pure.

Works on whole batches: one C-speed pass per column, no per-row Python function. A batch that holds a bad record is halved until
the bad ones stand alone, so one poison record costs about log2(n) passes and never its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import orjson

from sinks.conversions import Values, converter
from sinks.tables import Column, Sink

#: (partition, offset, timestamp in ms, value) of one Kafka record.
Raw = tuple[int, int, int, bytes | None]
#: Records converted in one pass: small enough to stay in the processor's cache.
CHUNK = 1_000


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
        self._plan = [(column, converter(column, landing=sink.landing is not None)) for column in sink.columns]
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
