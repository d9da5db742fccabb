"""P5: scans per second through the gateway with acks=all, in single posts and in batches of 200, and the same web server doing nothing.

The peer is the same Granian with the same loop, serving a FastAPI app whose one route answers 202 without even reading the body. The load
generator and Kafka run on the same cores as the gateway, in the figures of both sides. Every answer is checked and every accepted scan is
counted on the topic afterwards.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from kafka import TopicPartition

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.ports import free_port
from arrivals.runtime.kafka_clients import make_consumer
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.reference_writer import append, credential_row, new_token
from arrivals.runtime.settings import Settings
from arrivals.runtime.topic_admin import ensure_topics
from benchmarks.http_load import Load, request, run_load
from reference.rows import make_row
from schemas.event_ids import uuid7
from schemas.reference_rows import SiteData

BATCH, SITE = 200, "CP-411426-01"
_LANES_SINGLE, _LANES_BATCH = 64, 8
_GATEWAY = (
    "import sys\nfrom arrivals.runtime.settings import Settings\nfrom producers.serve_gateway import run_gateway\n"
    "run_gateway(Settings.model_validate_json(sys.argv[1]))"
)
_IDLE = """
import sys
from fastapi import FastAPI
from starlette.responses import Response
from producers.serve_gateway import serve
app = FastAPI(docs_url=None, redoc_url=None)
async def nothing(request):
    return Response(b'{"server_time":"2020-02-18T08:30:00.000+08:00","results":[]}', 202, media_type="application/json")
app.router.add_route("/v1/scans", nothing, methods=["POST"])
app.router.add_route("/readyz", nothing, methods=["GET"])
serve(app, "127.0.0.1", int(sys.argv[1]))
"""


def run(*, peers: bool = False, singles: int = 20_000, batches: int = 500, rounds: int = 3) -> dict[str, Any]:
    """Requests and scans per second, each the best of `rounds`; with `peers` the idle server's requests per second and the ratio."""
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="bench-gateway-") as folder, _gateway(Path(folder)) as (settings, token, process):
        port, source, expected, found = settings.gateway_port, random.Random(7), 0, []
        run_load(port, [request(token, _body(source, 1)) for _ in range(1_000)], _LANES_SINGLE)  # warm
        for _ in range(rounds):
            found.append(_measure(process.pid, port, [request(token, _body(source, 1)) for _ in range(singles)], 1))
            idle = _idle(singles // 2, request(token, _body(source, 1))) if peers else None
            found[-1]["idle"] = idle
        best = max(found, key=lambda figures: figures["scans_per_second"])
        idles = [figures.pop("idle") for figures in found]
        result["single"] = best
        if peers:
            fastest = max(idles)
            result["single"] |= {"idle_per_second": fastest, "ratio": round(best["scans_per_second"] / fastest, 2)}
        found = [
            _measure(process.pid, port, [request(token, _body(source, BATCH)) for _ in range(batches)], BATCH) for _ in range(rounds)
        ]
        result["batches_of_200"] = max(found, key=lambda figures: figures["scans_per_second"])
        expected = 1_000 + rounds * (singles + batches * BATCH)
        assert _on_kafka(settings) == expected, (expected, _on_kafka(settings))
        result["peak_mb"] = round(_peak_mb(process.pid))
    return result


def _measure(pid: int, port: int, requests: list[bytes], scans: int) -> dict[str, Any]:
    cpu = _cpu_seconds(pid)
    load: Load = run_load(port, requests, _LANES_SINGLE if scans == 1 else _LANES_BATCH)
    assert load.statuses == {202: len(requests)}, load.statuses
    total = len(requests) * scans
    return {
        "scans_per_second": round(total / load.seconds),
        "cpu_us_per_scan": round((_cpu_seconds(pid) - cpu) / total * 1e6, 1),
        "p50_ms": load.percentile(0.5),
        "p99_ms": load.percentile(0.99),
    }


def _idle(count: int, one: bytes) -> int:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", _IDLE, str(port)], stdout=subprocess.DEVNULL)
    try:
        _wait_ready(port, process)
        run_load(port, [one] * 1_000, _LANES_SINGLE)
        return round(count / run_load(port, [one] * count, _LANES_SINGLE).seconds)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _gateway(folder: Path) -> Iterator[tuple[Settings, str, subprocess.Popen[bytes]]]:
    with KafkaServer(folder / "kafka") as kafka:
        settings = Settings(
            data_dir=folder,
            kafka_bootstrap=kafka.bootstrap,
            gateway_port=free_port(),
            gateway_rate_per_device=1_000_000,
            log_level="WARNING",
        )
        KeyStore.open(settings.secret_path("keys.json", None), create=True)
        ensure_topics(settings)
        token = new_token("device")
        site = SiteData(kind="site", site_id=SITE, name="基准卡点", site_kind="checkpoint", county="411426")
        append(settings, [make_row(site, key=SITE, author="bench", reason="bench"), _credential(token)])
        process = subprocess.Popen([sys.executable, "-c", _GATEWAY, settings.model_dump_json()], stdout=subprocess.DEVNULL)
        try:
            _wait_ready(settings.gateway_port, process)
            yield settings, token, process
        finally:
            process.terminate()
            assert process.wait(30) == 0


def _credential(token: str) -> Any:
    return credential_row(token, "device", "bench-device", SITE, "bench")


def _body(source: random.Random, count: int) -> bytes:
    scans = [_scan(source) for _ in range(count)]
    return orjson.dumps(scans[0] if count == 1 else scans)


def _scan(source: random.Random) -> dict[str, Any]:
    """A scan of the usual shape: coded origin, written destination, a car, every tenth person with an earlier stay."""
    digits = f"411426{source.randrange(1940, 2010)}{source.randrange(1, 13):02d}{source.randrange(1, 28):02d}{source.randrange(1000):03d}"
    check = "10X98765432"[sum(int(d) * w for d, w in zip(digits, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), strict=True)) % 11]
    now = int(time.time() * 1000)
    scan: dict[str, Any] = {
        "version": 1,
        "kind": "checkpoint",
        "event_id": uuid7(now, os.urandom(10)),
        "site_id": SITE,
        "sequence": source.randrange(10**6),
        "occurred_at": now,
        "person": {
            "name": "测试" + source.choice("甲乙丙丁戊己庚辛"),
            "document_type": "resident_id",
            "document_number": digits + check,
            "phone": f"199{source.randrange(10**8):08d}",
        },
        "origin": {"code": source.choice(("420106", "410100", "440300"))},
        "destination": {"text": f"夏邑县车站镇第{source.randrange(100)}村"},
        "temperature_c": round(36 + source.random(), 1),
        "vehicle": {"plate": f"豫N{source.randrange(10**5):05d}"},
    }
    if source.random() < 0.1:
        scan["stays"] = [{"place": {"code": "420100"}, "from_day": "2020-02-01", "to_day": "2020-02-10"}]
    return scan


def _wait_ready(port: int, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError("the server ended at start")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except urllib.error.URLError:
            time.sleep(0.05)
    raise TimeoutError("the server did not become ready")


def _on_kafka(settings: Settings) -> int:
    consumer = make_consumer(settings)
    name = settings.topic("scans")
    ends = consumer.end_offsets([TopicPartition(name, p) for p in consumer.partitions_for_topic(name) or ()])
    consumer.close()
    return sum(ends.values())


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(pid: int) -> float:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines() if ":" in line)
    return int(status["VmHWM"].split()[0]) / 1024


def main() -> None:
    """Prints the figures as JSON."""
    print(json.dumps(run(peers="--peers" in sys.argv), indent=2))


if __name__ == "__main__":
    main()
