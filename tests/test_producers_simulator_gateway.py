"""A day through the real gateway and Kafka: every answer is true, also when the gateway is killed in the middle."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.process import stop_child
from arrivals.runtime.reference_writer import append, credential_row
from producers.client import Patience
from producers.simulator.bad_input import BODY_FAULTS, TOO_LARGE
from producers.simulator.day import DayPlan
from producers.simulator.sending import Sending
from producers.simulator.simulate import simulate
from producers.simulator.sites import load_sites
from producers.simulator.summary import Summary
from reference.gazetteer import load_gazetteer
from reference.rows import make_row
from schemas.reference_rows import ReferenceRow
from tests.gateway_kit import Gateway, run_process, start_gateway

PEOPLE = 400
#: Refused before the body is read: answered 4xx, and not kept.
UNREAD = {f"bad:{name}" for name in ("not_json", "unknown_encoding", "broken_gzip", TOO_LARGE)}


@pytest.fixture
def gateway(kafka_server: KafkaServer, topic_prefix: str, tmp_path: Path) -> Iterator[Gateway]:
    running = start_gateway(kafka_server.bootstrap, topic_prefix, tmp_path)
    append(running.settings, rows())
    wait_for_sites(running)
    yield running
    running.client.close()
    stop_child(running.process, 10)


def rows() -> list[ReferenceRow]:
    sites = [make_row(site.data, key=site.site_id, author="test", reason="test") for site in load_sites()]
    devices = (credential_row(token, "device", f"device:{site}", site, "test") for site, token in tokens().items())
    return [*sites, *devices]


def tokens() -> dict[str, str]:
    return {site.site_id: f"sq_device_test-{site.site_id}" for site in load_sites()}


def wait_for_sites(gateway: Gateway) -> None:
    deadline = time.monotonic() + 30
    last = list(tokens().values())[-1]
    while gateway.post(b"[]", authorization=f"Bearer {last}").status_code == 401:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def play(gateway: Gateway, folder: Path, rate: float) -> Summary:
    plan = DayPlan(date(2020, 2, 18), PEOPLE, 11, load_gazetteer())
    sending = Sending(rate, folder, folder / "history.jsonl", patience=Patience(total_seconds=60))
    return simulate(plan, f"http://127.0.0.1:{gateway.settings.gateway_port}", tokens(), sending)


def check_topics(gateway: Gateway, summary: Summary, folder: Path) -> None:
    """Accepted is on `scans` once, rejected is nowhere but in the dead letters."""
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    stored = {json.loads(record.value)["event_id"] for record in gateway.records("scans")}
    assert stored == {line["event_id"] for line in lines if line["status"] in ("accepted", "duplicate")}
    assert len(stored) == PEOPLE
    assert not stored & {line["event_id"] for line in lines if line["kind"].startswith("bad")}
    assert summary.unexpected() == {}
    assert summary.unconfirmed == 0


def test_a_day_through_the_gateway(gateway: Gateway, tmp_path: Path) -> None:
    summary = play(gateway, tmp_path, rate=400)
    check_topics(gateway, summary, tmp_path)
    assert summary.accepted == PEOPLE
    assert len(gateway.records("scans")) == PEOPLE
    assert len(gateway.records("duplicates")) == summary.duplicates
    unread = sum(statuses.total() for kind, statuses in summary.by_kind.items() if kind in UNREAD)
    assert len(gateway.records("dead-letters")) == summary.rejected - unread + 1  # and the empty array of the fixture
    assert {name for name in summary.by_kind if name in {f"bad:{fault}" for fault in BODY_FAULTS}}


def test_a_day_in_which_the_gateway_is_killed(gateway: Gateway, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as others:  # a child dies with the thread that started it, so the restart is made here
        playing = others.submit(play, gateway, tmp_path, 200)
        time.sleep(0.7)
        gateway.process.kill()
        gateway.process.wait()
        gateway.client.close()
        gateway.process, gateway.client = run_process(gateway.settings, tmp_path)
        summary = playing.result()
    check_topics(gateway, summary, tmp_path)
    assert summary.retries > 0
