"""The pure parts of the embedded ClickHouse: block boundaries, frames, the heads of statements."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arrivals.embedded.clickhouse.blocks import block, empty_block, layout
from arrivals.embedded.clickhouse.engine import Chunk
from arrivals.embedded.clickhouse.errors import ServerError, engine_error
from arrivals.embedded.clickhouse.frames import compress, decompressed
from arrivals.embedded.clickhouse.results import native_blocks
from arrivals.embedded.clickhouse.source import Source, text, varuint, whole
from arrivals.embedded.clickhouse.statements import (
    forbidden_to_readers,
    insert_head,
    masked,
    session_statement,
    without_format,
    writes_file,
)

U64 = struct.Struct("<Q").pack


def column(name: str, kind: str, body: bytes) -> bytes:
    return text(name) + text(kind) + body


def strings(values: list[str]) -> bytes:
    return b"".join(text(value) for value in values)


def low_cardinality(keys: bytes, count: int, indexes: bytes) -> bytes:
    return U64(1 << 9) + U64(count) + keys + U64(len(indexes)) + indexes


SAMPLES: dict[str, bytes] = {
    "UInt8": b"\x01\x02\x03",
    "String": strings(["", "x" * 127, "y" * 300]),
    "FixedString(5)": bytes(15),
    "Nullable(String)": b"\x00\x01\x00" + strings(["a", "", "b"]),
    "Decimal(9, 2)": bytes(12),
    "Decimal(10, 2)": bytes(24),
    "Enum8('a, (b)' = 1, 'it\\'s' = 2)": bytes(3),
    "DateTime64(3, 'Asia/Shanghai')": bytes(24),
    "Array(String)": U64(0) + U64(2) + U64(3) + strings(["a", "b", "c"]),
    "Array(Array(UInt16))": U64(1) + U64(1) + U64(2) + U64(2) + U64(3) + bytes(6),
    "Map(String, UInt8)": U64(0) + U64(1) + U64(1) + strings(["k"]) + b"\x07",
    "Tuple(String, `a b` Nullable(UInt8))": strings(["a", "b", "c"]) + bytes(3) + bytes(3),
    "Tuple()": b"000",
    "Nested(x String, y UInt8)": U64(0) + U64(0) + U64(1) + strings(["a"]) + b"\x01",
    "LowCardinality(String)": U64(1) + low_cardinality(strings(["", "a"]), 2, b"\x00\x01\x01"),
    "LowCardinality(Nullable(String))": U64(1) + low_cardinality(strings(["", "", "a"]), 3, b"\x00\x02\x01"),
    "Array(LowCardinality(String))": U64(1) + U64(0) + U64(0) + U64(2) + low_cardinality(strings(["", "a"]), 2, b"\x01\x01"),
    "Tuple(a LowCardinality(String), b UInt8)": U64(1) + low_cardinality(strings([""]), 1, bytes(3)) + bytes(3),
    "SimpleAggregateFunction(groupArrayArray, Array(UInt8))": U64(0) + U64(0) + U64(1) + b"\x05",
    "Point": bytes(48),
    "IntervalDay": bytes(24),
}


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_block_ends_where_it_ends_however_it_arrives(kind: str, step: int) -> None:
    data = b"\x02\x03" + column("before", "UInt8", b"abc") + column("c", kind, SAMPLES[kind])
    rest = data + b"behind"
    pieces = (rest[start : start + step] for start in range(0, len(rest), step))
    source = Source(lambda: next(pieces, b""))
    shape = block(source)
    assert (shape.rows, shape.columns) == (3, [("before", "UInt8"), ("c", kind)])
    assert source.taken() == data


@given(st.lists(st.text(max_size=300), max_size=50), st.integers(1, 40))
def test_strings_of_any_length_are_stepped_over(values: list[str], step: int) -> None:
    data = b"\x01" + varuint(len(values)) + column("s", "String", strings(values))
    pieces = (data[start : start + step] for start in range(0, len(data), step))
    source = Source(lambda: next(pieces, b""))
    assert block(source).rows == len(values)
    assert source.taken() == data


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_block_that_breaks_off_is_the_end_of_the_stream(kind: str) -> None:
    data = b"\x01\x03" + column("c", kind, SAMPLES[kind])
    for cut in {1, len(data) // 2, len(data) - 1}:
        with pytest.raises(EOFError):
            block(whole(data[:cut]))


@pytest.mark.parametrize("kind", ["AggregateFunction(sum, UInt64)", "JSON", "Variant(String, UInt8)", "Dynamic", "Nope", ""])
def test_types_without_a_fixed_layout_are_refused(kind: str) -> None:
    with pytest.raises(ServerError) as caught:
        layout(kind)
    assert caught.value.code == 48


def test_lengths_that_cannot_be_true_are_refused() -> None:
    with pytest.raises(ServerError):
        whole(b"\xff" * 20).varuint()
    with pytest.raises(ServerError):
        whole(varuint(1 << 40)).text()


@given(st.binary(max_size=3_000_000) | st.just(bytes(2_500_000)))
def test_frames_come_back(data: bytes) -> None:
    source = whole(compress(data))
    plain = b""
    while source.waiting:
        plain += decompressed(source)
    assert plain == data


def test_a_frame_with_a_wrong_bit_is_refused() -> None:
    frame = bytearray(compress(b"some rows" * 100))
    for place in (0, 15, 30, len(frame) - 1):
        broken = frame[:]
        broken[place] ^= 1
        with pytest.raises(ServerError) as caught:
            decompressed(whole(bytes(broken)))
        assert caught.value.code == 40


def chunks(*blocks: bytes) -> Iterator[Chunk]:
    return (Chunk(data, 1, 0, 0) for data in blocks)


def test_a_result_begins_with_its_columns() -> None:
    data = b"\x01\x01" + column("a", "UInt8", b"\x07")
    assert [chunk.data for chunk in native_blocks(chunks(data, data), lambda: None, lambda: None)] == [
        *[empty_block([("a", "UInt8")]), data, data]
    ]
    assert [chunk.data for chunk in native_blocks(chunks(), lambda: [("a", "UInt8")], lambda: None)] == [
        empty_block([("a", "UInt8")])
    ]


def test_lost_zones_are_put_back_and_joined_blocks_taken_apart() -> None:
    data = b"\x02\x01" + column("a", "DateTime", bytes(4)) + column("s", "String", b"\x01x")
    zoned = b"\x02\x01" + column("a", "DateTime('Asia/Shanghai')", bytes(4)) + column("s", "String", b"\x01x")
    told = [("a", "DateTime('Asia/Shanghai')"), ("s", "String")]
    joined = iter([Chunk(data + data, 2, 0, 0)])
    assert [chunk.data for chunk in native_blocks(joined, lambda: None, lambda: told)] == [empty_block(told), zoned, zoned]
    wrong = [("a", "DateTime('Asia/Shanghai')"), ("s", "UInt8")]
    assert [chunk.data for chunk in native_blocks(chunks(data), lambda: None, lambda: wrong)][1] == data


def test_errors_of_the_engine_keep_code_and_text() -> None:
    error = engine_error("Streaming query failed: Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE)")
    assert (error.code, error.message) == (60, "Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE)")
    assert engine_error("what is this").code == 1002


@pytest.mark.parametrize(
    ("sql", "head", "columns", "kind", "rest"),
    [
        ("INSERT INTO t VALUES", "INSERT INTO t", None, "Values", ""),
        ("insert into t (a, `b c`, n.x) values (1)", "insert into t (a, `b c`, n.x)", ("a", "b c", "n.x"), "Values", " (1)"),
        ("INSERT INTO db.`t` FORMAT Native", "INSERT INTO db.`t`", None, "Native", ""),
        ("/* x */ INSERT INTO TABLE t (*) FORMAT CSV\n1,2", "/* x */ INSERT INTO TABLE t (*)", None, "CSV", "\n1,2"),
        ("INSERT INTO t SETTINGS a = 'x y, (z', b=1 VALUES", "INSERT INTO t", None, "Values", ""),
        ("INSERT INTO t (a)", "INSERT INTO t (a)", ("a",), "Values", ""),
        ("INSERT INTO t;", "INSERT INTO t", None, "Values", ""),
    ],
)
def test_heads_of_inserts(sql: str, head: str, columns: tuple[str, ...] | None, kind: str, rest: str) -> None:
    insert = insert_head(sql)
    assert insert is not None
    assert (insert.head, insert.columns, insert.format, sql[insert.data_at :]) == (head, columns, kind, rest)
    assert insert.settings.strip() in ("", "SETTINGS a = 'x y, (z', b=1")


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t SELECT * FROM values",
        "INSERT INTO t (a) SELECT 1 FORMAT CSV",
        "INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x",
        "INSERT INTO FUNCTION null('a UInt8') VALUES",
        "SELECT 'INSERT INTO t VALUES'",
        "-- INSERT INTO t VALUES",
        "",
    ],
)
def test_other_statements_are_no_inserts_of_rows(sql: str) -> None:
    assert insert_head(sql) is None


def test_formats_are_cut_off_only_at_the_end() -> None:
    assert without_format("SELECT 1 FORMAT JSON;") == ("SELECT 1", "JSON")
    assert without_format("SELECT 1 FORMAT CSV SETTINGS a = 1") == ("SELECT 1 SETTINGS a = 1", "CSV")
    for sql in ("SELECT 'FORMAT CSV'", "SELECT format FROM t", "SELECT 1 -- FORMAT CSV", "SELECT 1 AS format"):
        assert without_format(sql)[0].startswith(sql.split(" -- ")[0])


@given(st.text(alphabet="'`\"\\-/*#$ \nafile", max_size=40))
def test_masking_keeps_every_place(sql: str) -> None:
    assert len(masked(sql)) == len(sql)


def test_what_readers_may_not_say() -> None:
    assert session_statement("SET max_threads = 1, max_block_size = 2")
    assert session_statement("use arrivals")
    for sql in ("SET ROLE owner", "SET readonly = 0", "SET a = 1, profile = 'x'", "SET DEFAULT ROLE x TO y", "SYSTEM SHUTDOWN"):
        assert not session_statement(sql)
    assert not forbidden_to_readers("SELECT 'file', profile_name, files FROM v -- file(1)")
    assert forbidden_to_readers("SELECT 'a''', file ('x')")
    assert writes_file("SELECT 1 INTO /* */ OUTFILE 'x'")
    assert not writes_file("SELECT 'INTO OUTFILE'")
