"""The HTTP interface of the embedded ClickHouse, for clickhouse-connect, curl, Grafana and notebooks."""

from __future__ import annotations

import gzip
import json
import socket
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import clickhouse_connect
import httpx
import lz4.frame
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.clickhouse.watch import disconnected, peeked

DATABASE = "embedded_http"


@pytest.fixture(scope="module")
def http(clickhouse_server: ClickHouseServer) -> Iterator[httpx.Client]:
    headers = {"X-ClickHouse-User": clickhouse_server.user, "X-ClickHouse-Key": clickhouse_server.password}
    url = f"http://{clickhouse_server.host}:{clickhouse_server.http_port}"
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        assert client.post("/", content=f"CREATE DATABASE IF NOT EXISTS {DATABASE}").status_code == 200
        client.params = client.params.merge({"database": DATABASE})
        yield client


@pytest.fixture
def table(http: httpx.Client) -> Iterator[str]:
    run(
        http,
        "CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 10",
    )
    yield "t"
    run(http, "DROP TABLE IF EXISTS t SYNC")


@pytest.fixture(params=["", "lz4", "gzip"], ids=["plain", "lz4", "gzip"])
def connected(clickhouse_server: ClickHouseServer, http: httpx.Client, request: pytest.FixtureRequest) -> Iterator[Any]:
    client = clickhouse_connect.get_client(
        host=clickhouse_server.host,
        port=clickhouse_server.http_port,
        username=clickhouse_server.user,
        password=clickhouse_server.password,
        database=DATABASE,
        compress=request.param or False,
    )
    yield client
    client.close()


def run(http: httpx.Client, sql: str, **params: str) -> str:
    answer = http.post("/", content=sql, params=params)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_ping_needs_no_password(clickhouse_server: ClickHouseServer) -> None:
    for path in ("/ping", "/"):
        answer = httpx.get(f"http://{clickhouse_server.host}:{clickhouse_server.http_port}{path}")
        assert (answer.status_code, answer.text) == (200, "Ok.\n")
    assert httpx.get(f"http://{clickhouse_server.host}:{clickhouse_server.http_port}/nope").status_code == 404


def test_credentials_come_in_three_ways(clickhouse_server: ClickHouseServer) -> None:
    url, good = f"http://{clickhouse_server.host}:{clickhouse_server.http_port}/", (clickhouse_server.user, "test-owner")
    ask = {"query": "SELECT 1"}
    assert httpx.get(url, params=ask, auth=good).text == "1\n"
    assert httpx.get(url, params={**ask, "user": good[0], "password": good[1]}).text == "1\n"
    assert httpx.get(url, params=ask, headers={"X-ClickHouse-User": good[0], "X-ClickHouse-Key": good[1]}).text == "1\n"
    for refused in (httpx.get(url, params=ask), httpx.get(url, params=ask, auth=("arrivals", "wrong"))):
        assert refused.status_code == 403
        assert refused.headers["X-ClickHouse-Exception-Code"] == "516"


def test_the_statement_is_the_query_the_body_or_both(http: httpx.Client) -> None:
    assert http.get("/", params={"query": "SELECT 1"}).text == "1\n"
    assert run(http, "SELECT 1;\n") == "1\n"
    assert run(http, "+ 1", query="SELECT 1") == "2\n"
    assert run(http, "SELECT '商丘'") == "商丘\n"


def test_formats(http: httpx.Client) -> None:
    sql = "SELECT number AS n, toString(number) AS s FROM numbers(2)"
    assert run(http, sql) == "0\t0\n1\t1\n"
    assert run(http, f"{sql} FORMAT CSVWithNames") == '"n","s"\n0,"0"\n1,"1"\n'
    assert run(http, sql, default_format="JSONEachRow").splitlines()[1] == '{"n":1,"s":"1"}'
    assert run(http, f"{sql} FORMAT CSV SETTINGS max_threads = 1", default_format="JSON") == '0,"0"\n1,"1"\n'
    for rows in (0, 1, 200_000):
        answer = http.post("/", content=f"SELECT number AS n FROM numbers({rows}) FORMAT JSON")
        document = json.loads(answer.text)
        assert (document["rows"], document["meta"]) == (rows, [{"name": "n", "type": "UInt64"}])
        assert answer.headers["Content-Type"].startswith("application/json")
        assert answer.headers["X-ClickHouse-Format"] == "JSON"
    assert run(http, "SELECT * FROM numbers(200000) FORMAT TSVWithNames").splitlines()[0] == "number"
    assert len(run(http, "SELECT * FROM numbers(200000)").splitlines()) == 200_000
    assert http.post("/", content="SELECT 1 AS a FORMAT Native").content == b"\x01\x01\x01a\x05UInt8\x01"
    assert http.post("/", content="SELECT 1 AS a WHERE 0 FORMAT Native").content == b"\x01\x00\x01a\x05UInt8"
    assert http.post("/", content="SELECT 1 AS a FORMAT Parquet").content[:4] == b"PAR1"


