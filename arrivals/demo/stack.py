"""The embedded stack as a list of parts for the supervisor: servers first, then preparation, then our parts.

Every part is the same command that compose and Kubernetes run; only the servers are embedded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from urllib.error import URLError
from urllib.request import urlopen

from arrivals.embedded.supervisor import Part
from arrivals.runtime.settings import PREFIX, Settings

OWN_PARTS = ("gateway", "router", "sink", "api")


def server_parts(settings: Settings, http_port: int) -> list[Part]:
    """Kafka and ClickHouse, each in a process of its own."""
    secrets, data = settings.data_dir / "secrets", settings.data_dir
    kafka_port = settings.kafka_bootstrap.rpartition(":")[2]
    kafka = [sys.executable, "-m", "arrivals.embedded.kafka", "--data", str(data / "kafka"), "--port", kafka_port]
    clickhouse = [
        *(sys.executable, "-m", "arrivals.embedded.clickhouse", "--data", str(data / "clickhouse")),
        *("--native-port", str(settings.clickhouse_port), "--http-port", str(http_port)),
        *("--user", settings.clickhouse_user, "--password-file", str(secrets / "clickhouse")),
        *("--reader-password-file", str(secrets / "clickhouse-reader")),
    ]
    return [
        Part("kafka", kafka, {}, _port_answers(settings.kafka_bootstrap)),
        Part("clickhouse", clickhouse, {}, _http_answers(f"http://127.0.0.1:{http_port}/ping")),
    ]


def own_parts(settings: Settings, only: tuple[str, ...] = OWN_PARTS) -> list[Part]:
    """Our own parts, with these settings handed on as environment."""
    health = {
        "gateway": (settings.gateway_host, settings.gateway_port),
        "router": (settings.metrics_host, settings.router_metrics_port),
        "sink": (settings.metrics_host, settings.sink_metrics_port),
        "api": (settings.api_host, settings.api_port),
    }
    environment = as_environment(settings)
    return [
        Part(name, [sys.executable, "-m", "arrivals", name], environment, _http_answers("http://%s:%d/readyz" % health[name]))
        for name in only
    ]


def as_environment(settings: Settings) -> Mapping[str, str]:
    """The settings as `ARRIVALS_*` variables for a child process."""
    values = settings.model_dump(mode="json", exclude_none=True)
    return {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items()}


def _http_answers(url: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            with urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    return ready
