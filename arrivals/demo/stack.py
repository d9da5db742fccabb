"""The embedded stack as a list of parts for the supervisor: servers first, then preparation, then our parts.

Every part is the same command that compose and Kubernetes run; only the servers are embedded.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPException
from urllib.error import URLError
from urllib.request import urlopen

from kafka.errors import KafkaError
from rich.console import Console
from rich.progress import Progress

from arrivals.demo.day import login_link
from arrivals.demo.seed import seed_reference, write_passwords
from arrivals.demo.seed_accounts import seed_accounts
from arrivals.embedded.kafka.jars import DEFAULT_CACHE, bring_jars
from arrivals.embedded.ports import is_free
from arrivals.embedded.process import ended_by_signals
from arrivals.embedded.supervisor import Part, Supervisor
from arrivals.runtime.clickhouse_client import MIGRATION_SECONDS, clickhouse_errors, connect
from arrivals.runtime.desk_engine import make_engine
from arrivals.runtime.kafka_clients import make_admin
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.settings import PREFIX, Settings
from arrivals.runtime.topic_admin import ensure_topics
from producers.simulator.sites import load_sites
from reference.gazetteer import load_gazetteer
from schemas.errors import Misconfigured
from serving.desk.schema import migrate_desk
from sinks.migrate import migrate

OWN_PARTS = ("gateway", "router", "sink", "reflag", "desk", "api", "notify")
#: Where all share one machine: how far those step back for whom nobody stands waiting at a checkpoint or before a list.
#: `docker-compose.yml` says the same in `cpu_shares`.
STEPPING_BACK: Mapping[str, int] = {"clickhouse": 5, "sink": 5, "reflag": 5, "notify": 5, "desk": 3}


@contextmanager
def embedded_stack(settings: Settings, console: Console) -> Iterator[Supervisor]:
    """The servers and our parts, prepared and running; all stopped in reverse order at the end. Progress goes to `console`."""
    check_ports(settings)
    write_passwords(settings)
    KeyStore.open(settings.secret_path("keys.json", settings.keys_file), create=True)
    with Progress(console=console, transient=True) as progress:
        bring_jars(DEFAULT_CACHE, progress)
    supervisor = Supervisor(settings.data_dir / "logs")
    try:
        with ended_by_signals():
            start_told(supervisor, server_parts(settings), console)
            prepare(settings, console)
            start_told(supervisor, own_parts(settings), console)
            yield supervisor
    finally:
        with console.status("stopping"):
            supervisor.stop()


def start_told(supervisor: Supervisor, parts: Sequence[Part], console: Console) -> None:
    """Starts parts that do not need each other and says how long each took."""

    def told(name: str, seconds: float) -> None:
        console.print(f"[green]✓[/] {name:<12} ready in {seconds:.1f} s")

    with console.status(f"starting {', '.join(part.name for part in parts)}"):
        supervisor.start_together(parts, 120, told)


def prepare(settings: Settings, console: Console) -> None:
    """Topics, schema, reference data; idempotent."""
    ensure_topics(settings)
    with clickhouse_errors():
        client = connect(settings, database="", patience_seconds=MIGRATION_SECONDS)
        applied = migrate(client, settings.clickhouse_database, settings.clickhouse_cluster)
        client.disconnect()
    applied += prepare_desk(settings)
    gazetteer = load_gazetteer()
    rows, _ = seed_reference(settings, [site.data for site in load_sites()], gazetteer)
    accounts = seed_accounts(settings, gazetteer)
    console.print(f"[green]✓[/] {'prepared':<12} {len(applied)} migrations, {rows} reference rows, {accounts} accounts")


def prepare_desk(settings: Settings) -> list[str]:
    """Brings the desk's schema up to date; what was applied."""
    engine = make_engine(settings)
    try:
        return migrate_desk(engine)
    finally:
        engine.dispose()


