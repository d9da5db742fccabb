"""`arrivals topics`, `migrate`, `doctor`, `audit`: what an operator runs around the parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from arrivals.cli.helping import OPERATE, examples
from arrivals.cli.output import JsonOption, console, notes, print_json, print_mapping, print_rows
from arrivals.runtime.settings import Settings, load_settings
from schemas.errors import Misconfigured


def topics(
    *,
    check: Annotated[bool, typer.Option("--check", help="Only verify, create nothing.")] = False,
    accept_gap: Annotated[
        str | None,
        typer.Option("--accept-gap", metavar="TOPIC[:PARTITION]", help="Note records that Kafka no longer has as lost for good."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Accept the gap without asking.")] = False,
    json: JsonOption = False,
) -> None:
    """Create the missing topics and verify the others.

    Nothing is ever deleted or made smaller. Exit code 1 when a topic differs from the table of topics.

    A sink that meets a gap (`retention_gap`, `topic_recreated`, `log_truncated`) stops and never skips anything by itself. When
    the records are lost for good, --accept-gap says so in the book of stored ranges, for one topic or one partition of it, and
    sinks go on behind the gap. It cannot be taken back. TOPIC is the name without prefix, such as arrivals.
    """
    if accept_gap is not None:
        return _accept(accept_gap, yes=yes, json=json)
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
    return None


def _accept(where: str, *, yes: bool, json: bool) -> None:
    from sinks.accepting import accept_gap, find_gaps

    topic, partition = _place(where)
    settings = load_settings()
    gaps = find_gaps(settings, topic, partition)
    rows = [
        {"topic": topic, "partition": g.partition, "first": g.first, "last": g.last, "records": g.after - g.first} for g in gaps
    ]
    if not gaps:
        notes().print(f"{where}: nothing is missing; nothing was changed.")
    else:
        if not json:
            print_rows(f"Lost for good in {topic}", tuple(rows[0]), [tuple(row.values()) for row in rows])
        if not yes:
            typer.confirm("Note these records as lost? Sinks will never read them, even if they come back", abort=True, err=True)
        accept_gap(settings, topic, gaps)
        notes().print("Noted. Start the sinks again.")
    if json:
        print_json(rows)


def _place(where: str) -> tuple[str, int | None]:
    from sinks.tables import BY_TOPIC

    topic, colon, number = where.partition(":")
    if topic not in BY_TOPIC or (colon and not (number.isascii() and number.isdigit())):
        advice = f"Write TOPIC or TOPIC:PARTITION; sinks store {', '.join(BY_TOPIC)}."
        raise Misconfigured("gap_unknown", f"'{where}' names no topic that sinks store.", advice)
    return topic, int(number) if colon else None


def migrate(*, dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the SQL, run nothing.")] = False) -> None:
    """Bring the schemas of ClickHouse and of the desk's database up to date.

    Applies the numbered files of sinks/migrations that are missing, on every server of ARRIVALS_CLICKHOUSE_CLUSTER where that
    is set. Running it twice, or again after it broke off, is safe.
    """
    from arrivals.runtime.clickhouse_client import MIGRATION_SECONDS, connect
    from sinks.migrate import migrate as run

    settings = load_settings()
    client = connect(settings, database="", patience_seconds=MIGRATION_SECONDS)
    try:
        applied = run(client, settings.clickhouse_database, settings.clickhouse_cluster, dry_run=dry_run)
    finally:
        client.disconnect()
    desk = _migrate_desk(settings, dry_run=dry_run)
    if dry_run:
        applied += [f"-- desk {step}" for step in desk]
        typer.echo("\n".join(applied) or "-- the schema is up to date")
    else:
        applied += [f"desk {step}" for step in desk]
        console().print("\n".join(f"applied {name}" for name in applied) or "The schema is up to date.")


def _migrate_desk(settings: Settings, *, dry_run: bool) -> list[str]:
    from arrivals.runtime.desk_engine import make_engine
    from serving.desk.schema import migrate_desk

    engine = make_engine(settings)
    try:
        return migrate_desk(engine, dry_run=dry_run)
    finally:
        engine.dispose()


def keys() -> None:
    """Make the key store and the key of the webhooks where they are missing.

    For a new production installation, at ARRIVALS_KEYS_FILE and _WEBHOOK_KEY_FILE; the embedded mode does it by itself.
    Keep a copy of the key store: without it nothing that was sealed can be opened. What exists is never changed.
    """
    from arrivals.runtime.key_file import read_key
    from arrivals.runtime.keys import KeyStore

    settings = load_settings()
    store = settings.secret_path("keys.json", settings.keys_file)
    webhooks = settings.secret_path("webhooks", settings.webhook_key_file)
    for path in (store, webhooks):
        notes().print(f"{path}: {'exists' if path.exists() else 'made'}")
    KeyStore.open(store, create=True)
    read_key(webhooks, "webhook_key", create=True)


def doctor(*, json: JsonOption = False) -> None:
    """Check everything the system needs and say what to do about what is wrong.

    Disk, keys, Kafka and its topics, ClickHouse and its schema, the desk's database, ports. Exit code 1 when something is bad.
    """
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
    """Reconcile posts, Kafka, ClickHouse and dead letters.

    Counts what was posted, accepted, routed, stored and refused, by event id. Exit code 1 when anything is missing or too much;
    arrivals that are on their way count as missing, so ask again after a few seconds.
    """
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
    more: dict[Callable[..., None], str] = {
        topics: examples("topics", "topics --check --json", "topics --accept-gap arrivals:2"),
        migrate: examples("migrate --dry-run", "migrate"),
        keys: examples("keys"),
        doctor: examples("doctor"),
        audit: examples("audit --json"),
    }
    for command, epilog in more.items():
        app.command(rich_help_panel=OPERATE, epilog=epilog)(command)
