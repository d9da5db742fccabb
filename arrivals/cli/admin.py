"""`arrivals migrate`, `topics`, `doctor`, `audit`: what an operator runs around the parts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from arrivals.cli.output import JsonOption, console, print_json, print_mapping, print_rows
from arrivals.runtime.settings import load_settings


def topics(*, check: Annotated[bool, typer.Option(help="Only verify.")] = False, json: JsonOption = False) -> None:
    """Create the missing topics and verify the others."""
    from arrivals.runtime.topic_admin import ensure_topics

    states = ensure_topics(load_settings(), create=not check)
    if json:
        print_json([asdict(state) for state in states])
    else:
        print_rows(
            "Topics",
            ("topic", "state", "partitions", ""),
            [(s.name, s.state, s.partitions, s.difference) for s in states],
        )
    if any(state.state == "differs" for state in states):
        raise typer.Exit(1)


def migrate(*, dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the SQL, run nothing.")] = False) -> None:
    """Bring the ClickHouse schema up to date."""
    from arrivals.runtime.clickhouse_client import connect
    from sinks.migrate import migrate as run

    settings = load_settings()
    applied = run(connect(settings, database=""), settings.clickhouse_database, settings.clickhouse_cluster, dry_run=dry_run)
    console().print("\n".join(applied) if applied else "The schema is up to date.")


def doctor(*, json: JsonOption = False) -> None:
    """Check everything the system needs and say what to do about what is wrong."""
    from arrivals.doctor import examine

    findings = examine(load_settings())
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        print_rows(
            "Doctor",
            ("check", "", "found", "what to do"),
            [(f.check, Text.from_markup(f.mark), f.found, f.advice) for f in findings],
        )
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)


def audit(*, json: JsonOption = False) -> None:
    """Reconcile posts, Kafka, ClickHouse and dead letters. Exit code 1 when anything is missing or too much."""
    from sinks.audit import audit as run

    report = run(load_settings())
    values = asdict(report)
    if json:
        print_json(values)
    else:
        print_mapping("Audit", values)
    if report.missing or report.extra:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    for command in (topics, migrate, doctor, audit):
        app.command()(command)
