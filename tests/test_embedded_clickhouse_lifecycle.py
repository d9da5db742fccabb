"""The embedded ClickHouse starts, stops, is killed and starts again with every row it has confirmed."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import Error

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from schemas.errors import Misconfigured

TABLE = "(n UInt64, s String) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 1000"


def connect(server: ClickHouseServer) -> Client:
    return Client(server.host, port=server.native_port, user=server.user, password=server.password)


def test_data_and_tokens_outlive_a_stop(tmp_path: Path) -> None:
    with ClickHouseServer(tmp_path, password="one") as server, connect(server) as client:
        client.execute(f"CREATE TABLE t {TABLE}")
        client.execute("CREATE VIEW v AS SELECT count() AS c FROM t")
        client.execute("INSERT INTO t VALUES", [(1, "a")], settings={"insert_deduplication_token": "x"})
        process = server.process
        assert process is not None
        server.stop()
        assert process.returncode == 0
    with ClickHouseServer(tmp_path, password="two") as server, connect(server) as client:
        client.execute("INSERT INTO t VALUES", [(2, "b")], settings={"insert_deduplication_token": "x"})
        assert client.execute("SELECT * FROM t") == [(1, "a")]
        assert client.execute("SELECT * FROM v") == [(1,)]


def test_every_confirmed_insert_outlives_kill_9(tmp_path: Path) -> None:
    confirmed: list[int] = []
    attempted = 0
    for round_ in range(3):
        with ClickHouseServer(tmp_path) as server, connect(server) as client:
            client.execute(f"CREATE TABLE IF NOT EXISTS t {TABLE}")
            killer = threading.Timer(0.3 + 0.2 * round_, server.kill)
            killer.start()
            while attempted == len(confirmed) + round_:  # each round ends with the one insert that fails
                attempted += 1
                rows, token = [(attempted, str(attempted))] * 10, {"insert_deduplication_token": str(attempted)}
                with suppress(Error, OSError, EOFError):
                    client.execute("INSERT INTO t VALUES", rows, settings=token)
                    confirmed.append(attempted)
            killer.join()
    with ClickHouseServer(tmp_path) as server, connect(server) as client:
        stored = dict(client.execute("SELECT n, count() FROM t GROUP BY n"))
        assert set(stored.values()) == {10}
        assert set(confirmed) <= set(stored)
        assert len(stored) <= attempted
        assert not list((tmp_path / "spool").iterdir())


def test_sigterm_beside_queries_and_open_inserts(tmp_path: Path) -> None:
    with ClickHouseServer(tmp_path) as server:
        with connect(server) as client:
            client.execute(f"CREATE TABLE t {TABLE}")
        busy, open_insert = connect(server), connect(server)
        busy.execute("SELECT 1")
        busy.connection.send_query("SELECT sum(cityHash64(number)) FROM numbers(1000000000000)")
        busy.connection.send_external_tables(None)
        open_insert.execute("SELECT 1")
        open_insert.connection.send_query("INSERT INTO t VALUES")
        open_insert.connection.send_external_tables(None)
        sample = open_insert.receive_sample_block()
        assert sample.columns_with_types
        idle = connect(server)
        idle.execute("SELECT 1")
        time.sleep(0.3)
        process = server.process
        assert process is not None
        server.stop()
        assert process.returncode == 0
        for client in (busy, open_insert, idle):
            client.disconnect()
    with ClickHouseServer(tmp_path) as server, connect(server) as client:
        assert client.execute("SELECT count() FROM t") == [(0,)]


def test_a_folder_has_one_server(tmp_path: Path) -> None:
    with ClickHouseServer(tmp_path) as server, connect(server) as client:
        second = ClickHouseServer(tmp_path, password="other")
        with pytest.raises(Misconfigured, match="cannot open"):
            second.start()
        assert client.execute("SELECT 1") == [(1,)]


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Misconfigured, match="port"):
        ClickHouseServer(tmp_path, native_port=taken.getsockname()[1]).start()


def test_it_listens_on_loopback_only_and_keeps_its_secrets(tmp_path: Path) -> None:
    with ClickHouseServer(tmp_path, password="hush", reader_password="look") as server:
        assert server.process is not None
        command = Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
        assert b"hush" not in command
        assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()} == {0o600}
        for port in (server.native_port, server.http_port):
            inodes = Path(f"/proc/{server.process.pid}/net/tcp").read_text("utf-8")
            assert f" 0100007F:{port:04X} 00000000:0000 0A" in inodes


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from arrivals.embedded.clickhouse.launcher import ClickHouseServer;"
        "s = ClickHouseServer(Path(sys.argv[1])); s.start(); print(s.process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for _ in range(300):
        try:
            state = Path(f"/proc/{child}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":  # nobody waits for an orphan in some containers
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the server goes on")


@pytest.mark.parametrize("content", [None, " \n"])
def test_no_password_no_server(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_text(content, "utf-8")
    command = [
        sys.executable,
        "-m",
        "arrivals.embedded.clickhouse",
        "--data",
        str(tmp_path / "data"),
        "--password-file",
        str(path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "password file" in done.stderr
    assert done.stdout == ""


def test_help_is_there() -> None:
    command = [sys.executable, "-m", "arrivals.embedded.clickhouse", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    for option in (
        "--data",
        "--native-port",
        "--http-port",
        "--user",
        "--password-file",
        "--reader-password-file",
        "--memory-mb",
    ):
        assert option in done.stdout


def test_memory_is_bounded(tmp_path: Path) -> None:
    with ClickHouseServer(tmp_path, memory_mb=1024) as server, connect(server) as client:
        with pytest.raises(Error) as caught:
            client.execute("SELECT groupArray(toString(number)) FROM numbers(100000000) FORMAT Null")
        assert caught.value.code == 241
        client.execute(f"CREATE TABLE t {TABLE}")
        client.execute("INSERT INTO t SELECT number, toString(number) FROM numbers(3000000)")
        assert client.execute("SELECT count() FROM t") == [(3_000_000,)]
        assert server.process is not None
        status = Path(f"/proc/{server.process.pid}/status").read_text("utf-8")
        resident_kb = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))
        assert resident_kb < 2_000_000
