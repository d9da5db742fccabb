"""Makes of the engine's Native output what a native client expects: a block that tells the columns, then single blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from itertools import chain

from arrivals.embedded.clickhouse.blocks import block, empty_block
from arrivals.embedded.clickhouse.engine import Chunk
from arrivals.embedded.clickhouse.errors import ServerError
from arrivals.embedded.clickhouse.source import text, whole

Columns = list[tuple[str, str]]
Told = Callable[[], Columns | None]


def native_blocks(chunks: Iterator[Chunk], ended: Told, running: Told) -> Generator[Chunk]:
    """One block each: first one without rows, then the result.

    The engine writes a column of type `DateTime('Zone')` as `DateTime`; then, and for types whose blocks cannot be followed,
    `running` has to tell the columns beside the running query. For a result without rows `ended` does. Both may not know.
    """
    first = next(chunks, None)
    if first is None or not first.data:
        yield from _header(ended())
        return
    seen = _columns(first.data)
    columns = _zoned(seen, running()) if seen is None or _loses_zones(seen) else seen
    yield from _header(columns)
    for chunk in chain((first,), chunks):
        for data in _single(chunk):
            yield chunk._replace(data=data if columns is None or columns == seen or seen is None else _retyped(data, columns))


def _header(columns: Columns | None) -> Iterator[Chunk]:
    if columns:
        yield Chunk(empty_block(columns), 0, 0, 0)


def _columns(data: bytes) -> Columns | None:
    """The columns of the first block; None when it has a type without a fixed layout."""
    try:
        return block(whole(data)).columns
    except ServerError:
        return None


def _loses_zones(columns: Columns) -> bool:
    return any(kind == "DateTime" for _, kind in columns)


def _zoned(seen: Columns | None, told: Columns | None) -> Columns | None:
    """What was told, if it differs from what was seen by nothing but zones."""
    if seen is None or told is None:
        return seen or told
    bare = [(name, re.sub(r"^DateTime\(.*\)$", "DateTime", kind)) for name, kind in told]
    return told if bare == seen else seen


def _single(chunk: Chunk) -> Iterator[bytes]:
    """The blocks of a chunk: a streamed one is a single block, a whole result may be several."""
    source = whole(chunk.data)
    source.varuint()
    if source.varuint() == chunk.rows:
        yield chunk.data
        return
    source = whole(chunk.data)
    while source.waiting:
        block(source)
        yield source.taken()


def _retyped(data: bytes, columns: Columns) -> bytes:
    """The block with other names of types."""
    shape = block(whole(data))
    parts, done = [], 0
    for (start, end), (_, kind) in zip(shape.places, columns, strict=True):
        parts += [data[done:start], text(kind)]
        done = end
    return b"".join([*parts, data[done:]])