def check_ports(settings: Settings) -> None:
    """Raises Misconfigured naming the port that is taken and the setting that moves it."""
    wanted = {
        "KAFKA_BOOTSTRAP": int(settings.kafka_bootstrap.rpartition(":")[2]),
        "CLICKHOUSE_PORT": settings.clickhouse_port,
        "CLICKHOUSE_HTTP_PORT": settings.clickhouse_http_port,
        "GATEWAY_PORT": settings.gateway_port,
        "API_PORT": settings.api_port,
        "ROUTER_METRICS_PORT": settings.router_metrics_port,
        "SINK_METRICS_PORT": settings.sink_metrics_port,
        "REFLAG_METRICS_PORT": settings.reflag_metrics_port,
        "NOTIFY_METRICS_PORT": settings.notify_metrics_port,
        "DESK_METRICS_PORT": settings.desk_metrics_port,
    }
    if settings.kafka_subscriber_port:
        wanted["KAFKA_SUBSCRIBER_PORT"] = settings.kafka_subscriber_port
    taken = [f"{port} ({PREFIX}{name})" for name, port in wanted.items() if not is_free(port)]
    if taken:
        advice = "Stop what listens there, or set other ports in the named variables."
        raise Misconfigured("port_taken", f"These ports are taken: {', '.join(taken)}.", advice)


def run_stack(settings: Settings) -> None:
    """The embedded stack in the foreground until SIGINT or SIGTERM."""
    console = Console(highlight=False)
    with embedded_stack(settings, console):
        console.print(f"Console: [bold]{login_link(settings)}[/]  ·  Ctrl-C stops everything")
        wait_for_end()


def run_parts(settings: Settings, names: tuple[str, ...]) -> None:
    """Single parts against the servers of the settings, until SIGINT or SIGTERM."""
    console = Console(highlight=False)
    supervisor = Supervisor(settings.data_dir / "logs")
    try:
        with ended_by_signals():
            start_told(supervisor, own_parts(settings, names), console)
            wait_for_end()
    finally:
        supervisor.stop()


def wait_for_end() -> None:
    """Blocks until Ctrl-C, SIGTERM or SIGHUP."""
    with suppress(KeyboardInterrupt):
        while True:
            time.sleep(1)


def server_parts(settings: Settings) -> list[Part]:
    """Kafka and ClickHouse, each in a process of its own."""
    secrets, data = settings.data_dir / "secrets", settings.data_dir
    kafka_port = settings.kafka_bootstrap.rpartition(":")[2]
    subscribers = settings.kafka_subscriber_port
    kafka = [
        *(sys.executable, "-m", "arrivals.embedded.kafka", "--data", str(data / "kafka"), "--port", kafka_port),
        *(("--subscriber-port", str(subscribers)) if subscribers else ()),
    ]
    clickhouse = [
        *(sys.executable, "-m", "arrivals.embedded.clickhouse", "--data", str(data / "clickhouse")),
        *("--native-port", str(settings.clickhouse_port), "--http-port", str(settings.clickhouse_http_port)),
        *("--user", settings.clickhouse_user, "--password-file", str(secrets / "clickhouse")),
        *("--reader-password-file", str(secrets / "clickhouse-reader")),
    ]
    return [
        Part("kafka", kafka, {}, _kafka_answers(settings)),
        Part(
            "clickhouse",
            clickhouse,
            {},
            _http_answers(f"http://127.0.0.1:{settings.clickhouse_http_port}/ping"),
            STEPPING_BACK["clickhouse"],
        ),
    ]


def own_parts(settings: Settings, only: tuple[str, ...] = OWN_PARTS) -> list[Part]:
    """Our own parts, with these settings handed on as environment."""
    health = {
        "gateway": (settings.gateway_host, settings.gateway_port),
        "router": (settings.metrics_host, settings.router_metrics_port),
        "sink": (settings.metrics_host, settings.sink_metrics_port),
        "reflag": (settings.metrics_host, settings.reflag_metrics_port),
        "notify": (settings.metrics_host, settings.notify_metrics_port),
        "desk": (settings.metrics_host, settings.desk_metrics_port),
        "api": (settings.api_host, settings.api_port),
    }
    environment = {f"{PREFIX}ROUTER_MEMBER": "embedded", **as_environment(settings)}
    return [
        Part(
            name,
            [sys.executable, "-m", "arrivals", name],
            environment,
            _http_answers("http://{}:{}/readyz".format(*health[name])),
            STEPPING_BACK.get(name, 0),
        )
        for name in only
    ]


def as_environment(settings: Settings) -> Mapping[str, str]:
    """The settings as `ARRIVALS_*` variables for a child process."""
    values = settings.model_dump(mode="json", exclude_none=True)
    return {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items()}


def _kafka_answers(settings: Settings) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            make_admin(settings, bootstrap_ms=500).close()
        except KafkaError:
            return False
        return True

    return ready


def _http_answers(url: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            with urlopen(url, timeout=2) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except (URLError, OSError, HTTPException):
            return False

    return ready
