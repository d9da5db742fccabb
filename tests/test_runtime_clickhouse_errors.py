"""What the driver and the server say about an insert, sorted into our families: real inserts into a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from clickhouse_driver import Client

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.runtime.clickhouse_client import clickhouse_errors
from schemas.errors import ArrivalsError, Misconfigured, Rejected, Unavailable
from tests.clickhouse_kit import plain_client

PERSON = "411426196501011235"


@pytest.fixture
def client(clickhouse_server: ClickHouseServer) -> Iterator[Client]:
    made = plain_client(clickhouse_server)
    yield made
    made.disconnect()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("UInt8", 300),
        ("UInt8", PERSON),
        ("UUID", PERSON),
        ("IPv4", PERSON),
        ("Enum8('low' = 1, 'high' = 2)", PERSON),
        ("Decimal(4, 1)", PERSON),
    ],
)
def test_a_value_the_driver_cannot_pack_is_rejected_and_not_repeated(client: Client, kind: str, value: Any) -> None:
    client.execute(f"CREATE OR REPLACE TABLE default.packing (x {kind}) ENGINE = MergeTree ORDER BY tuple()")
    with pytest.raises(Rejected) as refused, clickhouse_errors():
        client.execute("INSERT INTO default.packing (x) VALUES", [[value]], columnar=True)
    assert refused.value.code == "clickhouse_value"
    assert PERSON not in str(refused.value)
    assert refused.value.__cause__ is None
    with clickhouse_errors():  # the same client goes on
        assert client.execute("SELECT count() FROM default.packing") == [(0,)]


@pytest.mark.parametrize(
    ("statement", "family"),
    [
        ("SELECT * FROM default.there_is_no_such_table", Misconfigured),
        ("SELECT toUInt8('x')", Rejected),
        ("SELECT sleepEachRow(1) FROM numbers(3) SETTINGS max_execution_time = 1", Unavailable),
    ],
)
def test_what_the_server_says_is_sorted_by_its_code(client: Client, statement: str, family: type[ArrivalsError]) -> None:
    with pytest.raises(family), clickhouse_errors():
        client.execute(statement)


def test_no_server_is_unavailable() -> None:
    with pytest.raises(Unavailable), clickhouse_errors():
        Client("127.0.0.1", port=1).execute("SELECT 1")
