"""A real gateway process over the test run's Kafka, with a site, a device and whatever a test wants to post."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from kafka import TopicPartition

from arrivals.embedded.ports import free_port
from arrivals.embedded.process import start_child, stop_child
from arrivals.runtime.kafka_clients import make_consumer
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.reference_writer import append, credential_row
from arrivals.runtime.settings import PREFIX, Settings
from arrivals.runtime.topic_admin import ensure_topics
from reference.rows import make_row
from schemas.dead_letter import DEAD_LETTER, DeadLetter
from schemas.event_ids import uuid7
from schemas.reference_rows import SiteData

SITE = "CP-411426-01"
TOKEN = "sq_device_test-only"
UNIT_TOKEN = "sq_unit_test-only"
NOW = "2020-02-18T08:30:05+08:00"
WAIT_SECONDS = 30.0


@dataclass
class Gateway:
    """A running gateway and ways to look at what it wrote."""

    settings: Settings
    process: subprocess.Popen[bytes]
    client: httpx.Client

    @property
    def keys(self) -> KeyStore:
        """The gateway's key store."""
        return KeyStore.open(self.settings.secret_path("keys.json", None), create=False)

    def post(self, body: Any, path: str = "/v1/scans", **headers: str) -> httpx.Response:
        """Posts a value (as JSON) or raw bytes."""
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        sent = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json", "x-simulated-now": NOW}
        return self.client.post(path, content=content, headers=sent | {k.replace("_", "-"): v for k, v in headers.items()})

    def records(self, topic: str) -> list[Any]:
        """Everything on a topic."""
        consumer = make_consumer(self.settings)
        name = self.settings.topic(topic)
        partitions = [TopicPartition(name, p) for p in consumer.partitions_for_topic(name)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        found: list[Any] = []
        while any(consumer.position(tp) < ends[tp] for tp in partitions):
            for batch in consumer.poll(200).values():
                found.extend(batch)
        consumer.close()
        return found

    def scans(self, event_id: str) -> list[dict[str, Any]]:
        """The records of one event on `scans`."""
        values = (json.loads(record.value) for record in self.records("scans"))
        return [value for value in values if value["event_id"] == event_id]

    def letters(self) -> list[tuple[DeadLetter, bytes]]:
        """The dead letters, opened."""
        letters = [DEAD_LETTER.validate_json(record.value) for record in self.records("dead-letters")]
        keys = self.keys
        return [(x, keys.seal(x.key_id, "payload").open(x.payload_sealed, x.dead_letter_id)) for x in letters]


_numbers = iter(range(1, 1_000_000))


def new_id() -> str:
    """An event id no other test has."""
    return uuid7(1_581_985_800_000 + next(_numbers), os.urandom(10))


def scan(**changes: Any) -> dict[str, Any]:
    """A good checkpoint scan of a synthetic person, with a fresh id."""
    value: dict[str, Any] = {
        "version": 1,
        "kind": "checkpoint",
        "event_id": new_id(),
        "site_id": SITE,
        "sequence": 1,
        "occurred_at": "2020-02-18T08:30:00+08:00",
        "person": {"name": "测试甲", "document_type": "resident_id", "document_number": "411426196501011235"},
        "origin": {"code": "4403"},
        "destination": {"text": "夏邑县火店镇火店村"},
        "temperature_c": 36.5,
        "vehicle": {"plate": "豫N12345"},
    }
    return value | changes


def start_gateway(bootstrap: str, prefix: str, folder: Path, **options: Any) -> Gateway:
    """Starts a gateway over fresh topics with that prefix; options are settings."""
    settings = Settings(
        data_dir=folder,
        kafka_bootstrap=bootstrap,
        kafka_topic_prefix=prefix,
        gateway_port=free_port(),
        simulated_clock=True,
        **options,
    )
    ensure_topics(settings)
    KeyStore.open(settings.secret_path("keys.json", None), create=True)
    site = SiteData(kind="site", site_id=SITE, name="夏邑高速口", site_kind="checkpoint", county="411426")
    append(
        settings,
        [
            make_row(site, key=SITE, author="test", reason="test"),
            credential_row(TOKEN, "device", f"device:{SITE}", SITE, "test"),
            credential_row(UNIT_TOKEN, "unit", "unit:411426", "411426", "test"),
        ],
    )
    return Gateway(settings, *run_process(settings, folder))


def run_process(settings: Settings, folder: Path) -> tuple[subprocess.Popen[bytes], httpx.Client]:
    """The gateway's process, ready, and a client for it."""
    values = settings.model_dump(mode="json", exclude_none=True)
    environment = {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items()}
    with (folder / "gateway.log").open("ab") as log:
        process = start_child([sys.executable, "-m", "arrivals", "gateway"], log=log, env=os.environ | environment)
    client = httpx.Client(base_url=f"http://127.0.0.1:{settings.gateway_port}", timeout=10)
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            if client.get("/readyz").status_code == 200:
                return process, client
        except httpx.TransportError:
            time.sleep(0.1)
    stop_child(process)
    raise AssertionError((folder / "gateway.log").read_text("utf-8")[-2_000:])
