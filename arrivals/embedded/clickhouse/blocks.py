"""Finds where a block of the Native format ends. Values are stepped over, never read.

A Data packet does not say how long its block is, so the layout of every type is needed: ClickHouse documentation,
"Native Format", and
`SerializationLowCardinality` of its source. At revision 54449 there are no other serialisations of a column than these.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from arrivals.embedded.clickhouse.errors import NOT_IMPLEMENTED, server_error
from arrivals.embedded.clickhouse.source import Source, text, varuint

Step = Callable[[Source, int], None]

_WIDTHS = {
    **dict.fromkeys(("UInt8", "Int8", "Bool", "Enum8", "Nothing"), 1),
    **dict.fromkeys(("UInt16", "Int16", "Date", "Enum16", "BFloat16"), 2),
    **dict.fromkeys(("UInt32", "Int32", "Float32", "Date32", "DateTime", "IPv4", "Decimal32", "Time"), 4),
    **dict.fromkeys(("UInt64", "Int64", "Float64", "DateTime64", "Decimal64", "Time64"), 8),
    **dict.fromkeys(("UInt128", "Int128", "UUID", "IPv6", "Decimal128"), 16),
    **dict.fromkeys(("UInt256", "Int256", "Decimal256"), 32),
}
_ALIASES = {
    "Point": "Tuple(Float64, Float64)",
    "Ring": "Array(Point)",
    "LineString": "Array(Point)",
    "Polygon": "Array(Ring)",
    "MultiLineString": "Array(LineString)",
    "MultiPolygon": "Array(Polygon)",
}
_INDEX_WIDTH, _HAS_KEYS, _LONG = (1, 2, 4, 8), 1 << 9, 0x80


class Layout(NamedTuple):
    """How a column lies on the wire: `prefix` once before it, then `body` for a number of rows."""

    prefix: Callable[[Source], None]
    body: Step


def _nothing(source: Source) -> None:
    """Most types have no prefix."""


def _fixed(width: int) -> Layout:
    return Layout(_nothing, lambda source, rows: source.skip(rows * width))


def _strings(source: Source, rows: int) -> None:
    """Steps over `rows` strings. The one loop per value: kept to a few instructions, refilling only when it runs out."""
    while rows:
        buffer, position = source.buffer, source.position
        last = len(buffer) - 1
        try:
            while rows:
                length = buffer[position]
                if length < _LONG:
                    position += length + 1
                elif position < last and (more := buffer[position + 1]) < _LONG:
                    position += (length & 0x7F | more << 7) + 2
                else:
                    source.position = position
                    source.skip(source.varuint())
                    position, last = source.position, len(buffer) - 1
                rows -= 1
        except IndexError:
            position = _refilled(source, position)
        source.skip(position - source.position)


def _refilled(source: Source, position: int) -> int:
    """Pulls until there is a byte at `position`, which lies behind all that is here; returns where it then is."""
    ahead = max(0, position - len(source.buffer))
    source.position = position - ahead
    source.skip(ahead)
    source.need(1)
    return source.position


def _nullable(inner: Layout) -> Layout:
    def body(source: Source, rows: int) -> None:
        source.skip(rows)
        inner.body(source, rows)

    return Layout(inner.prefix, body)


def _array(inner: Layout) -> Layout:
    def body(source: Source, rows: int) -> None:
        if rows:
            source.skip((rows - 1) * 8)
            inner.body(source, source.u64())

    return Layout(inner.prefix, body)


def _tuple(parts: list[Layout]) -> Layout:
    def prefix(source: Source) -> None:
        for part in parts:
            part.prefix(source)

    def body(source: Source, rows: int) -> None:
        for part in parts:
            part.body(source, rows)

    return Layout(prefix, body)


def _low_cardinality(keys: Layout) -> Layout:
    def body(source: Source, rows: int) -> None:
        while rows:  # one dictionary per granule of the sender
            flags = source.u64()
            if flags & _HAS_KEYS:
                keys.body(source, source.u64())
            part = source.u64()
            source.skip(part * _INDEX_WIDTH[flags & 3])
            rows -= part

    return Layout(lambda source: source.skip(8), body)


def _arguments(inside: str) -> list[str]:
    """The comma-separated arguments of a type, minding brackets and quotes."""
    parts, depth, start = [], 0, 0
    for found in re.finditer(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|[(),]", inside):
        mark = found[0]
        depth += (mark == "(") - (mark == ")")
        if mark == "," and depth == 0:
            parts.append(inside[start : found.start()].strip())
            start = found.end()
    return [*parts, inside[start:].strip()] if inside.strip() else []


def _element(argument: str) -> str:
    """The type of a tuple element, which may have its name before it."""
    named = re.match(r"(?:`(?:[^`\\]|\\.)*`|\w+)\s+(?=\w)", argument)
    return argument[named.end() :] if named else argument


def _decimal(inside: str) -> Layout:
    digits = int(inside.split(",", maxsplit=1)[0])
    return _fixed(next(width for most, width in ((9, 4), (18, 8), (38, 16), (76, 32)) if digits <= most))


@lru_cache(maxsize=4096)
def layout(type_name: str) -> Layout:
    """The layout of a type such as `Array(Nullable(String))`. Raises ServerError 48 for types without a fixed layout."""
    found = re.fullmatch(r"(\w+)\s*(?:\((.*)\))?", type_name.strip(), re.DOTALL)
    name, inside = (found[1], found[2] or "") if found else ("", "")
    if name in _BUILDERS:
        return _BUILDERS[name](inside)
    if name in _ALIASES:
        return layout(_ALIASES[name])
    if name in _WIDTHS or name.startswith("Interval"):
        return _fixed(_WIDTHS.get(name, 8))
    raise server_error(NOT_IMPLEMENTED, f"The embedded server does not take columns of type {type_name} in blocks.")


_BUILDERS: dict[str, Callable[[str], Layout]] = {
    "String": lambda _: Layout(_nothing, _strings),
    "FixedString": lambda inside: _fixed(int(inside)),
    "Decimal": _decimal,
    "Nullable": lambda inside: _nullable(layout(inside)),
    "Array": lambda inside: _array(layout(inside)),
    "Map": lambda inside: _array(_tuple([layout(part) for part in _arguments(inside)])),
    "Nested": lambda inside: _array(_tuple([layout(_element(part)) for part in _arguments(inside)])),
    "Tuple": lambda inside: _tuple([layout(_element(part)) for part in _arguments(inside)]) if inside else _fixed(1),
    "LowCardinality": lambda inside: _low_cardinality(layout(re.sub(r"^Nullable\((.*)\)$", r"\1", inside))),
    "SimpleAggregateFunction": lambda inside: layout(_arguments(inside)[-1]),
}


class Shape(NamedTuple):
    """The columns of a block as names and types, where each type stands in the buffer, and how many rows there are."""

    columns: list[tuple[str, str]]
    places: list[tuple[int, int]]
    rows: int


def block(source: Source) -> Shape:
    """Steps over one block. The end marker of an insert is a block of neither columns nor rows."""
    width, rows = source.varuint(), source.varuint()
    columns, places = [], []
    for _ in range(width):
        name, start = source.text(), source.position
        kind = source.text()
        columns.append((name, kind))
        places.append((start, source.position))
        column = layout(kind)
        if rows:
            column.prefix(source)
            column.body(source, rows)
    return Shape(columns, places, rows)


def empty_block(columns: list[tuple[str, str]]) -> bytes:
    """A block of no rows that tells names and types."""
    return varuint(len(columns)) + b"\x00" + b"".join(text(name) + text(kind) for name, kind in columns)
