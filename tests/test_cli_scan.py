"""`arrivals scan` at a barrier: a real gateway, which goes away and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.process import stop_child
from tests.cli_kit import Talk, call, free_settings, run, talking
from tests.gateway_kit import SITE, TOKEN, Gateway, run_process, start_gateway

PERSON = "411426196501011235"


@pytest.fixture
def gateway(kafka_server: KafkaServer, topic_prefix: str, tmp_path: Path) -> Iterator[Gateway]:
    running = start_gateway(kafka_server.bootstrap, topic_prefix, tmp_path)
    (tmp_path / "token").write_text(TOKEN + "\n", "utf-8")
    yield running
    stop(running)


def stop(gateway: Gateway) -> None:
    """The gateway goes away."""
    gateway.client.close()
    stop_child(gateway.process, 10)


def code(number: int, **changes: Any) -> bytes:
    """What a QR code of ours holds."""
    person = {"name": f"测试{number}", "document_type": "resident_id", "document_number": PERSON}
    return orjson.dumps({"person": person, "origin": {"code": "4403"}, "destination": {"text": "夏邑县火店镇"}} | changes)


def options(gateway: Gateway) -> tuple[str, ...]:
    return "scan", "--site", SITE, "--token-file", str(gateway.settings.data_dir / "token"), "--json"


def outbox(gateway: Gateway) -> Path:
    return gateway.settings.data_dir / "outbox" / f"scan-{SITE}.sqlite"


def until(talk: Talk, status: str) -> dict[str, Any]:
    """The next line of that status; retried posts may say `away` in between."""
    while (said := talk.hear())["status"] != status:
        assert said["status"] in ("queued", "away"), said
    return said


def test_scans_and_what_is_none(gateway: Gateway) -> None:
    with talking(gateway.settings, *options(gateway)) as talk:
        talk.type(code(1))
        first = talk.hear()
        assert (first["status"], first["sequence"], first["waiting"]) == ("accepted", 0, 0)
        talk.type(code(1))
        again = talk.hear()
        assert (again["status"], again["event_id"]) == ("duplicate", first["event_id"])
        talk.type(f"https://health.example/{PERSON}".encode())
        assert talk.hear()["reasons"] == [{"field": "", "code": "payload_unknown"}]
        talk.type(code(2, site_id="CP-411426-02"))
        refused = talk.hear()
        assert (refused["status"], refused["reasons"]) == ("rejected", [{"field": "site_id", "code": "site_forbidden"}])
        assert talk.end() == 1
    [stored] = gateway.scans(first["event_id"])
    assert (stored["site_id"], stored["sequence"]) == (SITE, 0)
    kept = outbox(gateway).with_suffix(".rejected")
    assert kept.read_bytes() == f"https://health.example/{PERSON}\n".encode()
    assert kept.stat().st_mode & 0o077 == 0


def test_the_gateway_goes_and_comes_back(gateway: Gateway, tmp_path: Path) -> None:
    with talking(gateway.settings, *options(gateway)) as talk:
        talk.type(code(1))
        until(talk, "accepted")
        stop(gateway)
        talk.type(code(2))
        assert talk.hear() | {"reasons": []} == {
            "status": "away", "sequence": None, "event_id": None, "waiting": 1, "flags": [], "reasons": [],
        }  # fmt: skip
        talk.type(code(3))
        assert until(talk, "queued")["waiting"] == 2
        gateway.process, gateway.client = run_process(gateway.settings, tmp_path)
        back = [until(talk, "accepted"), until(talk, "accepted")]
        assert [said["sequence"] for said in back] == [1, 2]
        assert talk.end() == 0
    assert [len(gateway.scans(said["event_id"])) for said in back] == [1, 1]


def test_what_waits_is_posted_at_the_next_start(gateway: Gateway, tmp_path: Path) -> None:
    stop(gateway)
    lines = b"".join(code(number) + b"\n" for number in range(30))
    away = run(gateway.settings, *options(gateway)[:-1], stdin=lines)
    assert away.returncode == 1
    assert "30 scans wait in" in away.stderr.decode()
    assert PERSON not in away.stdout.decode() + away.stderr.decode()
    gateway.process, gateway.client = run_process(gateway.settings, tmp_path)
    later = run(gateway.settings, *options(gateway)[:-1])
    assert later.returncode == 0, later.stderr.decode()
    assert later.stdout.decode().count("已接收 accepted") == 30
    assert len(gateway.records("scans")) == 30


def test_a_withdrawn_token_is_told_and_scans_are_kept(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("sq_device_unknown", "utf-8")
    done = run(gateway.settings, *options(gateway)[:-1], stdin=code(1) + b"\n")
    assert done.returncode == 1
    assert "网关拒绝本设备" in done.stdout.decode()
    assert "待上传 1 waiting" in done.stderr.decode()


def test_two_guns_do_not_share_an_outbox(gateway: Gateway) -> None:
    with talking(gateway.settings, *options(gateway)) as talk:
        talk.type(code(1))
        until(talk, "accepted")
        second = run(gateway.settings, *options(gateway))
        assert second.returncode == 1
        assert b"outbox_in_use" in second.stderr
        assert talk.end() == 0


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("--site", "../x"), "site_invalid"),
        (("--site", SITE, "--token-file", "/nowhere"), "token_file"),
        (("--site", SITE), "tokens_missing"),
    ],
)
def test_what_cannot_start_says_why_in_one_line(tmp_path: Path, arguments: tuple[str, ...], advice: str) -> None:
    done = call(free_settings(tmp_path), "scan", *arguments)
    assert done.returncode == 1
    [line] = done.stderr.decode().splitlines()
    assert advice in line
