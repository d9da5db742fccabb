"""`arrivals query` and `report`: the analysts' named queries and the daily report, on the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, cast

import typer

from arrivals.cli.output import console, print_json, print_rows
from arrivals.runtime.settings import load_settings

FormatOption = Annotated[str, typer.Option("--format", help="table, json, csv or xlsx")]
OutputOption = Annotated[Path | None, typer.Option("--output", help="Write to a file; needed for xlsx.")]


def query(
    name: Annotated[str | None, typer.Argument(help="Name of the query; all are listed when left out.")] = None,
    *,
    param: Annotated[list[str] | None, typer.Option("--param", help="k=v, may be repeated.")] = None,
    format: FormatOption = "table",
    output: OutputOption = None,
) -> None:
    """Run a named query."""
    from serving.command_line import list_queries, run_query

    if name is None:
        print_rows("Queries", ("name", "title", "parameters"), list_queries())
        return
    _print(run_query(load_settings(), name, param or [], format), format, output, name)


def report(
    *,
    county: Annotated[str, typer.Option(help="County code, such as 411426; 4114 for the city.")],
    day: Annotated[str, typer.Option(help="YYYY-MM-DD")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="As known at this time (RFC 3339); now when left out.")] = None,
    format: FormatOption = "table",
    output: OutputOption = None,
) -> None:
    """Print the 24:00 report of a county, as known then or as known now."""
    from serving.command_line import run_report

    _print(run_report(load_settings(), county, day, as_of, format), format, output, "report")


def _print(result: object, format: str, output: Path | None, title: str) -> None:
    if isinstance(result, bytes):
        if output:
            output.write_bytes(result)
            console().print(f"written to {output}")
        else:
            sys.stdout.buffer.write(result)
    elif format == "json":
        print_json(result)
    else:
        columns, rows = cast("tuple[list[str], list[list[object]]]", result)
        print_rows(title, columns, rows)


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(query)
    app.command()(report)
