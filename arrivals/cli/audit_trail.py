"""`arrivals audit-trail …`: who did and read what at the desk, and whether the record of it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arrivals.cli.helping import OPERATE, examples
from arrivals.cli.output import JsonOption, print_json, print_mapping, print_rows
from arrivals.runtime.settings import load_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from arrivals.runtime.settings import Settings

audit_trail = typer.Typer(help="Who did and read what at the desk; append-only, hash-chained.", no_args_is_help=True)


@contextmanager
def _engine(settings: Settings) -> Iterator[Engine]:
    from arrivals.runtime.desk_engine import make_engine

    engine = make_engine(settings)
    try:
        yield engine
    finally:
        engine.dispose()


@audit_trail.command(epilog=examples("audit-trail verify", "audit-trail verify --json"))
def verify(*, json: JsonOption = False) -> None:
    """Read the whole trail and check the chain, also against the hashes published in `unit-actions`.

    Exit code 1 when a line was changed, removed or written anew. ClickHouse has to answer: the published hashes lie there, out of
    the reach of whoever can change the desk's database.
    """
    from serving.desk.anchors import verify_trail

    settings = load_settings()
    with _engine(settings) as engine:
        verdict = verify_trail(settings, engine)
    if json:
        print_json(asdict(verdict))
    else:
        print_mapping("Audit trail", asdict(verdict) | {"problem": verdict.problem or "none"})
    if verdict.problem:
        raise typer.Exit(1)


@audit_trail.command("list", epilog=examples("audit-trail list --arrival 01705656-c5a0-7001-8000-000000000001"))
def list_lines(
    *,
    arrival: Annotated[str | None, typer.Option(help="Only lines about this arrival.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most lines to show.")] = 100,
    json: JsonOption = False,
) -> None:
    """Show the newest lines."""
    from serving.desk.trail import newest

    with _engine(load_settings()) as engine:
        lines = newest(engine, limit, event_id=arrival)
    if json:
        print_json(lines)
        return
    columns = ("line", "at", "actor", "kind", "about", "detail")
    print_rows("Audit trail", columns, [_row(line) for line in lines])


def _row(line: dict[str, Any]) -> tuple[Any, ...]:
    detail = line["detail"]
    about = line["event_id"] or detail.get("account", "")
    return line["line"], line["at"], line["actor"], line["kind"], about, detail.get("action", "reveal")


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.add_typer(audit_trail, name="audit-trail", rich_help_panel=OPERATE)
