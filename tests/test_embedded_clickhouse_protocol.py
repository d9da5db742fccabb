"""The embedded ClickHouse behaves towards clickhouse-driver and clickhouse-client as a server does."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException
from clickhouse_driver.protocol import ServerPacketTypes

from arrivals.embedded.clickhouse.launcher import ClickHouseServer

DATABASE = "embedded_protocol"
ENDLESS = "SELECT sum(cityHash64(number)) FROM numbers(1000000000000)"
TABLE = "(n UInt64, s String) ENGINE = MergeTree ORDER BY n"


def connect(server: ClickHouseServer, **options: Any) -> Client:
    return Client(
        server.host,
        port=server.native_port,
        **{"user": server.user, "password": server.password, "database": DATABASE, **options},
    )


@pytest.fixture(scope="module")
def server(clickhouse_server: ClickHouseServer) -> ClickHouseServer:
    with connect(clickhouse_server, database="") as client:
        client.execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
    return clickhouse_server


@pytest.fixture
def client(server: ClickHouseServer) -> Iterator[Client]:
    with connect(server) as connected:
        yield connected


@pytest.fixture
def table(client: Client) -> Iterator[str]:
    client.execute(f"CREATE TABLE t {TABLE}")
    yield "t"
    client.execute("DROP TABLE t SYNC")


def failure(run: Callable[[], object]) -> ServerException:
    with pytest.raises(ServerException) as caught:
        run()
    return caught.value


def ask(client: Client, sql: str) -> Any:
    """Asks without the driver's habit of closing the connection on errors: the rows, or the code of the error."""
    client.connection.send_query(sql)
    client.connection.send_external_tables(None)
    rows: list[Any] = []
    while True:
        packet = client.connection.receive_packet()
        if packet.type == ServerPacketTypes.EXCEPTION:
            return packet.exception.code
        if packet.type == ServerPacketTypes.END_OF_STREAM:
            return rows
        if packet.type == ServerPacketTypes.DATA and packet.block.num_rows:
            rows += packet.block.get_rows()


def wait_until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def running(client: Client, text: str) -> int:
    """How many statements that begin with `text` the engine is working on."""
    answer = client.execute("SELECT count() FROM system.processes WHERE startsWith(query, %(text)s)", {"text": text})
    return int(answer[0][0])


def test_hello_tells_version_and_zone(client: Client) -> None:
    client.execute("SELECT 1")
    info = client.connection.server_info
    assert info.name == "ClickHouse"
    assert info.version_tuple() == tuple(int(part) for part in client.execute("SELECT version()")[0][0].split(".")[:3])
    assert (info.timezone, info.used_revision) == ("UTC", 54449)
    assert client.execute("SELECT timezone(), currentDatabase()") == [("UTC", DATABASE)]


@pytest.mark.parametrize(
    ("user", "password"), [("arrivals", "wrong"), ("arrivals", ""), ("nobody", "test-owner"), ("default", "")]
)
def test_wrong_credentials_are_refused(server: ClickHouseServer, user: str, password: str) -> None:
    with connect(server, user=user, password=password) as stranger:
        assert failure(lambda: stranger.execute("SELECT 1")).code == 516


def test_unknown_database_is_refused_at_hello(server: ClickHouseServer) -> None:
    with connect(server, database="nope`; DROP") as lost:
        assert failure(lambda: lost.execute("SELECT 1")).code == 81


