"""The files of `deploy/` and the compose file against what the product really has: settings, ports, metrics, topics, commands."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer.main

from arrivals.cli import app
from arrivals.embedded.kafka.configuration import server_properties
from arrivals.embedded.kafka.jars import VERSION
from arrivals.runtime.desk_engine import make_engine
from arrivals.runtime.metrics import BY_NAME
from arrivals.runtime.settings import PREFIX, Settings
from sinks.tables import BY_TOPIC
from tests.house import ROOT

COMPOSE = (ROOT / "docker-compose.yml").read_text("utf-8")
ALERTS = (ROOT / "deploy/alerts.yml").read_text("utf-8")
ALERT_TESTS = ROOT / "deploy/alerts.test.yml"
TARGETS = (ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8")
OWN_PARTS = ("gateway", "router", "sink", "reflag", "desk", "api", "notify")


def environment() -> dict[str, str]:
    """The `ARRIVALS_…` variables of the compose file: all parts share one block."""
    return {name: value.strip('"') for name, value in re.findall(rf"^ +({PREFIX}\w+): (.+)$", COMPOSE, re.MULTILINE)}


def settings() -> Settings:
    """What a part in a container starts with."""
    return Settings(**{name.removeprefix(PREFIX).lower(): value for name, value in environment().items()})  # type: ignore[arg-type]


def test_every_variable_of_the_compose_file_is_a_setting() -> None:
    names = environment()
    assert len(names) == len(re.findall(rf"^ +{PREFIX}\w+:", COMPOSE, re.MULTILINE)) > 5
    assert {name.removeprefix(PREFIX).lower() for name in names} <= set(Settings.model_fields)


def test_the_parts_differ_from_the_embedded_ones_in_places_and_secrets_only() -> None:
    built, embedded = settings(), Settings()
    changed = {name for name in Settings.model_fields if getattr(built, name) != getattr(embedded, name)}
    assert changed == {
        *("mode", "data_dir", "kafka_bootstrap", "clickhouse_host", "gateway_host", "api_host", "metrics_host"),
        *("clickhouse_password_file", "keys_file", "webhook_key_file", "webhook_store_file"),
        *("desk_url", "desk_password_file"),
    }


def test_every_secret_of_production_has_a_file_on_a_mounted_place() -> None:
    built = settings()
    kept = (built.webhook_key_file, built.webhook_store_file, built.desk_password_file)
    for path in (built.clickhouse_password_file, built.keys_file, *kept):
        assert path is not None
        assert str(path).startswith("/run/secrets/") or f":{path.parent}" in COMPOSE


def test_ports_and_targets_are_those_of_the_settings() -> None:
    built = settings()
    ports = {
        "gateway": built.gateway_port,
        "router": built.router_metrics_port,
        "sink": built.sink_metrics_port,
        "reflag": built.reflag_metrics_port,
        "desk": built.desk_metrics_port,
        "api": built.api_port,
        "notify": built.notify_metrics_port,
    }
    assert dict(re.findall(r'"(\w+):(\d+)"\], labels: \{part: \1\}', TARGETS)) == {p: str(n) for p, n in ports.items()}
    for part in ("gateway", "api"):
        assert f"127.0.0.1:{ports[part]}:{ports[part]}" in COMPOSE
    assert f"kafka:{built.kafka_bootstrap.partition(':')[2]}" == built.kafka_bootstrap
    assert "localhost:8123/ping" in COMPOSE
    assert built.desk_url == "postgresql+psycopg://arrivals@postgres/arrivals"
    assert make_engine(built.model_copy(update={"desk_password_file": None})).dialect.name == "postgresql"
    assert (built.clickhouse_port, built.clickhouse_http_port) == (9000, 8123)


def test_services_run_commands_there_are() -> None:
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert tuple(re.findall(r"^    command: \[(\w+)\]$", COMPOSE, re.MULTILINE)) == OWN_PARTS
    prepared = re.findall(r"arrivals (\w+)", re.findall(r'command: \["(.+)"\]', COMPOSE)[0])
    assert prepared == ["keys", "topics", "migrate"]
    assert set(prepared) | set(OWN_PARTS) <= commands


def test_the_broker_is_the_embedded_one() -> None:
    assert f"image: apache/kafka:{VERSION}" in COMPOSE
    embedded = dict(line.split("=", 1) for line in server_properties(9092, 9093).splitlines())
    theirs = {
        name.lower().replace("_", "."): value for name, value in re.findall(r'^ +KAFKA_(\w+): "?([^"\n]+)', COMPOSE, re.MULTILINE)
    }
    for name in ("auto.create.topics.enable", "offsets.topic.replication.factor", "process.roles"):
        assert set(theirs[name].split(",")) == set(embedded[name].split(",")), name


def alerts() -> list[str]:
    return re.findall(r"- alert: (\w+)", ALERTS)


def test_alerts_use_metrics_labels_and_topics_there_are() -> None:
    used = set(re.findall(r"\barrivals_\w+", ALERTS))
    known = {*BY_NAME, *(f"{name}_count" for name, metric in BY_NAME.items() if metric.type == "histogram")}
    assert used
    assert used <= known
    for name, labels in re.findall(r"\b(arrivals_\w+)\{([^}]*)\}", ALERTS):
        metric = BY_NAME[name if name in BY_NAME else name.removesuffix("_count")]
        assert set(re.findall(r"(\w+)=", labels)) <= set(metric.labels), name
    assert set(re.findall(r'topic="(\w+)"', ALERTS)) <= set(BY_TOPIC)
    assert set(re.findall(r'part="(\w+)"', ALERTS)) == set(OWN_PARTS)


def test_every_alert_says_what_to_do_and_is_tried() -> None:
    assert (
        len(alerts())
        == len(set(alerts()))
        == ALERTS.count("summary:")
        == ALERTS.count("action:")
        == ALERTS.count("severity: ") - 1
    )
    tried = ALERT_TESTS.read_text("utf-8").replace('".*Stands"', "").split("tests:")[1]
    assert [name for name in alerts() if name not in tried] == []


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)


def test_alerts_fire_when_they_should_and_only_then() -> None:
    done = promtool("test", "rules", str(ALERT_TESTS))
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alert_that_no_longer_fires_is_noticed(tmp_path: Path) -> None:
    for name in ("alerts.yml", "alerts.test.yml"):
        shutil.copy(ROOT / "deploy" / name, tmp_path)
    (tmp_path / "alerts.yml").write_text(ALERTS.replace("> 20000", "> 90000"), "utf-8")
    assert promtool("test", "rules", str(tmp_path / "alerts.test.yml")).returncode != 0


def test_prometheus_reads_its_configuration() -> None:
    done = promtool("check", "config", "--syntax-only", str(ROOT / "deploy/prometheus/prometheus.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_reads_the_file() -> None:
    docker = shutil.which("docker")
    found = docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0
    if not found:
        pytest.skip("docker compose is not installed")
    done = subprocess.run([str(docker), "compose", "config", "-q"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
