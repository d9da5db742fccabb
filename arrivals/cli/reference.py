"""`arrivals reference …`: look at the dated rows and append new ones."""

from __future__ import annotations

import csv
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from pydantic import TypeAdapter, ValidationError

from arrivals.cli.helping import OPERATE, examples
from arrivals.cli.output import JsonOption, console, print_json, print_rows
from arrivals.runtime.settings import load_settings
from schemas.base import Instant
from schemas.errors import Misconfigured, Rejected
from schemas.reference_rows import Role

if TYPE_CHECKING:
    from reference.snapshot import Snapshot
    from schemas.reference_rows import ReferenceRow

reference = typer.Typer(
    help="Grades, sites, units, passes, rules, credentials: dated rows, appended and never overwritten.",
    no_args_is_help=True,
)
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
_TIME = "RFC 3339 with an offset, such as 2020-02-18T00:00:00+08:00"
AuthorOption = Annotated[str, typer.Option(help="Who decided it, as it shall be shown.")]
KindArgument = Annotated[
    str, typer.Argument(help="grade, site, unit, pass, pass-type, pass-use, rule, contact-rule, webhook or credential.")
]


def current_snapshot() -> Snapshot:
    """The newest snapshot, read from the topic now."""
    from arrivals.runtime.reference_feed import ReferenceFeed
    from reference.gazetteer import load_gazetteer

    feed = ReferenceFeed(load_settings(), load_gazetteer())
    try:
        feed.start()
    finally:
        feed.stop()
    return feed.current


@reference.command("list", epilog=examples("reference list grade", "reference list site --json"))
def list_rows(
    kind: KindArgument,
    *,
    json: JsonOption = False,
) -> None:
    """Show the newest row of every key of one kind."""
    table = getattr(current_snapshot(), _table(kind))
    _show(kind, [table.history(key)[0] for key in table.keys()], json)


@reference.command(epilog=examples("reference history grade 42"))
def history(
    kind: KindArgument,
    key: Annotated[str, typer.Argument(help="Area code of a grade, id of a site, code of a unit, …, as `list` shows it.")],
    *,
    json: JsonOption = False,
) -> None:
    """Show every row of one key, newest first: what was known and when."""
    _show(f"{kind} {key}", list(getattr(current_snapshot(), _table(kind)).history(key)), json)


@reference.command(
    "add-grade",
    epilog=examples("reference add-grade 42 high --from 2020-01-23T10:00:00+08:00 --author 市指挥部 --reason 第3号令"),
)
def add_grade(
    area: Annotated[str, typer.Argument(help="Area code of 2, 4, 6, 9 or 12 digits, such as 42 for Hubei.")],
    grade: Annotated[str, typer.Argument(help="high, medium or low.")],
    *,
    valid_from: Annotated[str, typer.Option("--from", help=f"From when it holds, {_TIME}.")],
    valid_to: Annotated[str | None, typer.Option("--to", help="Until when, in the same form; open when left out.")] = None,
    author: AuthorOption = "arrivals",
    reason: Annotated[str, typer.Option(help="The document or occasion.")] = "decided",
) -> None:
    """Append the risk grade of an area."""
    from arrivals.runtime.reference_writer import append
    from reference.gazetteer import load_gazetteer
    from reference.rows import row_of

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


@reference.command(epilog=examples("reference load grades.csv --kind grade"))
def load(
    file: Annotated[
        Path | None,
        typer.Argument(
            exists=True, dir_okay=False, help="CSV with a header line, or TOML for rules, pass types and contact rules; UTF-8."
        ),
    ] = None,
    *,
    kind: Annotated[str, typer.Option(help="Of a CSV file: grade, site, unit, pass or pass-use.")] = "grade",
) -> None:
    """Append the rows of a file, all or, when one is wrong, none; without a file, the shipped ones."""
    from arrivals.runtime.reference_writer import append
    from reference.shipped import missing_shipped, read_rows

    if file is None:
        rows = list(missing_shipped(current_snapshot()))
    elif file.suffix == ".toml":
        rows = list(read_rows(file.read_text("utf-8")))
    else:
        rows = _read_csv(file, kind)
    offsets = append(load_settings(), rows)
    console().print(f"{len(rows)} rows appended; the reference version is now {offsets[-1] if offsets else 'unchanged'}.")


@reference.command("add-token", epilog=examples("reference add-token device CP-411426-01 --subject gun-7"))
def add_token(
    role: Annotated[str, typer.Argument(help="device, unit, county, health_desk, analyst or administrator.")],
    scope: Annotated[str, typer.Argument(help="Site of a device, unit of a desk, * for the whole city.")],
    *,
    subject: Annotated[str, typer.Option(help="Name of the device or desk, for the records.")],
    author: AuthorOption = "arrivals",
) -> None:
    """Make a bearer token and print it once; only its hash is kept."""
    from arrivals.runtime.reference_writer import append, credential_row, new_token

    known = _role(role)
    token = new_token(known)
    append(load_settings(), [credential_row(token, known, subject, scope, author)])
    console().print(token)


@reference.command("revoke-token", epilog=examples("reference revoke-token gun-7 --at 2020-02-18T09:00:00+08:00"))
def revoke_token(
    subject: Annotated[str, typer.Argument(help="Name of the device or desk, as given to add-token.")],
    *,
    at: Annotated[str, typer.Option(help=f"From when on, {_TIME}.")],
    author: AuthorOption = "arrivals",
) -> None:
    """Withdraw every token of a device or desk from a moment on."""
    from arrivals.runtime.reference_writer import append
    from reference.rows import make_row

    when = _instant(at)
    table = current_snapshot().credentials
    newest = [table.history(key)[0] for key in table.keys()]
    rows = [
        make_row(r.data, key=r.data.token_sha256, author=author, reason="revoked", valid_from=when, withdrawn=True)
        for r in newest
        if r.data.subject == subject and not r.withdrawn
    ]
    if not rows:
        raise Rejected("token_unknown", f"No token belongs to '{subject}'.")
    append(load_settings(), rows)
    console().print(f"{len(rows)} tokens revoked from {at} on.")


def _role(text: str) -> Role:
    for role in get_args(Role):
        if role == text:
            return role  # type: ignore[no-any-return]
    raise Misconfigured("role_unknown", f"There is no role '{text}'.", f"Use one of {', '.join(get_args(Role))}.")


def _instant(text: str) -> datetime:
    try:
        return _INSTANT.validate_python(text)
    except ValidationError:
        raise Misconfigured("time_invalid", f"'{text}' is no time.", f"Write it as {_TIME}.") from None


def _read_csv(file: Path, kind: str) -> list[ReferenceRow]:
    from reference.gazetteer import load_gazetteer
    from reference.rows import row_of

    known = load_gazetteer().known
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return [row_of(kind, {k: v for k, v in line.items() if v not in ("", None)}, known) for line in csv.DictReader(lines)]


def _table(kind: str) -> str:
    from reference.snapshot import TABLE_OF

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
    app.add_typer(reference, name="reference", rich_help_panel=OPERATE)