def test_ping(client: Client) -> None:
    client.execute("SELECT 1")
    assert client.connection.ping()


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM nope", 60),
        ("SELECT nope", 47),
        ("SELEC 1", 62),
        ("", 62),
        ("SELECT 1; SELECT 2", 62),
        ("SELECT nope(1)", 46),
        ("SELECT toUInt8('x')", 6),
        ("SELECT 'a' + 1", 43),
        ("SELECT CAST('x' AS Array(UInt8))", 130),
        ("SELECT throwIf(number = 500000) FROM numbers(1000000)", 395),
        ("SELECT groupArray(repeat('x', 1000)) FROM numbers(1000000) SETTINGS max_memory_usage = 20000000", 241),
        ("SELECT sleepEachRow(0.1) FROM numbers(100) SETTINGS max_execution_time = 0.3, max_block_size = 1", 159),
        ("SELECT 1 FROM numbers(100) SETTINGS max_result_rows = 10", 396),
        ("SELECT 1 INTO OUTFILE '/tmp/arrivals-outfile'", 48),
        ("INSERT INTO nope VALUES (1)", 60),
        ("CREATE TABLE t (a UInt8) ENGINE = Nope", 56),
        ("SET nope = 1", 115),
        ("USE nope", 81),
    ],
)
def test_errors_keep_their_codes_and_the_connection(client: Client, sql: str, code: int) -> None:
    error = failure(lambda: client.execute(sql))
    assert error.code == code
    assert "DB::Exception" in error.message
    ask(client, "SET max_block_size = 77")
    assert ask(client, sql) == code
    assert ask(client, "SELECT getSetting('max_block_size')") == [(77,)]


def test_values_of_the_wrong_type_are_refused_with_code_53(client: Client, table: str) -> None:
    client.execute("CREATE TABLE m (a Map(String, UInt8)) ENGINE = MergeTree ORDER BY tuple()")
    assert failure(lambda: client.execute("INSERT INTO m SELECT [1, 2]")).code == 53
    client.execute("DROP TABLE m")


def test_settings_of_a_query_do_not_outlast_it(client: Client) -> None:
    asked = "SELECT getSetting('max_block_size'), getSetting('max_threads') = 1"
    before = client.execute(asked)
    assert client.execute(asked, settings={"max_block_size": 1234, "max_threads": 1}) == [(1234, 1)]
    assert client.execute(asked) == before
    client.execute("SET max_block_size = 77")
    assert client.execute(asked)[0][0] == 77
    assert client.execute(asked, settings={"max_block_size": 1234})[0][0] == 1234
    assert client.execute(asked)[0][0] == 77
    assert failure(lambda: client.execute("SELECT 1", settings={"max_block_size": "many"})).code == 27
    assert client.execute(asked) == before


def test_readonly_of_a_query_does_not_outlast_it(client: Client) -> None:
    client.execute("SET max_block_size = 77")
    assert client.execute("SELECT getSetting('readonly')", settings={"readonly": 1}) == [(1,)]
    client.execute(f"CREATE TABLE r {TABLE}")
    client.execute("DROP TABLE r")
    assert client.execute("SELECT getSetting('max_block_size'), currentDatabase()") == [(77, DATABASE)]
    assert failure(lambda: client.execute(f"CREATE TABLE r {TABLE}", settings={"readonly": 1})).code == 164


def test_unknown_settings_are_passed_over_unless_important(server: ClickHouseServer) -> None:
    with connect(server, settings={"max_block_size": 55, "no_such_setting": 1}) as client:
        assert client.execute("SELECT getSetting('max_block_size')") == [(55,)]
        assert client.execute("SELECT getSetting('max_block_size')") == [(55,)]
    with connect(server, settings={"no_such_setting": 1}, settings_is_important=True) as client:
        assert failure(lambda: client.execute("SELECT 1")).code == 115


def test_sessions_do_not_see_each_other(server: ClickHouseServer, client: Client) -> None:
    with connect(server, database="system") as other:
        other.execute("SET max_block_size = 99")
        other.execute("CREATE TEMPORARY TABLE mine (a UInt8)")
        other.execute("INSERT INTO mine VALUES", [(1,)])
        assert other.execute("SELECT a, currentDatabase() FROM mine", settings={"max_threads": 1}) == [(1, "system")]
        assert client.execute("SELECT getSetting('max_block_size') = 99, currentDatabase()") == [(0, DATABASE)]
        assert failure(lambda: client.execute("SELECT * FROM mine")).code == 60
        other.execute(f"USE {DATABASE}")
        assert other.execute("SELECT currentDatabase()") == [(DATABASE,)]


def test_parameters_and_text_of_all_kinds(client: Client) -> None:
    values = {"a": "it's \\ 商丘 \n\t", "b": 5, "c": ["x", "y"]}
    assert client.execute("SELECT %(a)s, %(b)s, %(c)s", values) == [(values["a"], 5, ["x", "y"])]
    assert client.execute("SELECT 1 -- a comment\n/* and ; another */ ;\n") == [(1,)]
    assert client.execute("SELECT 'x' AS `FORMAT` FORMAT JSON") == [("x",)]
    assert client.execute("SELECT 'FORMAT CSV'") == [("FORMAT CSV",)]


