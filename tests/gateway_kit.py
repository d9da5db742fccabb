"""A gateway that really runs, in a process of its own, before a real Kafka; and scans of people who do not exist."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
from kafka import TopicPartition

from arrivals.embedded.ports import free_port
from arrivals.runtime.kafka_clients import make_consumer
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.reference_writer import append, credential_row, new_token
from arrivals.runtime.settings import Settings
from arrivals.runtime.topic_admin import ensure_topics
from reference.rows import make_row
from schemas.event_ids import uuid7
from schemas.reference_rows import Role, SiteData

SITE, OTHER_SITE = "CP-411426-01", "ST-SQF"
_RUN = (
    "import sys\nfrom arrivals.runtime.settings import Settings\nfrom producers.serve_gateway import run_gateway\n"
    "run_gateway(Settings.model_validate_json(sys.argv[1]))"
)
_numbers = itertools.count(1)


def new_id() -> str:
    """An event id no other test uses."""
    return uuid7(int(time.time() * 1000), os.urandom(10))


def make_scan(**changes: Any) -> dict[str, Any]:
    """A valid scan of a person who does not exist; `changes` replaces top-level fields."""
    scan: dict[str, Any] = {
        "version": 1,
        "kind": "checkpoint",
        "event_id": new_id(),
        "site_id": SITE,
        "sequence": next(_numbers),
        "occurred_at": int(time.time() * 1000),
        "person": {
            "name": "测试甲",
            "document_type": "resident_id",
            "document_number": "411426199001010010",
            "phone": "19900000001",
        },
        "origin": {"code": "420106", "text": "湖北省武汉市武昌区"},
        "destination": {"text": "夏邑县车站镇某村"},
        "temperature_c": 36.6,
        "vehicle": {"plate": "鄂A12345"},
    }
    return scan | changes


def with_person(**changes: Any) -> dict[str, Any]:
    """A valid scan whose person differs in the given fields."""
    scan = make_scan()
    return scan | {"person": scan["person"] | changes}


def prepare_kafka(settings: Settings) -> dict[str, str]:
    """Topics, two sites and a token for each role tests need; returns the tokens by name."""
    KeyStore.open(settings.secret_path("keys.json", settings.keys_file), create=True)
    ensure_topics(settings)
    wanted: dict[str, tuple[Role, str]] = {
        "device": ("device", SITE),
        "second": ("device", SITE),
        "slow": ("device", SITE),
        "every_site": ("device", "*"),
        "analyst": ("analyst", "*"),
    }
    tokens = {name: new_token(role) for name, (role, _) in wanted.items()}
    sites = [
        SiteData(kind="site", site_id=SITE, name="测试卡点", site_kind="checkpoint", county="411426"),
        SiteData(kind="site", site_id=OTHER_SITE, name="测试车站", site_kind="rail", county="411402"),
    ]
    rows = [make_row(site, key=site.site_id, author="tests", reason="set up") for site in sites]
    rows += [credential_row(tokens[name], role, f"dev-{name}", scope, "tests") for name, (role, scope) in wanted.items()]
    append(settings, rows)
    return tokens


class Gateway:
    """The running gateway and what a test needs to look at it."""

    def __init__(self, settings: Settings, tokens: dict[str, str], log: Path) -> None:
        self.settings, self.tokens, self._log = settings, tokens, log
        self.url = f"http://{settings.gateway_host}:{settings.gateway_port}"
        self.process = self.launch()

    def launch(self) -> subprocess.Popen[bytes]:
        """Starts the process and waits until it is ready."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-c", _RUN, self.settings.model_dump_json()], stderr=log)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(self.log())
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2).status_code == httpx.codes.OK:
                    return self.process
            except httpx.TransportError:
                time.sleep(0.05)
        raise TimeoutError(self.log())

    def log(self) -> str:
        """What the gateway logged so far."""
        return self._log.read_text("utf-8")

    def headers(self, token: str = "device", **more: str) -> dict[str, str]:
        """Headers of a device's post."""
        return {"Authorization": f"Bearer {self.tokens[token]}", "Content-Type": "application/json", **more}

    def post(self, content: Any, token: str = "device", **headers: str) -> httpx.Response:
        """Posts bytes as they are, anything else as JSON."""
        body = content if isinstance(content, bytes) else orjson.dumps(content)
        return httpx.post(f"{self.url}/v1/scans", content=body, headers=self.headers(token, **headers), timeout=15)

    def read(self, topic: str) -> list[Any]:
        """Every record of one of our topics."""
        consumer = make_consumer(self.settings, fetch_max_wait_ms=20)
        try:
            name = self.settings.topic(topic)
            places = [TopicPartition(name, n) for n in consumer.partitions_for_topic(name) or ()]
            consumer.assign(places)
            consumer.seek_to_beginning(*places)
            ends, records = consumer.end_offsets(places), []
            while any(consumer.position(place) < ends[place] for place in places):
                for batch in consumer.poll(200).values():
                    records.extend(batch)
            return records
        finally:
            consumer.close()

    def stop(self, seconds: float = 30) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)


@contextmanager
def running_gateway(bootstrap: str, folder: Path, prefix: str, **overrides: Any) -> Iterator[Gateway]:
    """A gateway over its own topics; stopped at the end."""
    options: dict[str, Any] = {"gateway_rate_per_device": 1_000_000, "log_format": "json"}
    settings = Settings(
        data_dir=folder,
        kafka_bootstrap=bootstrap,
        kafka_topic_prefix=prefix,
        gateway_port=free_port(),
        keys_file=folder / "keys.json",
        **(options | overrides),
    )
    gateway = Gateway(settings, prepare_kafka(settings), folder / "gateway.log")
    try:
        yield gateway
    finally:
        if gateway.process.poll() is None:
            gateway.stop()
