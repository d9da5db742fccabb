"""P4: rows per second from Kafka into ClickHouse through the sink, and the engine's own import of the same rows as JSONEachRow.

Both fill the same two tables; the sink's side includes reading from
Kafka, decoding, the book of ranges and the commits. Everything is started afresh in a temporary folder; the sink runs as a
process of its own.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clickhouse_driver import Client

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.ports import free_port
from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.kafka_clients import make_producer
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.settings import Settings
from arrivals.runtime.topic_admin import ensure_topics
from benchmarks.arrival_samples import sample_arrival
from sinks.migrate import migrate
from sinks.tables import ARRIVALS

_SINK = (
    "import sys\nfrom arrivals.runtime.settings import Settings\nfrom sinks.run_sink import run_sink\n"
    "run_sink(Settings.model_validate_json(sys.argv[1]))"
)


def run(*, peers: bool = False, rows: int = 200_000, rounds: int = 2) -> dict[str, Any]:
    """Rows per second of the sink, and with `peers` of the engine's import and their ratio; each the best of `rounds`."""
    with tempfile.TemporaryDirectory(prefix="bench-sink-") as folder, _servers(Path(folder)) as settings:
        _produce(settings, rows)
        ours = [_through_the_sink(settings, rows, Path(folder)) for _ in range(rounds)]
        best = max(ours, key=lambda figures: figures["rows_per_second"])
        result: dict[str, Any] = {"rows": rows, "sink": best}
        if peers:
            theirs = max(_engine_import(settings, Path(folder), rows) for _ in range(rounds))
            result |= {"engine_json_rows_per_second": round(theirs), "ratio": round(best["rows_per_second"] / theirs, 2)}
        return result


@contextmanager
def _servers(folder: Path) -> Iterator[Settings]:
    password = folder / "password"
    password.write_text("bench", "utf-8")
    with KafkaServer(folder / "kafka") as kafka, ClickHouseServer(folder / "clickhouse", password="bench") as clickhouse:
        settings = Settings(
            data_dir=folder,
            kafka_bootstrap=kafka.bootstrap,
            clickhouse_port=clickhouse.native_port,
            clickhouse_password_file=password,
            keys_file=folder / "keys.json",
            sink_metrics_port=free_port(),
            desk_metrics_port=free_port(),
            log_level="WARNING",
        )
        KeyStore.open(folder / "keys.json", create=True)
        ensure_topics(settings)
        migrate(connect(settings, database=""), settings.clickhouse_database)
        yield settings


def _produce(settings: Settings, rows: int) -> None:
    patience = {"delivery_timeout_ms": 120_000, "request_timeout_ms": 60_000, "max_block_ms": 60_000}
    producer = make_producer(settings, linger_ms=50, **patience)
    source = random.Random(7)
    headers = [("event_id", b"0" * 36), ("schema", b"arrival/1"), ("revision", b"4212")]
    for number in range(rows):
        arrival = sample_arrival(number, source)
        value = json.dumps(arrival, ensure_ascii=False, separators=(",", ":")).encode()
        producer.send(settings.topic("arrivals"), key=arrival["unit"].encode(), value=value, headers=headers)
    producer.flush()
    producer.close()


def _through_the_sink(settings: Settings, rows: int, folder: Path) -> dict[str, float]:
    client = connect(settings)
    _empty(client, ("arrival_versions", "arrivals_latest", "ingest_ranges"))
    with (folder / "sink.log").open("a", encoding="utf-8") as log:
        sink = subprocess.Popen([sys.executable, "-c", _SINK, settings.model_dump_json()], stderr=log)
    try:
        _wait_ready(settings.sink_metrics_port)
        began = time.perf_counter()
        while _stored(client) < rows:
            if sink.poll() is not None:
                raise RuntimeError((folder / "sink.log").read_text("utf-8")[-2000:])
            time.sleep(0.2)
        seconds = time.perf_counter() - began
        cpu, memory = _usage(sink.pid)
    finally:
        sink.terminate()
        sink.wait()
    found = client.execute("SELECT count(), uniqExact(event_id) FROM v_arrivals")[0]
    assert found == (rows, rows), found
    client.disconnect()
    return {"rows_per_second": round(rows / seconds), "cpu_us_per_row": round(cpu / rows * 1e6, 1), "peak_mb": round(memory)}


def _engine_import(settings: Settings, folder: Path, rows: int) -> float:
    """Rows per second of `INSERT … FROM file(…, JSONEachRow)`, the file being the engine's own export of the same rows."""
    client = connect(settings)
    file = folder / "rows.jsonl"
    names = ", ".join(column.name for column in ARRIVALS.columns)
    structure = ", ".join(f"{column.name} {column.type}" for column in ARRIVALS.columns).replace("'", "\\'")
    if not file.exists():
        client.execute(f"INSERT INTO FUNCTION file('{file}', 'JSONEachRow') SELECT {names} FROM arrival_versions")
    _empty(client, ("arrival_versions", "arrivals_latest"))
    began = time.perf_counter()
    client.execute(f"INSERT INTO arrival_versions ({names}) SELECT {names} FROM file('{file}', 'JSONEachRow', '{structure}')")
    seconds = time.perf_counter() - began
    assert client.execute("SELECT count() FROM v_arrivals")[0][0] == rows
    client.disconnect()
    return rows / seconds


def _empty(client: Client, tables: Sequence[str]) -> None:
    for table in tables:
        client.execute(f"TRUNCATE TABLE {table}")


def _stored(client: Client) -> int:
    return int(client.execute("SELECT sum(records) FROM ingest_ranges WHERE done = 1 AND topic = 'arrivals'")[0][0])


def _wait_ready(port: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except urllib.error.URLError:
            time.sleep(0.02)
    raise TimeoutError("the sink did not become ready")


def _usage(pid: int) -> tuple[float, float]:
    """CPU seconds and peak resident megabytes of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines() if ":" in line)
    return (int(fields[11]) + int(fields[12])) / 100, int(status["VmHWM"].split()[0]) / 1024


def main() -> None:
    """Prints the figures as JSON."""
    print(json.dumps(run(peers="--peers" in sys.argv), indent=2))


if __name__ == "__main__":
    main()