def test_statements_of_every_kind_give_columns(client: Client, table: str) -> None:
    for sql in ("SHOW TABLES", "DESCRIBE t", "EXPLAIN SELECT 1", "EXISTS t", "SHOW CREATE TABLE t", "SHOW DATABASES"):
        rows, columns = client.execute(sql, with_column_types=True)
        assert rows, sql
        assert columns, sql
    assert client.execute("SELECT name FROM system.tables WHERE database = currentDatabase()") == [("t",)]
    columns_of = "SELECT name, type FROM system.columns WHERE table = 't' AND database = currentDatabase()"
    assert client.execute(columns_of) == [("n", "UInt64"), ("s", "String")]


def test_zones_of_columns_are_told_with_and_without_rows(client: Client) -> None:
    sql = "SELECT toDateTime(0, 'Asia/Shanghai') AS a, number AS n, toDateTime(0) AS c FROM numbers(%(rows)s)"
    for rows in (0, 2, 200_000):
        answer, columns = client.execute(sql, {"rows": rows}, with_column_types=True)
        assert len(answer) == rows
        assert columns == [("a", "DateTime('Asia/Shanghai')"), ("n", "UInt64"), ("c", "DateTime")]
    client.execute("CREATE TEMPORARY TABLE z AS SELECT toDateTime(0) AS a")
    assert client.execute("SELECT toUInt32(a), a FROM z")[0][0] == 0


def test_progress_counts_what_was_read_and_written(client: Client, table: str) -> None:
    client.execute("INSERT INTO t VALUES", [(number, "x") for number in range(1000)])
    client.execute("SELECT sum(n) FROM t")
    assert client.last_query.progress.rows == 1000
    assert client.last_query.progress.bytes > 0


def test_inserts_with_text_select_and_function(client: Client, table: str) -> None:
    client.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b; FORMAT CSV')")
    client.execute("INSERT INTO t (s, n) SETTINGS max_threads = 1 VALUES", [("c", 3)])
    client.execute(f"INSERT INTO {DATABASE}.`t` FORMAT Native", [(4, "d")])
    client.execute("INSERT INTO t SELECT number + 10, 'e' FROM numbers(2)")
    client.execute("INSERT INTO t (*) VALUES", [(5, "f")])
    assert client.execute("SELECT n, s FROM t ORDER BY n") == [
        *[(1, "a"), (2, "b; FORMAT CSV"), (3, "c"), (4, "d"), (5, "f"), (10, "e"), (11, "e")]
    ]
    assert failure(lambda: client.execute("INSERT INTO t (n, nope) VALUES", [(1, 2)])).code == 16
    assert failure(lambda: client.execute("INSERT INTO nope VALUES", [(1, 2)])).code == 60
    assert client.execute("SELECT count() FROM t") == [(7,)]


@pytest.mark.parametrize("compression", [False, "lz4"])
def test_a_repeated_token_is_dropped(server: ClickHouseServer, client: Client, compression: str | bool) -> None:
    client.execute(f"CREATE TABLE d {TABLE} SETTINGS non_replicated_deduplication_window = 100")
    rows = [(number, str(number)) for number in range(100)]
    with connect(server, compression=compression) as writer:
        for token, expected in (("scans:0:0-99", 100), ("scans:0:0-99", 100), ("scans:0:100-199", 200)):
            writer.execute("INSERT INTO d VALUES", rows, settings={"insert_deduplication_token": token, "async_insert": 0})
            assert writer.execute("SELECT count() FROM d") == [(expected,)]
        for expected in (300, 300):
            writer.execute("INSERT INTO d SETTINGS insert_deduplication_token = 'a b' VALUES", rows)
            assert writer.execute("SELECT count() FROM d") == [(expected,)]
    client.execute("DROP TABLE d SYNC")