def test_settings_parameters_and_database(http: httpx.Client) -> None:
    assert run(http, "SELECT getSetting('max_block_size'), currentDatabase()", max_block_size="5") == f"5\t{DATABASE}\n"
    assert run(http, "SELECT {n:UInt8} + 1, {s:String}", param_n="4", param_s="it's") == "5\tit\\'s\n"
    assert run(http, "SELECT {n:UInt8} AS n WHERE 0 FORMAT JSONCompact", param_n="4")
    assert run(http, "SELECT 1", database="system", query_id="q-1") == "1\n"
    assert http.post("/", content="SELECT 1", params={"query_id": "q-1"}).headers["X-ClickHouse-Query-Id"] == "q-1"


@pytest.mark.parametrize(
    ("sql", "code", "status"),
    [
        ("SELECT * FROM nope", 60, 404),
        ("SELEC", 62, 400),
        ("SELECT toUInt8('x')", 6, 400),
        ("SELECT sum(cityHash64(number)) FROM numbers(100000000000) SETTINGS max_execution_time = 1", 159, 408),
        ("SELECT 1; SELECT 2", 62, 400),
        ("", 62, 400),
    ],
)
def test_errors(http: httpx.Client, sql: str, code: int, status: int) -> None:
    answer = http.post("/", content=sql)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
    assert http.post("/", content="SELECT 1", params={"no_such_setting": "1"}).headers["X-ClickHouse-Exception-Code"] == "115"


def test_an_error_behind_the_first_rows_breaks_the_answer_off(http: httpx.Client) -> None:
    sql = "SELECT throwIf(number = 900000) FROM numbers(1000000)"
    received: list[bytes] = []
    with http.stream("POST", "/", content=sql) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            received.extend(answer.iter_raw())
    end = b"".join(received)[-1000:]
    assert b"Code: 395. DB::Exception" in end
    assert answer.headers["X-ClickHouse-Exception-Tag"].encode() in end


def test_get_does_not_write(http: httpx.Client, table: str) -> None:
    for sql in ("INSERT INTO t VALUES (1, 'a')", "INSERT INTO t FORMAT CSV", "DROP TABLE t"):
        answer = http.get("/", params={"query": sql})
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "164")
    assert run(http, "SELECT count() FROM t") == "0\n"


def test_inserts(http: httpx.Client, table: str) -> None:
    run(http, "INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    run(http, "INSERT INTO t FORMAT CSV\n3,c\n4,d\n")
    run(http, "5\te\n", query="INSERT INTO t FORMAT TabSeparated")
    run(http, "(6, 'f')", query="INSERT INTO t (n, s) VALUES")
    run(http, '{"n": 7, "s": "商丘"}\n', query="INSERT INTO t (s, n) SETTINGS max_threads = 1 FORMAT JSONEachRow")
    run(http, "", query="INSERT INTO t SELECT 8, 'h'")
    native = b"\x02\x01\x01n\x06UInt64" + (10).to_bytes(8, "little") + b"\x01s\x06String\x02\x0a\xff"
    assert http.post("/", content=b"INSERT INTO t FORMAT Native\n" + native).status_code == 200
    assert run(http, "SELECT n, s FROM t WHERE n < 9 ORDER BY n FORMAT CSV").splitlines() == [
        *['1,"a"', '2,"b"', '3,"c"', '4,"d"', '5,"e"', '6,"f"', '7,"商丘"', '8,"h"']
    ]
    assert run(http, "SELECT hex(s) FROM t WHERE n = 10") == "0AFF\n"
    failed = http.post("/", params={"query": "INSERT INTO t FORMAT CSV"}, content="9,x\nnot a number,y\n")
    assert failed.headers["X-ClickHouse-Exception-Code"] == "27"
    assert run(http, "SELECT count() FROM t") == "9\n"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "lz4", "identity", "zstd"])
def test_compressed_bodies(http: httpx.Client, table: str, encoding: str) -> None:
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "lz4": lz4.frame.compress}.get(encoding, bytes)
    rows = "".join(f"{number}\tx\n" for number in range(100_000)).encode()
    answer = http.post(
        "/", params={"query": "INSERT INTO t FORMAT TSV"}, content=pack(rows), headers={"Content-Encoding": encoding}
    )
    assert answer.status_code == (500 if encoding == "zstd" else 200), answer.text
    assert run(http, "SELECT count(), uniqExact(n) FROM t") == ("0\t0\n" if encoding == "zstd" else "100000\t100000\n")


def test_chunked_bodies_and_tokens(http: httpx.Client, table: str) -> None:
    def rows() -> Iterator[bytes]:
        for number in range(1000):
            yield f"{number}\tx\n".encode()

    for _ in range(2):
        params = {"query": "INSERT INTO t FORMAT TSV", "insert_deduplication_token": "a"}
        answer = http.post("/", params=params, content=rows())
        assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "1000"
    assert run(http, "SELECT count() FROM t") == "1000\n"


