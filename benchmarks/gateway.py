"""P5: scans per second through the gateway with acks=all, single posts and batches of 200, and the same server doing nothing.

Two idle peers, both the same Granian with the same loop: `idle` is a FastAPI app whose one route answers 202 without reading the
body, `bare` is an ASGI function that does so with no framework at all. Gateway and peers take turns in short slices, so that
whatever else the machine does hurts all alike. The load generator and Kafka run on the same cores. Every answer is checked, and
every accepted scan is counted on the topic afterwards. The gateway has a helper per core beyond the first; processor time counts
theirs.
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
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from kafka import TopicPartition
from stdnum.iso7064 import mod_11_2

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.ports import free_port
from arrivals.runtime.kafka_clients import make_consumer
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.reference_writer import append, credential_row, new_token
from arrivals.runtime.settings import Settings
from arrivals.runtime.topic_admin import ensure_topics
from benchmarks.http_load import request, run_load
from reference.rows import make_row
from schemas.event_ids import uuid7
from schemas.reference_rows import SiteData

BATCH, SITE = 200, "CP-411426-01"
_LANES_SINGLE, _LANES_BATCH = 64, 8
_WARM_BATCHES = 50
_HELPERS = max(1, (os.cpu_count() or 1) - 1)
_GATEWAY = (
    "import sys\nfrom arrivals.runtime.settings import Settings\nfrom producers.serve_gateway import run_gateway\n"
    "run_gateway(Settings.model_validate_json(sys.argv[1]))"
)
_PEERS = {
    "idle": """
from fastapi import FastAPI
from starlette.responses import Response
app = FastAPI(docs_url=None, redoc_url=None)
async def nothing(request):
    return Response(b'{"server_time":"2020-02-18T08:30:00.000+08:00","results":[]}', 202, media_type="application/json")
app.router.add_route("/v1/scans", nothing, methods=["POST"])
app.router.add_route("/readyz", nothing, methods=["GET"])
""",
    "bare": """
BODY = b'{"server_time":"2020-02-18T08:30:00.000+08:00","results":[]}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 202, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
""",
}
_SERVE = "\nimport sys\nfrom producers.serve_gateway import serve\nserve(app, '127.0.0.1', int(sys.argv[1]))"


@dataclass
class Side:
    """One server under test and what was measured of it so far, over all its slices."""

    port: int
    pid: int
    total: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)

    def measure(self, requests: list[bytes], scans: int) -> None:
        """One slice of the load."""
        cpu = _cpu_seconds(self.pid)
        load = run_load(self.port, requests, _LANES_SINGLE if scans == 1 else _LANES_BATCH)
        assert load.statuses == {202: len(requests)}, load.statuses
        self.total += len(requests) * scans
        self.seconds += load.seconds
        self.cpu_seconds += _cpu_seconds(self.pid) - cpu
        self.milliseconds += load.milliseconds

    def figures(self) -> dict[str, float]:
        """Scans per second, processor time per scan, latency per request."""
        ordered = sorted(self.milliseconds)
        return {
            "per_second": round(self.total / self.seconds),
            "cpu_us_each": round(self.cpu_seconds / self.total * 1e6, 1),
            "p50_ms": round(ordered[len(ordered) // 2], 1),
            "p99_ms": round(ordered[int(len(ordered) * 0.99) - 1], 1),
        }


def run(*, peers: bool = False, slices: int = 10, singles: int = 2_000, batches: int = 50) -> dict[str, Any]:
    """Scans per second in `slices` slices of single posts and of batches; with `peers` the idle servers and the ratios."""
    with tempfile.TemporaryDirectory(prefix="bench-gateway-") as folder, _gateway(Path(folder)) as (settings, token, pid):
        single, batch, source = Side(settings.gateway_port, pid), Side(settings.gateway_port, pid), random.Random(7)
        run_load(settings.gateway_port, [request(token, _body(source, 1)) for _ in range(1_000)], _LANES_SINGLE)  # warm
        run_load(settings.gateway_port, [request(token, _body(source, BATCH)) for _ in range(_WARM_BATCHES)], _LANES_BATCH)
        with _peers(peers) as others:
            for _ in range(slices):
                requests = [request(token, _body(source, 1)) for _ in range(singles)]
                for other in others.values():
                    other.measure(requests, 1)
                single.measure(requests, 1)
                batch.measure([request(token, _body(source, BATCH)) for _ in range(batches)], BATCH)
            result: dict[str, Any] = {"single": single.figures(), "batches_of_200": batch.figures()}
            for name, other in others.items():
                result[name] = other.figures()
                result[f"ratio_to_{name}"] = round(result["single"]["per_second"] / result[name]["per_second"], 2)
        expected, found = 1_000 + _WARM_BATCHES * BATCH + single.total + batch.total, _on_kafka(settings)
        assert found == expected, (found, expected)
        return result | {"peak_mb": round(_peak_mb(pid))}


@contextmanager
def _peers(wanted: bool) -> Iterator[dict[str, Side]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(_peer(app)) for name, app in _PEERS.items()} if wanted else {}


@contextmanager
def _peer(app: str) -> Iterator[Side]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", app + _SERVE, str(port)])
    try:
        _wait_ready(port, process)
        run_load(port, [request("none", b"{}")] * 1_000, _LANES_SINGLE)
        yield Side(port, process.pid)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _gateway(folder: Path) -> Iterator[tuple[Settings, str, int]]:
    with KafkaServer(folder / "kafka") as kafka:
        settings = Settings(
            data_dir=folder,
            kafka_bootstrap=kafka.bootstrap,
            gateway_port=free_port(),
            gateway_rate_per_device=1_000_000,
            gateway_helpers=_HELPERS,
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
            _wait_helping(process.pid)
            yield settings, token, process.pid
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
    born = f"{source.randrange(1940, 2010)}{source.randrange(1, 13):02d}{source.randrange(1, 28):02d}"
    digits = f"411426{born}{source.randrange(1000):03d}"
    check = mod_11_2.calc_check_digit(digits)
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


def _wait_helping(pid: int, seconds: float = 60) -> None:
    """Until the helpers have started, that is, sleep."""
    deadline, before = time.monotonic() + seconds, -1.0
    while time.monotonic() < deadline and (now := _cpu_seconds(pid)) != before:
        before = now
        time.sleep(2)


def _on_kafka(settings: Settings) -> int:
    consumer = make_consumer(settings)
    name = settings.topic("scans")
    ends = consumer.end_offsets([TopicPartition(name, p) for p in consumer.partitions_for_topic(name) or ()])
    consumer.close()
    return sum(ends.values())


def _cpu_seconds(pid: int) -> float:
    """Of a process and its children."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + sum(map(_cpu_seconds, map(int, children)))


def _peak_mb(pid: int) -> float:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines() if ":" in line)
    return int(status["VmHWM"].split()[0]) / 1024


def main() -> None:
    """Prints the figures as JSON."""
    print(json.dumps(run(peers="--peers" in sys.argv), indent=2))


if __name__ == "__main__":
    main()
