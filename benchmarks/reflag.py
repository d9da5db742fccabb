"""P12: 100,000 arrivals decided again after a grade changed, the part killed with SIGKILL in the middle and started again.

Everything is started afresh in a temporary folder: Kafka, ClickHouse, a sink that stores what is decided, and `arrivals reflag`
as a process of its own. The arrivals are decided by the product's own rules; a third of their destinations is sealed text.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import orjson
from kafka import KafkaConsumer

from arrivals.demo.stack import as_environment
from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.ports import free_port
from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.kafka_clients import Publisher, Record, make_consumer, make_producer
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.reference_writer import append
from arrivals.runtime.settings import Settings
from arrivals.runtime.topic_admin import ensure_topics
from benchmarks.sink import _wait_ready
from reference.gazetteer import Gazetteer, load_gazetteer
from reference.rows import row_of
from reference.shipped import shipped_rows
from reference.snapshot import Snapshot
from schemas.event_ids import uuid7
from schemas.reference_rows import ReferenceRow
from sinks.log_reader import LogReader
from sinks.migrate import migrate
from sinks.ranges import OffsetRange, range_set
from streams.deciding import Targets, opener, outputs_of
from streams.process import Decided, process
from streams.reflag_positions import ask_status, group_of

DAY = "2020-02-18"
#: How often is asked how far it has come.
_ASK_SECONDS = 0.2
_EXAMPLE = Path(__file__).parent.parent / "schemas/examples/scans/v1/checkpoint.json"
_TEXT = "河南省商丘市夏邑县火店镇火店村"


def run(*, peers: bool = False, reached: int = 100_000, others: int = 50_000) -> dict[str, Any]:
    """Seconds from the append of the grade to the last version on Kafka, with a kill in the middle; `peers` there are none."""
    del peers
    with tempfile.TemporaryDirectory(prefix="bench-reflag-") as folder, _servers(Path(folder)) as settings:
        rows = [_row("site", site_id="CP-411426-01", name="夏邑", site_kind="checkpoint", county="411426"), *shipped_rows()]
        append(settings, rows)
        snapshot = Snapshot.empty(_gazetteer()).with_rows(list(enumerate(rows)))
        with _part(settings, "sink", settings.sink_metrics_port):
            _publish(settings, snapshot, reached, others)
            _wait_stored(settings, reached + others)
            return {"reached": reached, "others": others, **_measure(settings, reached)}


def _measure(settings: Settings, reached: int) -> dict[str, Any]:
    grade = _row("grade", area="42", grade="high", valid_from=f"{DAY}T00:00:00+08:00", known_from=f"{DAY}T10:00:00+08:00")
    consumer = make_consumer(settings, group=group_of(settings))
    with _part(settings, "reflag", settings.reflag_metrics_port) as first:
        while ask_status(settings, consumer).waiting:
            time.sleep(0.1)
        began = time.perf_counter()
        version = append(settings, [grade])[0]
        before = _wait_progress(settings, consumer, version, reached // 2)
        os.kill(first.pid, signal.SIGKILL)
    with _part(settings, "reflag", settings.reflag_metrics_port) as second:
        while ask_status(settings, consumer).next_version <= version:
            time.sleep(_ASK_SECONDS)
        seconds = time.perf_counter() - began
        cpu, memory = _usage(second.pid)
    consumer.close()
    versions = [(a["event_id"], a["revision"]) for a in _records(settings, "arrivals") if a["revision"] == version]
    alerts = [a["alert_id"] for a in _records(settings, "alerts")]
    stored = _wait_stored(settings, reached * 2, "count()") and time.perf_counter() - began
    return {
        "seconds": round(seconds, 1),
        "killed_at": before,
        "versions": len(versions),
        "told_twice": len(versions) - len(set(versions)) + len(alerts) - len(set(alerts)),
        "seconds_to_the_table": round(stored, 1),
        "cpu_seconds_of_the_second": round(cpu, 1),
        "peak_mb": round(memory),
    }


def _publish(settings: Settings, snapshot: Snapshot, reached: int, others: int) -> None:
    keys, random, targets = KeyStore.open(settings.keys_file or Path(), create=True), Random(7), Targets.of(settings)
    seal, example = keys.seal_for_writing(DAY, "address"), orjson.loads(_EXAMPLE.read_bytes())
    publisher = Publisher(make_producer(settings, linger_ms=50, delivery_timeout_ms=120_000, request_timeout_ms=60_000))
    villages = [area.code for area in _gazetteer().children("411426101")]
    records: list[Record] = []
    for number in range(reached + others):
        event_id = uuid7(1_582_000_000_000 + number, random.randbytes(10))
        stamp = f"{DAY}T{number % 24:02d}:{number % 60:02d}:00.000+08:00"
        scan = example | {"event_id": event_id, "occurred_at": stamp, "received_at": stamp, "stays": [], "temperature_c": 36.5}
        scan["person"] = example["person"] | {"key": random.randbytes(16).hex()}
        scan["origin_code"] = "420106" if number % (reached + others) < reached else "440300"
        scan["destination_code"] = random.choice(villages)
        if number % 3 == 0:
            sealed = seal.close(json.dumps({"destination": _TEXT}).encode(), event_id, random.randbytes(12))
            scan |= {"destination_code": None, "sealed": example["sealed"] | {"key_id": DAY, "address": sealed}}
        outcome = process(orjson.dumps(scan), snapshot, opener(keys))
        assert isinstance(outcome, Decided)
        records += [Record(topic, key, value) for topic, key, value, _ in outputs_of(outcome, targets)]
        if len(records) >= 5_000:
            publisher.publish(records, timeout_seconds=60)
            records = []
    publisher.publish(records, timeout_seconds=60)
    publisher.close()


def _wait_progress(settings: Settings, consumer: KafkaConsumer, version: int, wanted: int) -> int:
    while True:
        status = ask_status(settings, consumer)
        done = int(status.last["done"]) if status.last and status.last["version"] == version else 0
        if done >= wanted or status.next_version > version:
            return done
        time.sleep(_ASK_SECONDS)


def _wait_stored(settings: Settings, rows: int, what: str = "uniqExact(event_id)") -> bool:
    client = connect(settings)
    while client.execute(f"SELECT {what} FROM v_arrival_history")[0][0] < min(rows, 10**9):
        time.sleep(0.3)
    client.disconnect()
    return True


def _records(settings: Settings, name: str) -> Iterator[dict[str, Any]]:
    reader = LogReader(settings)
    for partition, (first, end) in reader.bounds(name, reader.partitions(name)).items():
        for start in range(first, end, 20_000):
            span = OffsetRange(partition, start, min(start + 20_000, end) - 1)
            yield from (orjson.loads(value or b"") for _, _, _, value in reader.read(range_set(name, "", [span])))
    reader.close()


@contextmanager
def _part(settings: Settings, name: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    log = open(settings.data_dir / f"{name}.log", "ab")  # noqa: SIM115 - closed with the process
    process = subprocess.Popen(
        [sys.executable, "-m", "arrivals", name], env=os.environ | dict(as_environment(settings)), stderr=log
    )
    try:
        _wait_ready(port)
        yield process
    finally:
        process.terminate()
        process.wait(30)
        log.close()


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
            reflag_metrics_port=free_port(),
        )
        ensure_topics(settings)
        migrate(connect(settings, database=""), settings.clickhouse_database)
        yield settings


def _row(kind: str, **values: Any) -> ReferenceRow:
    return row_of(kind, values, _gazetteer().known)


@cache
def _gazetteer() -> Gazetteer:
    return load_gazetteer()


def _usage(pid: int) -> tuple[float, float]:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines() if ":" in line)
    return (int(fields[11]) + int(fields[12])) / 100, int(status["VmHWM"].split()[0]) / 1024


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> None:
    """Prints the figures as JSON; two numbers: arrivals reached, and others."""
    sizes = dict(zip(("reached", "others"), map(int, arguments), strict=False))
    print(json.dumps(run(**sizes), indent=2))


if __name__ == "__main__":
    main()
