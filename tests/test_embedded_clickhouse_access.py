"""The reader of the embedded ClickHouse may select from the views of `arrivals`, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from arrivals.embedded.clickhouse.launcher import ClickHouseServer

SECRET = "the-secret-of-a-file"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    with ClickHouseServer(tmp_path_factory.mktemp("clickhouse"), reader_password="look") as running:
        with Client(running.host, port=running.native_port, user=running.user, password=running.password) as owner:
            for statement in (
                "CREATE DATABASE arrivals",
                "CREATE TABLE arrivals.t (n UInt64, name String) ENGINE = MergeTree ORDER BY n",
                "INSERT INTO arrivals.t SELECT number, 'hidden' FROM numbers(10)",
                "CREATE VIEW arrivals.v_numbers AS SELECT n FROM arrivals.t",
                "CREATE VIEW arrivals.v_definer DEFINER = CURRENT_USER SQL SECURITY DEFINER AS SELECT n FROM arrivals.t",
                "CREATE VIEW arrivals.inner AS SELECT n FROM arrivals.t",
                "CREATE DATABASE other",
                "CREATE VIEW other.v_numbers AS SELECT n FROM arrivals.t",
            ):
                owner.execute(statement)
        yield running


@pytest.fixture
def reader(server: ClickHouseServer) -> Iterator[Client]:
    with Client(server.host, port=server.native_port, user=server.reader, password="look", database="arrivals") as client:
        yield client


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(SECRET, "utf-8")
    return path


def test_views_can_be_read_with_settings_of_the_client(reader: Client) -> None:
    assert reader.execute("SELECT count() FROM v_numbers") == [(10,)]
    assert reader.execute("SELECT max(n) FROM arrivals.v_definer", settings={"max_execution_time": 5, "max_threads": 1}) == [(9,)]
    reader.execute("SET max_execution_time = 20")
    assert reader.execute("SELECT getSetting('max_execution_time'), getSetting('readonly')") == [(20, 2)]


def test_clients_find_what_they_need(reader: Client) -> None:
    assert reader.execute("SELECT version() != '', timezone(), currentDatabase(), 1 + 1") == [(1, "UTC", "arrivals", 2)]
    assert reader.execute("SHOW TABLES") == [("v_definer",), ("v_numbers",)]
    assert reader.execute("SELECT name FROM system.databases") == [("arrivals",)]
    assert reader.execute("SELECT table, name FROM system.columns WHERE database = 'arrivals'") == [
        *[("v_definer", "n"), ("v_numbers", "n")]
    ]
    assert reader.execute("DESCRIBE v_numbers")[0][:2] == ("n", "UInt64")
    assert reader.execute("SELECT count() > 100 FROM system.functions") == [(1,)]
    reader.execute("USE arrivals")
    assert reader.execute("SELECT currentDatabase()") == [("arrivals",)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM t",
        "SELECT * FROM `arrivals`.`t`",
        "SELECT * FROM inner",
        "SELECT * FROM other.v_numbers",
        "WITH x AS (SELECT name FROM arrivals.t) SELECT * FROM x",
        "SELECT (SELECT any(name) FROM t)",
        "SELECT * FROM view(SELECT * FROM arrivals.t)",
        "SELECT * FROM merge('arrivals', '^t$')",
        "SELECT * FROM mergeTreeIndex('arrivals', 't')",
        "SELECT * FROM loop(arrivals.t)",
        "SELECT * FROM remote('127.0.0.1', arrivals.t)",
        "DESCRIBE t",
        "SHOW CREATE TABLE t",
        "EXPLAIN SELECT * FROM t",
        "INSERT INTO t VALUES (1, 'x')",
        "INSERT INTO v_numbers VALUES (1)",
        "INSERT INTO FUNCTION file('/tmp/x', 'CSV', 'a UInt8') SELECT 1",
        "CREATE TABLE arrivals.v_mine (n UInt64) ENGINE = Memory",
        "CREATE TEMPORARY TABLE mine (n UInt64)",
        "CREATE VIEW arrivals.v_mine AS SELECT * FROM arrivals.t",
        "CREATE FUNCTION f AS x -> x",
        "CREATE USER u",
        "ALTER TABLE t DELETE WHERE 1",
        "DROP VIEW v_numbers",
        "TRUNCATE TABLE t",
        "OPTIMIZE TABLE t",
        "SYSTEM SHUTDOWN",
        "SYSTEM FLUSH LOGS",
        "KILL QUERY WHERE 1",
        "BACKUP TABLE v_numbers TO File('/tmp/x')",
        "GRANT owner TO default",
        "SET ROLE owner",
        "SET ROLE ALL",
        "SET DEFAULT ROLE owner TO default",
        "/* */ SET /* */ ROLE owner",
        "SET max_threads = 1; SET ROLE owner",
        "SET readonly = 0",
        "SET max_threads = 1, readonly = 0",
        "SET profile = 'default'",
        "SET dialect = 'prql'",
        "SET max_execution_time = 3000",
        "SET max_execution_time = 0",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_execution_time = 3000",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a UInt8')",
        "SELECT * FROM s3('http://127.0.0.1:1/bucket/key', 'CSV', 'a UInt8')",
        "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
        "SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
        "SELECT * FROM sqlite('/tmp/x', 'a')",
        "SELECT * FROM executable('x', 'CSV', 'a UInt8')",
        "SELECT * FROM eval('SELECT 1')",
        "SELECT * FROM python('x')",
        "SELECT 1 INTO OUTFILE '/tmp/arrivals-reader'",
        "SELECT 1 INTO/**/OUTFILE '/tmp/arrivals-reader' FORMAT CSV",
        "SELECT * FROM system.users",
        "SELECT * FROM system.query_log",
        "EXECUTE AS default SELECT 1",
    ],
)
def test_everything_else_is_refused(reader: Client, sql: str) -> None:
    with pytest.raises(ServerException) as caught:
        reader.execute(sql)
    assert "hidden" not in caught.value.message
    assert reader.execute("SELECT count(), currentRoles() FROM v_numbers") == [(10, ["reader"])]
    assert not Path("/tmp/arrivals-reader").exists()  # noqa: S108 - named in the statements above


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT file('{path}')",
        "SELECT file /* */ ('{path}')",
        "SELECT `file`('{path}')",
        "SELECT `\\x66ile`('{path}')",
        "SELECT \"file\"('{path}')",
        "SELECT arrayMap(file, ['{path}'])",
        "SELECT * APPLY(file) FROM (SELECT '{path}')",
        "SELECT 'a', 'it''s', file('{path}')",
        "SELECT 'a\\'', file('{path}')",
        "SELECT '-- ', file('{path}') -- ",
        "SELECT $$'$$, file('{path}'), $$'$$",
        "SELECT /* /* */ file('{path}') */",
        "SELECT # '\n file('{path}')",
        "SELECT 1 --'\n, file('{path}')",
        "SELECT * FROM file('{path}', 'LineAsString')",
        "SELECT * FROM '{path}'",
        "SELECT * FROM `{path}`",
        "WITH file AS f SELECT f('{path}')",
    ],
)
def test_files_cannot_be_read(reader: Client, secret_file: Path, sql: str) -> None:
    with pytest.raises(ServerException) as caught:
        reader.execute(sql.replace("{path}", str(secret_file)))
    assert SECRET not in caught.value.message


@pytest.mark.parametrize("settings", [{"readonly": 0}, {"profile": "default"}, {"max_execution_time": 9999}, {"log_comment": ""}])
def test_settings_sent_along_cannot_widen_the_rights(server: ClickHouseServer, settings: dict[str, object]) -> None:
    options = {"user": server.reader, "password": "look", "settings": settings}
    with Client(server.host, port=server.native_port, **options) as client, pytest.raises(ServerException):
        client.execute("SELECT 1")


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"query": "SELECT count() FROM v_numbers"}, 200),
        ({"query": "SELECT count() FROM v_numbers", "max_execution_time": "5"}, 200),
        ({"query": "SELECT * FROM t"}, 403),
        ({"query": "SELECT 1", "role": "owner"}, 501),
        ({"query": "SELECT 1", "readonly": "0"}, 403),
        ({"query": "SELECT {x:Identifier} FROM v_numbers", "param_x": "n"}, 403),
        ({"query": "SELECT arrayMap({x:Identifier}, ['/etc/hostname'])", "param_x": "file"}, 403),
        ({"query": "SELECT {x:String}", "param_x": "file"}, 200),
        ({"query": "INSERT INTO t VALUES (1, 'x')"}, 403),
        ({"query": "INSERT INTO t FORMAT CSV"}, 403),
    ],
)
def test_the_same_holds_over_http(server: ClickHouseServer, params: dict[str, str], status: int) -> None:
    answer = httpx.post(
        f"http://{server.host}:{server.http_port}/",
        params={"database": "arrivals", **params},
        auth=(server.reader, "look"),
    )
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("password", ["", "look"])
def test_without_a_password_there_is_no_reader(tmp_path: Path, password: str) -> None:
    with ClickHouseServer(tmp_path) as server:
        stranger = Client(server.host, port=server.native_port, user=server.reader, password=password)
        with pytest.raises(ServerException) as caught:
            stranger.execute("SELECT 1")
        assert caught.value.code == 516
