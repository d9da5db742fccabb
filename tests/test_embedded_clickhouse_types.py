"""The embedded ClickHouse passes every column type the product uses in both directions, compressed or not."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from clickhouse_driver import Client

from arrivals.embedded.clickhouse.launcher import ClickHouseServer

SHANGHAI = ZoneInfo("Asia/Shanghai")
MOMENT = datetime(2020, 2, 17, 8, 30, 5, tzinfo=SHANGHAI)
PRECISE = datetime(2020, 2, 17, 8, 30, 5, 678000, tzinfo=SHANGHAI)
ENUM8, ENUM16 = "Enum8('low' = -128, 'a, (b)' = 0, 'it''s' = 127)", "Enum16('low' = -32768, 'high' = 32767)"

#: Type → values, the extremes among them.
VALUES: dict[str, list[Any]] = {
    "UInt8": [0, 255],
    "UInt16": [0, 65535],
    "UInt32": [0, 2**32 - 1],
    "UInt64": [0, 2**64 - 1],
    "UInt128": [0, 2**128 - 1],
    "UInt256": [0, 2**256 - 1],
    "Int8": [-128, 127],
    "Int16": [-(2**15), 2**15 - 1],
    "Int32": [-(2**31), 2**31 - 1],
    "Int64": [-(2**63), 2**63 - 1],
    "Int128": [-(2**127), 2**127 - 1],
    "Float32": [0.0, -1.5, float("inf")],
    "Float64": [0.1, -1e300, float("-inf")],
    "Decimal(4, 1)": [Decimal("37.3"), Decimal("-999.9")],
    "Decimal(9, 2)": [Decimal("0.01"), Decimal("-9999999.99")],
    "Decimal(18, 4)": [Decimal("0.0001"), Decimal("99999999999999.9999")],
    "Decimal(38, 10)": [Decimal("0.0000000001"), Decimal("-1234567890123456789012345678.0123456789")],
    "Bool": [True, False],
    "String": ["", "睢阳区", "x" * 127, "y" * 128, "z" * 70_000, "nul\x00inside", "quote'`\"\\"],
    "FixedString(8)": ["41140201", "12345678"],
    "LowCardinality(String)": ["豫N", "", "豫N", "鄂A"],
    "LowCardinality(Nullable(String))": ["豫N", None, "", "豫N"],
    "LowCardinality(FixedString(2))": ["ab", "cd", "ab"],
    "Nullable(UInt32)": [None, 0, 7],
    "Nullable(String)": [None, "", "x" * 200],
    "Nullable(Decimal(4, 1))": [None, Decimal("36.6")],
    "Nullable(Float32)": [None, 36.5],
    "Nullable(UUID)": [None, uuid.UUID("018d5e6e-0000-7000-8000-000000000001")],
    "Nullable(DateTime64(3, 'Asia/Shanghai'))": [None, PRECISE],
    f"Nullable({ENUM8})": [None, "low"],
    "Date": [date(1970, 1, 1), date(2020, 1, 23), date(2149, 6, 6)],
    "Date32": [date(1900, 1, 1), date(2020, 1, 23), date(2299, 12, 31)],
    "DateTime('Asia/Shanghai')": [MOMENT],
    "DateTime64(3, 'Asia/Shanghai')": [PRECISE],
    "DateTime64(6, 'UTC')": [datetime(2020, 2, 17, 0, 30, 5, 678901, tzinfo=ZoneInfo("UTC"))],
    "UUID": [uuid.UUID(int=0), uuid.UUID("018d5e6e-0000-7000-8000-000000000001")],
    ENUM8: ["low", "a, (b)", "it's"],
    ENUM16: ["low", "high"],
    "IPv4": [IPv4Address("1.0.0.0"), IPv4Address("192.168.1.255")],
    "IPv6": [IPv6Address("::1"), IPv6Address("2001:db8::ffff")],
    "Array(String)": [[], ["a"], ["b", "", "c" * 300]],
    "Array(UInt16)": [[], [1, 2, 65535]],
    "Array(Array(Nullable(String)))": [[], [[]], [["a", None], [], ["b"]]],
    "Array(LowCardinality(String))": [[], ["x", "y", "x"], []],
    "Array(LowCardinality(Nullable(String)))": [["x", None], [], ["x"]],
    "Array(Tuple(String, Nullable(UInt8)))": [[], [("a", None), ("b", 3)]],
    "Array(Tuple(rule String, version UInt32, `of what` LowCardinality(String)))": [[], [("fever", 3, "x"), ("r", 1, "y")]],
    "Tuple(String, UInt8)": [("a", 1), ("", 255)],
    "Tuple(code LowCardinality(String), score Float64)": [("411402", 0.5), ("", 1.0)],
    "Tuple(a Array(String), b Tuple(c UInt8, d Nullable(String)))": [(["x"], (1, None)), ([], (2, "y"))],
    "Map(String, String)": [{}, {"a": "1", "b": ""}],
    "Map(LowCardinality(String), UInt64)": [{}, {"a": 1, "b": 2}, {"a": 3}],
    "SimpleAggregateFunction(max, UInt64)": [1, 2],
}


@pytest.fixture(scope="module", params=[False, "lz4"], ids=["plain", "lz4"])
def client(clickhouse_server: ClickHouseServer, request: pytest.FixtureRequest) -> Iterator[Client]:
    with Client(
        clickhouse_server.host,
        port=clickhouse_server.native_port,
        user=clickhouse_server.user,
        password=clickhouse_server.password,
        compression=request.param,
        settings={"allow_suspicious_low_cardinality_types": 1},
    ) as connected:
        connected.execute("CREATE DATABASE IF NOT EXISTS embedded_types")
        connected.execute("USE embedded_types")
        yield connected


@pytest.fixture
def table(client: Client) -> Iterator[str]:
    yield "t"
    client.execute("DROP TABLE IF EXISTS t")


@pytest.mark.parametrize("kind", VALUES)
def test_values_come_back_as_they_went_in(client: Client, table: str, kind: str) -> None:
    client.execute(f"CREATE TABLE t (n UInt32, v {kind}) ENGINE = MergeTree ORDER BY n")
    rows = list(enumerate(VALUES[kind]))
    assert client.execute("INSERT INTO t (n, v) VALUES", rows) == len(rows)
    answer, columns = client.execute("SELECT n, v FROM t ORDER BY n", with_column_types=True)
    assert answer == rows
    assert columns[1][1].replace("\\'", "''") == kind


@pytest.mark.parametrize("kind", VALUES)
def test_no_rows_still_tell_the_columns(client: Client, table: str, kind: str) -> None:
    client.execute(f"CREATE TABLE t (v {kind}) ENGINE = MergeTree ORDER BY tuple()")
    assert client.execute("INSERT INTO t VALUES", []) == 0
    answer, columns = client.execute("SELECT v FROM t", with_column_types=True)
    assert answer == []
    assert columns[0][1].replace("\\'", "''") == kind


def test_all_types_in_one_columnar_insert(client: Client, table: str) -> None:
    kinds = list(VALUES)
    columns = [(VALUES[kind] * 1000)[:1000] for kind in kinds]
    definition = ", ".join(f"c{number} {kind}" for number, kind in enumerate(kinds))
    client.execute(f"CREATE TABLE t (n UInt32, {definition}) ENGINE = MergeTree ORDER BY n")
    assert client.execute("INSERT INTO t VALUES", [list(range(1000)), *columns], columnar=True) == 1000
    answer = client.execute("SELECT * EXCEPT n FROM t ORDER BY n", columnar=True)
    assert [list(column) for column in answer] == columns


def test_nested_columns_and_a_table_of_all_kinds_of_defaults(client: Client, table: str) -> None:
    client.execute(
        "CREATE TABLE t (a UInt8, n Nested(x String, y UInt8), d UInt8 DEFAULT a + 1, m UInt8 MATERIALIZED a + 2,"
        " e UInt8 EPHEMERAL 3, l UInt8 ALIAS a + 4) ENGINE = MergeTree ORDER BY a"
    )
    client.execute("INSERT INTO t (a, n.x, `n.y`) VALUES", [(1, ["p", "q"], [5, 6])])
    client.execute("INSERT INTO t VALUES", [(2, [], [], 9)])
    assert client.execute("SELECT a, n.x, n.y, d, m, l FROM t ORDER BY a") == [
        (1, ["p", "q"], [5, 6], 2, 3, 5),
        (2, [], [], 9, 4, 6),
    ]


def test_a_million_rows_in_and_out(client: Client, table: str) -> None:
    rows = 1_000_000
    client.execute(
        "CREATE TABLE t (n UInt32, s String, c LowCardinality(Nullable(String)), a Array(String)) ENGINE = MergeTree ORDER BY n"
    )
    texts = [f"商丘 {number}" for number in range(rows)]
    units = [(None, "411402", "411481")[number % 3] for number in range(rows)]
    lists = [["fever"] * (number % 3) for number in range(rows)]
    assert client.execute("INSERT INTO t VALUES", [list(range(rows)), texts, units, lists], columnar=True) == rows
    numbers, back, groups, arrays = client.execute("SELECT * FROM t ORDER BY n", columnar=True)
    assert numbers == tuple(range(rows))
    assert (list(back), list(groups), list(arrays)) == (texts, units, lists)


def test_a_result_is_streamed(client: Client) -> None:
    seen = 0
    for block in client.execute_iter("SELECT number FROM numbers(3000000)", chunk_size=100_000):
        seen += len(block)
    assert seen == 3_000_000


def test_a_type_without_a_fixed_layout_can_be_used_by_the_engine(client: Client, table: str) -> None:
    sql = "SELECT sumState(number) AS s FROM numbers(3)"
    client.execute("CREATE TABLE t (s AggregateFunction(sum, UInt64)) ENGINE = MergeTree ORDER BY tuple()")
    client.execute(f"INSERT INTO t {sql}")
    assert client.execute("SELECT finalizeAggregation(s) FROM t") == [(3,)]
