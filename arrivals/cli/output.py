"""How the command prints: tables and lines for people, JSON for programs, errors as one line with what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from arrivals.runtime.settings import Settings
from schemas.errors import ArrivalsError, Misconfigured, Reason

#: Columns of a table that goes into a file or a program: wide enough for every table there is.
_WIDE = 400

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
DayOption = Annotated[
    datetime, typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", show_default="2020-02-18", help="The simulated day.")
]
GatewayOption = Annotated[
    str, typer.Option("--gateway", metavar="URL", help="Where the gateway answers; the settings' host and port when left out.")
]
TokenFileOption = Annotated[
    Path | None,
    typer.Option("--token-file", help="File holding the site's device token; the embedded mode has its own when left out."),
]


def token_of(settings: Settings, site: str, file: Path | None) -> str:
    """The device token of a site: from the file, or the one the embedded mode made. Raises Misconfigured."""
    from arrivals.demo.day import device_token

    if file is None:
        return device_token(settings, site)
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeError) as error:
        problem = f"The token file {file} cannot be read ({type(error).__name__})."
        raise Misconfigured("token_file", problem, "Give --token-file a text file that holds the token.") from None


def console() -> Console:
    """A console on standard output; colours and progress only where it is a terminal, and there alone tables are fitted to it."""
    screen = Console(highlight=False)
    return screen if screen.is_terminal else Console(highlight=False, width=_WIDE)


def notes() -> Console:
    """A console on standard error, for progress and remarks beside the data."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Any, file: Path | None = None) -> None:
    """Prints one JSON document, keys in the given order, or writes it to a file."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode() + "\n"
    if file:
        write_file(file, text.encode())
    else:
        sys.stdout.write(text)


def write_file(file: Path, content: bytes) -> None:
    """Writes what a command was asked for into a file and says so. Raises Misconfigured when it cannot."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise Misconfigured("output_file", f"{file} cannot be written ({error.strerror}).", "Check folder and disk.") from None
    notes().print(f"written to {file}")


def print_rows(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Prints a table, or a line saying that it is empty. Nothing is cut off: what is too wide for a terminal is broken."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(_shown(cell)) for cell in row))
    if table.row_count:
        console().print(table)
    else:
        console().print(f"{title}: none")


def print_mapping(title: str, values: Mapping[str, Any]) -> None:
    """Prints names and values, one per line."""
    table = Table("", "", title=title, title_justify="left", show_header=False)
    for name, value in values.items():
        table.add_row(name.replace("_", " "), Text(_shown(value)))
    console().print(table)


def fail(error: ArrivalsError) -> NoReturn:
    """Prints the error and its reasons, a line each, and leaves with exit code 1."""
    screen = notes()
    screen.print(f"[bold red]error[/] {escape(str(error))} [dim]({error.code})[/]")
    for reason in getattr(error, "reasons", ()):
        screen.print(f"  {escape(_reason(reason))}")
    sys.exit(1)


def _reason(reason: Reason) -> str:
    return f"{reason.field + ': ' if reason.field else ''}{reason.message} · {reason.message_zh}"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"{key}: {_shown(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "" if value is None else str(value)
