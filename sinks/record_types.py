"""The declaration of a sink -> the strict type of its records, as msgspec decodes it. Pure.

Nothing is coerced: a number in quotes, a naive time or a day that ClickHouse would clamp is refused, never a default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Any

from msgspec import Meta, Struct, defstruct

from sinks.tables import INSTANT, TEXTS, WORDS, Column, Sink

#: What the engine's `Date` holds, and the years of its `DateTime64`: it clamps anything else without a word.
_DAYS = date(1970, 1, 1), date(2149, 6, 6)
_YEARS = 1900, 2299
_FLOAT32 = 3.4028234e38
_VERSION = Annotated[int, Meta(ge=1, le=1)]
_KINDS: dict[str, Any] = {
    "UUID": Annotated[str, Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", max_length=36)],
    "Bool": bool,
    "Date": date,
    "Float32": Annotated[float, Meta(ge=-_FLOAT32, le=_FLOAT32)],
    "Decimal(4, 1)": Annotated[float, Meta(ge=-999.9, le=999.9)],
    INSTANT: Annotated[datetime, Meta(tz=True)],
    WORDS: list[str],
    TEXTS: list[str],
}


def record_type(sink: Sink) -> type[Struct]:
    """The type of one record. Decoding raises `msgspec.ValidationError`, which names the field and no value."""
    by_parent: dict[str, list[Column]] = {}
    for column in sink.columns:
        by_parent.setdefault(column.field.rpartition(".")[0], []).append(column)
    own = [column for column in by_parent.pop("") if not column.json and not column.field.startswith("@")]
    nested = [_nested(parent, columns) for parent, columns in by_parent.items()]
    return _struct("Record", own, [("version", _VERSION), *nested])


def _nested(parent: str, columns: Sequence[Column]) -> tuple[Any, ...]:
    """The field that holds an object, or with `[]` a list of objects; an object of optional fields is optional itself."""
    name = parent.removesuffix("[]")
    struct = _struct(name, columns)
    if parent.endswith("[]"):
        return name, list[struct]  # type: ignore[valid-type]
    return (name, struct | None, None) if all(column.optional for column in columns) else (name, struct)


def _struct(name: str, columns: Sequence[Column], more: Sequence[tuple[Any, ...]] = ()) -> type[Struct]:
    check = {"__post_init__": _in_range([column for column in columns if "Date" in column.type])}
    members = [_member(column) for column in columns]
    return defstruct(name, [*more, *members], kw_only=True, gc=False, namespace=check)


def _member(column: Column) -> tuple[Any, ...]:
    kind, name = column.type.removeprefix("Nullable("), column.field.rpartition(".")[2]
    if "[]" in column.field:
        kind = kind.removeprefix("Array(")
    kind = kind[:-1] if kind.count(")") > kind.count("(") else kind
    if kind.startswith("UInt"):
        annotation: Any = Annotated[int, Meta(ge=0, le=2 ** min(int(kind[4:]), 63) - 1)]
    else:
        annotation = _KINDS.get(kind, str)
    return (name, annotation | None, None) if column.optional else (name, annotation)


def _in_range(columns: Sequence[Column]) -> Callable[[Struct], None]:
    days = [column.field.rpartition(".")[2] for column in columns if INSTANT not in column.type]
    instants = [column.field.rpartition(".")[2] for column in columns if INSTANT in column.type]

    def check(record: Struct) -> None:
        for name in days:
            day = getattr(record, name)
            if day is not None and not _DAYS[0] <= day <= _DAYS[1]:
                raise ValueError(f"`{name}` is out of range")
        for name in instants:
            instant = getattr(record, name)
            if instant is not None and not _YEARS[0] < instant.year < _YEARS[1]:
                raise ValueError(f"`{name}` is out of range")

    return check
