"""`arrivals reference …`: look at the dated rows and append new ones."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from pydantic import TypeAdapter, ValidationError

from arrivals.cli.helping import OPERATE, examples
from arrivals.cli.output import console
from arrivals.runtime.settings import load_settings
from schemas.base import LOCAL, Instant, format_instant
from schemas.errors import Misconfigured, Rejected
from schemas.reference_rows import Role

if TYPE_CHECKING:
    from reference.snapshot import Snapshot

reference = typer.Typer(
    help="Grades, successions, case counts, sites, units, passes, rules, credentials: dated rows, appended, never overwritten.",
    no_args_is_help=True,
)
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
TIME = "RFC 3339 with an offset, such as 2020-02-18T00:00:00+08:00"
AuthorOption = Annotated[str, typer.Option(help="Who decided it, as it shall be shown.")]


def current_snapshot() -> Snapshot:
    """The newest snapshot, read from the topic now."""
    from arrivals.runtime.reference_feed import read_snapshot
    from reference.gazetteer import load_gazetteer

    return read_snapshot(load_settings(), load_gazetteer())


@reference.command(
    "add-grade",
    epilog=examples("reference add-grade 42 high --from 2020-01-23T10:00:00+08:00 --author 市指挥部 --reason 第3号令"),
)
def add_grade(
    area: Annotated[str, typer.Argument(help="Area code of 2, 4, 6, 9 or 12 digits, or a name: 42, 湖北省, 武汉市武昌区.")],
    grade: Annotated[str, typer.Argument(help="high, medium or low.")],
    *,
    valid_from: Annotated[str, typer.Option("--from", help=f"From when it holds, {TIME}.")],
    valid_to: Annotated[str | None, typer.Option("--to", help="Until when, in the same form; open when left out.")] = None,
    known_from: Annotated[
        str | None, typer.Option("--known-from", help="When the city learned it, in the same form; now when left out.")
    ] = None,
    author: AuthorOption = "arrivals",
    reason: Annotated[str, typer.Option(help="The document or occasion.")] = "decided",
) -> None:
    """Append the risk grade of an area.

    Where it reaches into the past, those it reaches are decided again (`arrivals reflag`).
    """
    from arrivals.runtime.reference_writer import append
    from reference.listed_rows import read_line

    row = {
        "area": area,
        "grade": grade,
        "valid_from": valid_from,
        "valid_to": valid_to or "",
        "known_from": known_from or format_instant(datetime.now(LOCAL)),
        "author": author,
        "reason": reason,
    }
    offsets = append(load_settings(), [read_line("grade", row, current_snapshot())])
    console().print(f"Grade appended; the reference version is now {offsets[-1]}.")


@reference.command("add-token", epilog=examples("reference add-token device CP-411426-01 --subject gun-7"))
def add_token(
    role: Annotated[str, typer.Argument(help="device, unit, county, health_desk, analyst or administrator.")],
    scope: Annotated[
        str,
        typer.Argument(help="Site of a device (of check-ins: county, unit or enterprise), unit of a desk, * for the whole city."),
    ],
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
    at: Annotated[str, typer.Option(help=f"From when on, {TIME}.")],
    author: AuthorOption = "arrivals",
) -> None:
    """Withdraw every token of a device or desk from a moment on."""
    from arrivals.runtime.reference_writer import append
    from reference.rows import make_row

    when = instant(at)
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


def instant(text: str) -> datetime:
    """The time given to an option. Raises Misconfigured."""
    try:
        return _INSTANT.validate_python(text)
    except ValidationError:
        raise Misconfigured("time_invalid", f"'{text}' is no time.", f"Write it as {TIME}.") from None


def register(app: typer.Typer) -> None:
    """Adds the group: the commands of this file and of those beside it."""
    from arrivals.cli import reference_load, reference_rows

    for part in (reference_rows, reference_load):
        part.register(reference)
    app.add_typer(reference, name="reference", rich_help_panel=OPERATE)
