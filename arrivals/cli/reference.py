"""`arrivals reference …`: look at the dated rows and append new ones."""

from __future__ import annotations

import csv
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter

from arrivals.cli.output import JsonOption, console, print_json, print_rows
from arrivals.runtime.reference_feed import ReferenceFeed
from arrivals.runtime.reference_writer import append, credential_row, new_token
from arrivals.runtime.settings import load_settings
from reference.gazetteer import load_gazetteer
from reference.rows import make_row, row_of
from reference.shipped import missing_shipped, read_rows
from reference.snapshot import TABLE_OF, Snapshot
from schemas.base import Instant
from schemas.errors import Rejected
from schemas.reference_rows import ReferenceRow

reference = typer.Typer(
    help="Grades, sites, units, passes, rules: dated rows, appended and never overwritten.",
    no_args_is_help=True,
)
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
AuthorOption = Annotated[str, typer.Option(help="Who decided it, as it shall be shown.")]


def current_snapshot() -> Snapshot:
    """The newest snapshot, read from the topic now."""
    feed = ReferenceFeed(load_settings(), load_gazetteer())
    feed.start()
    feed.stop()
    return feed.current


@reference.command("list")
def list_rows(
    kind: Annotated[str, typer.Argument(help="grade, site, unit, pass, pass-type, pass-use, rule or credential")],
    *,
    json: JsonOption = False,
) -> None:
    """Show the newest row of every key of one kind."""
    table = getattr(current_snapshot(), _table(kind))
    _show(kind, [table.history(key)[0] for key in table.keys()], json)


@reference.command()
def history(kind: str, key: str, *, json: JsonOption = False) -> None:
    """Show every row of one key, newest first: what was known and when."""
    _show(f"{kind} {key}", list(getattr(current_snapshot(), _table(kind)).history(key)), json)


@reference.command("add-grade")
def add_grade(
    area: Annotated[str, typer.Argument(help="Area code of 2, 4, 6, 9 or 12 digits, such as 42 for Hubei.")],
    grade: Annotated[str, typer.Argument(help="high, medium or low")],
    *,
    valid_from: Annotated[str, typer.Option("--from", help="RFC 3339, such as 2020-02-18T00:00:00+08:00")],
    valid_to: Annotated[str | None, typer.Option("--to", help="RFC 3339; open when left out.")] = None,
    author: AuthorOption = "arrivals",
    reason: Annotated[str, typer.Option(help="The document or occasion.")] = "decided",
) -> None:
    """Append the risk grade of an area."""
    row = {
        "area": area,
        "grade": grade,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "author": author,
        "reason": reason,
    }
    offsets = append(load_settings(), [row_of("grade", row, load_gazetteer().known)])
    console().print(f"Grade appended; the reference version is now {offsets[-1]}.")


@reference.command()
def load(
    file: Annotated[
        Path | None,
        typer.Argument(exists=True, dir_okay=False, help="CSV with a header line, or TOML for rules and pass types; UTF-8."),
    ] = None,
    *,
    kind: Annotated[str, typer.Option(help="Of a CSV file: grade, site, unit, pass or pass-use")] = "grade",
) -> None:
    """Append the rows of a file, all or, when one is wrong, none; without a file, the shipped rules and pass types."""
    if file is None:
        rows = list(missing_shipped(current_snapshot()))
    elif file.suffix == ".toml":
        rows = list(read_rows(file.read_text("utf-8")))
    else:
        rows = _read_csv(file, kind)
    offsets = append(load_settings(), rows)
    console().print(f"{len(rows)} rows appended; the reference version is now {offsets[-1] if offsets else 'unchanged'}.")


@reference.command("add-token")
def add_token(
    role: Annotated[str, typer.Argument(help="device, unit, county, health_desk, analyst or administrator")],
    scope: Annotated[str, typer.Argument(help="Site of a device, unit of a desk, * for the whole city.")],
    *,
    subject: Annotated[str, typer.Option(help="Name of the device or desk, for the records.")],
    author: AuthorOption = "arrivals",
) -> None:
    """Make a bearer token and print it once; only its hash is kept."""
    token = new_token(role)  # type: ignore[arg-type]
    append(load_settings(), [credential_row(token, role, subject, scope, author)])  # type: ignore[arg-type]
    console().print(token)


@reference.command("revoke-token")
def revoke_token(
    subject: str,
    *,
    at: Annotated[str, typer.Option(help="From when on, RFC 3339.")],
    author: AuthorOption = "arrivals",
) -> None:
    """Withdraw every token of a device or desk from a moment on."""
    table = current_snapshot().credentials
    newest = [table.history(key)[0] for key in table.keys()]
    when = _INSTANT.validate_python(at)
    rows = [
        make_row(r.data, key=r.data.token_sha256, author=author, reason="revoked", valid_from=when, withdrawn=True)
        for r in newest
        if r.data.subject == subject and not r.withdrawn
    ]
    if not rows:
        raise Rejected("token_unknown", f"No token belongs to '{subject}'.")
    append(load_settings(), rows)
    console().print(f"{len(rows)} tokens revoked from {at} on.")


def _read_csv(file: Path, kind: str) -> list[ReferenceRow]:
    known = load_gazetteer().known
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return [row_of(kind, {k: v for k, v in line.items() if v not in ("", None)}, known) for line in csv.DictReader(lines)]


def _table(kind: str) -> str:
    if kind not in TABLE_OF:
        raise Rejected("kind_unknown", f"There is no kind '{kind}'; there are {', '.join(TABLE_OF)}.")
    return TABLE_OF[kind]


def _show(title: str, rows: list[Any], as_json: bool) -> None:
    if as_json:
        print_json([asdict(row) | {"data": row.data.model_dump(mode="json")} for row in rows])
        return
    columns = ("version", "valid from", "valid to", "known from", "content")
    cells = [(r.offset, r.valid_from, r.valid_to or "", r.known_from, _content(r)) for r in rows]
    print_rows(title, columns, cells)


def _content(row: Any) -> str:
    shown = row.data.model_dump(mode="json", exclude={"kind", "token_sha256"}, exclude_none=True)
    text = " ".join(f"{k}={v}" for k, v in shown.items())
    return f"withdrawn: {text}" if row.withdrawn else text


def register(app: typer.Typer) -> None:
    """Adds the group of this file."""
    app.add_typer(reference, name="reference")
