"""How the command prints: tables and lines for people, JSON for programs, errors as one line with what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.table import Table

from schemas.errors import ArrivalsError

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def console() -> Console:
    """A console on standard output; colours and progress only where it is a terminal."""
    return Console(highlight=False)


def notes() -> Console:
    """A console on standard error, for progress and remarks beside the data."""
    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Prints one JSON document, keys in the given order."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode() + "\n")


def print_rows(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Prints a table, or a line saying that it is empty."""
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    if table.row_count:
        console().print(table)
    else:
        console().print(f"{title}: none")


def print_mapping(title: str, values: Mapping[str, Any]) -> None:
    """Prints names and values, one per line."""
    print_rows(title, ("", ""), values.items())


def fail(error: ArrivalsError) -> NoReturn:
    """Prints the error and leaves with exit code 1."""
    notes().print(f"[bold red]error[/] {error} [dim]({error.code})[/]")
    sys.exit(1)