def test_repeated_rows_without_a_token_follow_the_hash(client: Client, table: str) -> None:
    for _ in range(2):
        client.execute("INSERT INTO t VALUES", [(1, "a")])
    assert client.execute("SELECT count() FROM t") == [(2,)]


def test_a_failing_insert_stores_nothing_and_keeps_the_connection(client: Client) -> None:
    client.execute("CREATE TABLE c (n UInt64, CONSTRAINT small CHECK n < 100) ENGINE = MergeTree ORDER BY n")
    for _ in range(3):
        failed = failure(lambda: client.execute("INSERT INTO c VALUES", [(number,) for number in range(101)]))
        assert failed.code == 469
    client.execute("INSERT INTO c VALUES", [(1,)])
    client.execute("SET max_block_size = 77")
    client.connection.send_query("INSERT INTO c VALUES")
    client.connection.send_external_tables(None)
    sample = client.receive_sample_block()
    client.send_data(sample, [(1,), (1000,)])
    assert failure(client.receive_end_of_insert_query).code == 469
    assert client.execute("SELECT count(), getSetting('max_block_size') FROM c") == [(1, 77)]
    client.execute("DROP TABLE c")


def test_a_failing_materialized_view_is_told(client: Client, table: str) -> None:
    client.execute("CREATE MATERIALIZED VIEW v ENGINE = MergeTree ORDER BY n AS SELECT throwIf(n = 3) AS n FROM t")
    assert failure(lambda: client.execute("INSERT INTO t VALUES", [(3, "x")])).code == 395
    client.execute("DROP TABLE v")


def test_a_client_that_dies_in_the_middle_of_an_insert_stores_nothing(
    server: ClickHouseServer, client: Client, table: str
) -> None:
    for cut in (0, 1, 100, 3000):
        dying = connect(server)
        dying.execute("SELECT 1")
        dying.connection.send_query("INSERT INTO t VALUES")
        dying.connection.send_external_tables(None)
        dying.receive_sample_block()
        block = b"\x02\x00\x01\x00\x02\xff\xff\xff\xff\x00\x02\xe8\x07\x01n\x06UInt64" + bytes(8000) + b"\x01s\x06String"
        raw = dying.connection.socket
        raw.sendall(block)
        raw.sendall(b"\x01x" * (cut // 2) + b"\x01" * (cut % 2))
        raw.shutdown(socket.SHUT_RDWR)
        raw.close()
    whole = connect(server)
    whole.execute("SELECT 1")
    whole.connection.send_query("INSERT INTO t VALUES")
    whole.connection.send_external_tables(None)
    whole.receive_sample_block()
    whole.connection.socket.sendall(block + b"\x01x" * 1000)  # a whole block, but not the empty one behind it
    whole.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    whole.connection.socket.close()
    wait_until(lambda: running(client, "INSERT INTO t") == 0)
    time.sleep(0.2)
    assert client.execute("SELECT count() FROM t") == [(0,)]


def test_a_cancelled_query_stops(server: ClickHouseServer, client: Client) -> None:
    with connect(server) as impatient:
        progress = impatient.execute_with_progress(ENDLESS)
        assert progress
        wait_until(lambda: running(client, ENDLESS) == 1)
        impatient.cancel()
        wait_until(lambda: running(client, ENDLESS) == 0)
        assert impatient.execute("SELECT 1") == [(1,)]


def test_a_streaming_result_can_be_cancelled(server: ClickHouseServer, client: Client) -> None:
    sql = "SELECT number, repeat('x', 1000) FROM numbers(1000000000)"
    with connect(server) as impatient:
        rows = impatient.execute_iter(sql)
        assert next(rows)[0] == 0
        impatient.disconnect()
    wait_until(lambda: running(client, sql) == 0)


def test_a_client_that_dies_during_a_query_stops_it(server: ClickHouseServer, client: Client) -> None:
    dying = connect(server)
    dying.execute("SELECT 1")
    dying.connection.send_query("INSERT INTO FUNCTION null('n UInt64') SELECT number FROM numbers(1000000000000)")
    dying.connection.send_external_tables(None)
    wait_until(lambda: running(client, "INSERT INTO FUNCTION null") == 1)
    dying.connection.socket.close()
    wait_until(lambda: running(client, "INSERT INTO FUNCTION null") == 0)
    assert client.execute("SELECT 1") == [(1,)]


def test_max_execution_time_ends_a_query(client: Client) -> None:
    assert failure(lambda: client.execute(ENDLESS, settings={"max_execution_time": 1})).code == 159


def test_twenty_clients_at_once(server: ClickHouseServer, client: Client, table: str) -> None:
    together = threading.Barrier(20)

    def work(number: int) -> int:
        with connect(server, compression=number % 2 == 0) as one:
            one.execute("SET max_threads = 1")
            together.wait(30)
            for step in range(5):
                one.execute("INSERT INTO t VALUES", [(number * 1000 + step, "x" * number)] * 100)
                assert one.execute("SELECT count() FROM t WHERE n = %(n)s", {"n": number * 1000 + step}) == [(100,)]
                assert failure(lambda: one.execute("SELECT * FROM nope")).code == 60
            return int(one.execute("SELECT count() FROM t WHERE intDiv(n, 1000) = %(n)s", {"n": number})[0][0])

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(work, range(20))) == [500] * 20
    assert client.execute("SELECT count(), uniq(n) FROM t") == [(10_000, 100)]


def test_a_light_query_is_answered_beside_heavy_ones(server: ClickHouseServer, client: Client) -> None:
    heavy = [connect(server) for _ in range(3)]
    for one in heavy:
        one.execute_with_progress(ENDLESS)
    wait_until(lambda: running(client, ENDLESS) == 3)
    assert client.execute("SELECT 1") == [(1,)]
    for one in heavy:
        one.disconnect()
    wait_until(lambda: running(client, ENDLESS) == 0)


def test_external_tables_are_refused_clearly(server: ClickHouseServer) -> None:
    tables = [{"name": "ext", "structure": [("x", "UInt8")], "data": [{"x": 1}]}]
    with connect(server) as client:
        error = failure(lambda: client.execute("SELECT * FROM ext", external_tables=tables))
    assert error.code == 48
    assert "External tables" in error.message


def test_bytes_of_another_protocol_are_refused(server: ClickHouseServer) -> None:
    for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 100, b"\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"):
        with socket.create_connection((server.host, server.native_port), timeout=15) as stranger:
            stranger.sendall(junk)
            assert stranger.recv(1) == b"\x02"