def test_an_upload_that_breaks_off_stores_nothing(clickhouse_server: ClickHouseServer, http: httpx.Client, table: str) -> None:
    target = f"/?database={DATABASE}&query=INSERT+INTO+t+FORMAT+TSV&user=arrivals&password=test-owner"
    for head in ("Content-Length: 1000\r\n\r\n1\tx\n", "Transfer-Encoding: chunked\r\n\r\n4\r\n1\tx\n\r\n"):
        with socket.create_connection((clickhouse_server.host, clickhouse_server.http_port)) as raw:
            raw.sendall(f"POST {target} HTTP/1.1\r\nHost: x\r\n{head}".encode())
            raw.shutdown(socket.SHUT_WR)
            assert raw.recv(1000) == b""
    assert run(http, "SELECT count() FROM t") == "0\n"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_answers(http: httpx.Client, encoding: str) -> None:
    params = {"query": "SELECT number FROM numbers(200000)", "enable_http_compression": "1"}
    answer = http.get("/", params=params, headers={"Accept-Encoding": f"br, {encoding}"})
    assert answer.headers["Content-Encoding"] == encoding
    assert len(answer.text.splitlines()) == 200_000


def test_a_client_that_goes_stops_its_query(clickhouse_server: ClickHouseServer, http: httpx.Client) -> None:
    sql = "SELECT sum(cityHash64(number)) FROM numbers(1000000000001)"
    with pytest.raises(httpx.ReadTimeout):
        http.post("/", content=sql, timeout=1)
    for _ in range(300):
        if run(http, "SELECT count() FROM system.processes WHERE query LIKE '%1000000000001%'") == "1\n":
            return
        time.sleep(0.1)
    pytest.fail("the query goes on")


def test_sessions_keep_settings_and_temporary_tables(http: httpx.Client) -> None:
    session = {"session_id": "one", "session_timeout": "60"}
    run(http, "CREATE TEMPORARY TABLE mine (a UInt8)", **session)
    run(http, "SET max_block_size = 7", **session)
    assert run(http, "SELECT (SELECT count() FROM mine), getSetting('max_block_size')", **session) == "0\t7\n"
    assert http.post("/", content="SELECT * FROM mine").status_code == 404
    assert http.post("/", content="SELECT * FROM mine", params={"session_id": "two"}).status_code == 404
    missing = http.post("/", content="SELECT 1", params={"session_id": "three", "session_check": "1"})
    assert missing.headers["X-ClickHouse-Exception-Code"] == "372"


def test_a_look_at_a_connection_with_a_timeout_does_not_wait() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        ours.settimeout(0.5)  # a look that waits raises TimeoutError
        with theirs:
            assert peeked(ours) is None
            assert not disconnected(ours)
            theirs.sendall(b"GET")
            assert (peeked(ours), ours.recv(3)) == (b"G", b"GET")
        assert disconnected(ours)
        assert ours.gettimeout() == 0.5
    assert disconnected(ours)


def test_many_requests_at_once(http: httpx.Client) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: run(http, f"SELECT sum(number) + {number} FROM numbers(1000)"), range(100)))
    assert answers == [f"{499500 + number}\n" for number in range(100)]


def test_clickhouse_connect_queries_and_inserts(connected: Any) -> None:
    connected.command(
        "CREATE OR REPLACE TABLE c (n UInt32, s String, d Decimal(4, 1), c LowCardinality(Nullable(String)),"
        " a Array(String), w DateTime64(3, 'Asia/Shanghai'), z DateTime('Asia/Shanghai')) ENGINE = MergeTree ORDER BY n"
    )
    zone = ZoneInfo("Asia/Shanghai")
    when = datetime(2020, 2, 17, 8, 30, tzinfo=zone)
    rows = [[n, f"商丘{n}", Decimal("37.3"), None if n % 2 else "豫N", ["a"] * (n % 3), when, when] for n in range(5000)]
    assert connected.insert("c", rows, column_names=list("nsdcawz")).written_rows == 5000
    result = connected.query("SELECT * FROM c ORDER BY n")
    assert [list(row) for row in result.result_rows] == rows
    assert [kind.name for kind in result.column_types][-1] == "DateTime('Asia/Shanghai')"
    empty = connected.query("SELECT n, s FROM c WHERE n > 99999")
    assert (list(empty.result_rows), empty.column_names) == ([], ("n", "s"))
    assert connected.query("SELECT {a:UInt32} + 1", parameters={"a": 4}).result_rows == [(5,)]
    assert connected.query("SELECT getSetting('max_block_size')", settings={"max_block_size": 9}).result_rows == [(9,)]
    assert connected.command("SELECT count() FROM c") == 5000
    assert connected.query_arrow("SELECT n FROM c ORDER BY n").column("n").to_pylist() == list(range(5000))
    assert connected.raw_query("SELECT 1", fmt="CSV") == b"1\n"
    with connected.query_row_block_stream("SELECT number FROM numbers(500000)") as stream:
        assert sum(len(block) for block in stream) == 500_000
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        connected.query("SELECT * FROM nope")
    with pytest.raises(DatabaseError, match="FUNCTION_THROW_IF"):
        _ = connected.query("SELECT throwIf(number = 900000) FROM numbers(1000000)").result_rows
    connected.command("DROP TABLE c")
