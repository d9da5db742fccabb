"""The examination behind `arrivals doctor`: everything a part needs, looked at once, with advice for whatever is wrong."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from arrivals.runtime.clickhouse_client import clickhouse_errors, connect
from arrivals.runtime.desk_engine import make_engine
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.settings import Settings
from arrivals.runtime.topic_admin import ensure_topics
from schemas.errors import ArrivalsError

_LOW_DISK = 0.20
_MANY_WAITING = 2_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `ok`, `warn` or `bad`, what was found, and what to do."""

    check: str
    state: Literal["ok", "warn", "bad"]
    found: str
    advice: str = ""

    @property
    def mark(self) -> str:
        """The state as a sign for the table."""
        return {"ok": "[green]ok[/]", "warn": "[yellow]look[/]", "bad": "[red]BAD[/]"}[self.state]


def examine(settings: Settings) -> list[Finding]:
    """Runs every check; a failing one is a finding, not an exception."""
    checks: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
        ("disk", _disk),
        ("keys", _keys),
        ("kafka", _kafka),
        ("clickhouse", _clickhouse),
        ("desk", _desk),
        ("ports", _ports),
    )
    found: list[Finding] = []
    for name, check in checks:
        try:
            found.extend(check(settings))
        except ArrivalsError as error:
            found.append(Finding(name, "bad", error.message, error.advice))
    return found


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir if settings.data_dir.exists() else settings.data_dir.absolute().parent
    usage = shutil.disk_usage(folder)
    share = usage.free / usage.total
    state: Literal["ok", "warn"] = "ok" if share > _LOW_DISK else "warn"
    advice = "" if state == "ok" else "Free space before 80 % is used: Kafka and ClickHouse stop when the disk is full."
    yield Finding("disk", state, f"{usage.free / 1e9:.0f} GB free ({share:.0%})", advice)


def _keys(settings: Settings) -> Iterator[Finding]:
    store = KeyStore.open(settings.secret_path("keys.json", settings.keys_file), create=False)
    yield Finding("keys", "ok", f"{len(store.days())} day keys")


def _kafka(settings: Settings) -> Iterator[Finding]:
    for state in ensure_topics(settings, create=False):
        if state.state == "ok":
            yield Finding(f"topic {state.name}", "ok", f"{state.partitions} partitions")
        else:
            yield Finding(f"topic {state.name}", "bad", state.difference, "Run: arrivals topics")


def _clickhouse(settings: Settings) -> Iterator[Finding]:
    from sinks.migrate import migrate

    with clickhouse_errors():
        client = connect(settings, database="")
        version = client.execute("SELECT version()")[0][0]
        yield Finding("clickhouse", "ok", f"version {version}")
        waiting = migrate(client, settings.clickhouse_database, settings.clickhouse_cluster, dry_run=True)
        client.disconnect()
    if waiting:
        yield Finding("schema", "bad", f"{len(waiting)} migrations wait", "Run: arrivals migrate")
    else:
        yield Finding("schema", "ok", "up to date")


def _desk(settings: Settings) -> Iterator[Finding]:
    from serving.desk.outbox import waiting
    from serving.desk.schema import check_desk

    engine = make_engine(settings)
    try:
        check_desk(engine)
        many = waiting(engine)
    finally:
        engine.dispose()
    state: Literal["ok", "warn"] = "ok" if many <= _MANY_WAITING else "warn"
    advice = "" if state == "ok" else "Is `arrivals desk` running, and does Kafka confirm?"
    yield Finding("desk", state, f"{engine.dialect.name}, {many} acts wait to be published", advice)


def _ports(settings: Settings) -> Iterator[Finding]:
    for name, host, port in (
        ("gateway", settings.gateway_host, settings.gateway_port),
        ("console and API", settings.api_host, settings.api_port),
    ):
        with socket.socket() as probe:
            probe.settimeout(1)
            answers = probe.connect_ex((host, port)) == 0
        yield Finding(f"{name} port", "ok" if answers else "warn", f"{port} {'answers' if answers else 'is silent'}")
