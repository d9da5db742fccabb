"""The notifier as a part, over real Kafka: from an arrival to a receiver, killed in between, and the commands around it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.ports import free_port
from arrivals.runtime.kafka_clients import make_consumer
from arrivals.runtime.settings import Settings, load_settings
from arrivals.runtime.topic_admin import ensure_topics
from schemas.base import LOCAL
from schemas.errors import Rejected
from sinks.webhooks import commands
from tests.house import ROOT
from tests.serving_kit import publish, quiet
from tests.webhooks_kit import LOOPBACK, Received, Receiver, endpoint, receiving, wait

UNIT, VILLAGE, ELSEWHERE = "411426", "411426101201", "411481100"
#: The notifier, dying where a post is answered and its outcome is not yet noted.
DYING = (
    "import os, sys\nfrom arrivals.runtime.settings import Settings\nfrom sinks.webhooks.run_notify import run_notify\n"
    "run_notify(Settings.model_validate_json(sys.argv[1]), step=lambda: os._exit(9))"
)


@dataclass
class Stand:
    """Topics of one's own, a receiver, and the secret of the endpoint `county`."""

    settings: Settings
    receiver: Receiver
    secret: str

    def verified(self, request: Received, secret: str | None = None) -> dict[str, object]:
        told: dict[str, object] = Webhook(secret or self.secret).verify(request.body, request.headers)
        return told

    def listed(self) -> dict[str, object]:
        return {row["endpoint"]: row for row in commands.list_endpoints(self.settings)}["county"]


@pytest.fixture(scope="module")
def stand(kafka_server: KafkaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("notify")
    settings = load_settings(
        data_dir=folder,
        kafka_bootstrap=kafka_server.bootstrap,
        kafka_topic_prefix="notify.",
        notify_metrics_port=free_port(),
        webhook_networks=LOOPBACK,
        webhook_linger_seconds=0.2,
        console_url="https://console.example.cn",
    )
    ensure_topics(settings)
    with receiving() as receiver:
        secret = commands.add(settings, endpoint("county", receiver.url("/county"), UNIT), "test")
        yield Stand(settings, receiver, secret)


@contextmanager
def running(stand: Stand, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """The notifier in a process of its own, ready."""
    values = stand.settings.model_dump(exclude_defaults=True).items()
    environment = os.environ | {f"ARRIVALS_{name}".upper(): str(value) for name, value in values}
    with (stand.settings.data_dir / "notify.log").open("ab") as log:
        process = subprocess.Popen(command or (sys.executable, "-m", "arrivals", "notify"), cwd=ROOT, env=environment, stderr=log)
        try:
            wait(lambda: ready(stand.settings.notify_metrics_port))
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            finally:
                process.kill()


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def test_no_secret_is_on_the_topic(stand: Stand) -> None:
    consumer = make_consumer(stand.settings, stand.settings.topic("reference"))
    raw = b""
    while b"webhook" not in raw:
        raw += b"".join(record.value for batch in consumer.poll(500).values() for record in batch)
    consumer.close()
    assert stand.secret.startswith("whsec_")
    assert stand.secret.encode() not in raw
    assert stand.secret.removeprefix("whsec_").encode() not in raw


def test_killed_after_a_post_the_same_message_is_posted_again_and_nothing_is_lost(stand: Stand) -> None:
    with running(stand, sys.executable, "-c", DYING, stand.settings.model_dump_json()) as process:
        publish(stand.settings, [quiet(1, VILLAGE), quiet(2, VILLAGE), quiet(3, ELSEWHERE)])
        assert process.wait(60) == 9
    (first,) = stand.receiver.at("/county")
    with running(stand) as process:
        publish(stand.settings, [quiet(4, VILLAGE)])
        wait(lambda: len({r.headers["webhook-id"] for r in stand.receiver.at("/county")}) == 2)
        wait(lambda: stand.listed()["delivered"] == 2)
    assert process.returncode == 0
    again, second = stand.receiver.at("/county")[1:]
    assert (again.headers["webhook-id"], again.body) == (first.headers["webhook-id"], first.body)
    told = stand.verified(again)
    assert told["type"] == "arrivals.assigned"
    assert told["data"] == {"unit": UNIT, "counts": {"new": 2}, "link": f"https://console.example.cn/units/{UNIT}"}
    assert stand.verified(second)["data"] == {
        "unit": UNIT,
        "counts": {"new": 1},
        "link": f"https://console.example.cn/units/{UNIT}",
    }


def test_commands_send_again_change_secrets_and_disable(stand: Stand) -> None:
    before = [r.headers["webhook-id"] for r in stand.receiver.at("/county")]
    with running(stand):
        now = datetime.now(LOCAL)
        count = commands.replay(stand.settings, "county", now - timedelta(hours=1), now)
        wait(lambda: len(stand.receiver.at("/county")) == len(before) + count)
        assert {r.headers["webhook-id"] for r in stand.receiver.at("/county")[len(before) :]} <= set(before)
        fresh = commands.rotate(stand.settings, "county", 1, "test")
        assert commands.try_out(stand.settings, "county").status == 204
        tried = stand.receiver.at("/county")[-1]
        assert stand.verified(tried) == stand.verified(tried, fresh)
        assert "arrivals_notify_posts_total" in metrics(stand.settings.notify_metrics_port)
        commands.disable(stand.settings, "county", "test")
        commands.add(stand.settings, endpoint("other", stand.receiver.url("/other"), UNIT), "test")
        seen = len(stand.receiver.at("/county"))
        numbers = iter(range(100, 200))

        def other_is_told() -> bool:
            publish(stand.settings, [quiet(next(numbers), VILLAGE)])
            time.sleep(0.3)
            return bool(stand.receiver.at("/other"))

        wait(other_is_told)
        assert len(stand.receiver.at("/county")) == seen
    with pytest.raises(Rejected, match="county"):
        commands.replay(stand.settings, "county", datetime.now(LOCAL), datetime.now(LOCAL))


def metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


def test_what_may_not_be_reached_cannot_be_declared(stand: Stand) -> None:
    strict = stand.settings.model_copy(update={"webhook_networks": ""})
    for url in ("https://127.0.0.1/x", "https://localhost/x", "http://114.114.114.114/x", "https://114.114.114.114:9092/"):
        with pytest.raises(Rejected) as refused:
            commands.add(strict, endpoint("bad", url, UNIT), "test")
        assert refused.value.code == "webhook_address"
    with pytest.raises(Rejected, match="unit"):
        commands.add(strict, endpoint("bad", "https://114.114.114.114/x", "411499"), "test")


def test_the_command_lists_and_refuses_in_one_line(stand: Stand, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        values = stand.settings.model_dump(exclude_defaults=True).items()
        environment = os.environ | {f"ARRIVALS_{name}".upper(): str(value) for name, value in values}
        command = [sys.executable, "-m", "arrivals", "webhooks", *arguments]
        return subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90)

    listed = json.loads(run("list", "--json").stdout)
    assert {row["endpoint"] for row in listed} == {"other"}
    wrong = run("add", "x", "https://user@host/", "--unit", UNIT)
    assert (wrong.returncode, "webhook_invalid" in wrong.stderr) == (1, True)