def test_a_corrupted_frame_is_refused(server: ClickHouseServer, client: Client, table: str) -> None:
    broken = connect(server, compression="lz4")
    broken.execute("SELECT 1")
    broken.connection.send_query("INSERT INTO t VALUES")
    broken.connection.send_external_tables(None)
    broken.receive_sample_block()
    broken.connection.socket.sendall(b"\x02\x00" + bytes(16) + b"\x82" + struct.pack("<II", 19, 10) + bytes(10))
    with pytest.raises((ServerException, EOFError)) as caught:
        broken.receive_end_of_insert_query()
    assert getattr(caught.value, "code", 40) == 40
    broken.disconnect()
    assert client.execute("SELECT count() FROM t") == [(0,)]


@pytest.mark.skipif(shutil.which("clickhouse-client") is None, reason="clickhouse-client is not installed")
def test_the_real_command_line_client(server: ClickHouseServer, client: Client, table: str) -> None:
    def run(sql: str, rows: str = "") -> str:
        options = ["--port", str(server.native_port), "--user", server.user, "--password", server.password]
        command = ["clickhouse-client", "--host", server.host, *options, "--database", DATABASE, "--query", sql]
        done = subprocess.run(command, input=rows, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run("SELECT 1 AS a, 'x' AS b FORMAT JSONEachRow") == '{"a":1,"b":"x"}\n'
    assert run("INSERT INTO t FORMAT CSV", '1,"a"\n2,"b"\n') == ""
    assert run("INSERT INTO t VALUES (3, 'c')") == ""
    assert run("SELECT * FROM t ORDER BY n") == "1\ta\n2\tb\n3\tc\n"
    assert run("SELECT count() FROM numbers(300000) WHERE number % 3 = 0") == "100000\n"
    assert run("SELECT getSetting('max_block_size') SETTINGS max_block_size = 5") == "5\n"
    assert run("SHOW TABLES") == "t\n"
