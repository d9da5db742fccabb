"""`arrivals query` and `report`: the analysts' named queries and the daily report, on the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, cast

import typer

from arrivals.cli.helping import LOOK, examples
from arrivals.cli.output import print_json, print_rows, write_file
from arrivals.runtime.settings import load_settings
from schemas.errors import Misconfigured

_BINARY = ("xlsx", "parquet")
FormatOption = Annotated[str, typer.Option("--format", help="table, json, csv, xlsx or parquet.")]
OutputOption = Annotated[Path | None, typer.Option("--output", help="Write to this file instead of standard output.")]


def query(
    name: Annotated[str | None, typer.Argument(help="Name of the query; all are listed when left out.")] = None,
    *,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="A parameter, such as from=2020-02-18; may be repeated."),
    ] = None,
    format: FormatOption = "table",
    output: OutputOption = None,
) -> None:
    """Run a named query, or list all of them with their parameters.

    Days are YYYY-MM-DD in local time, both included; where none are given the query takes the newest day there is.
    """
    from serving.command_line import list_queries, run_query

    if name is None:
        print_rows("Queries", ("name", "title", "parameters"), list_queries())
        return
    _print(run_query(load_settings(), name, param or [], format), format, output, name)


def report(
    *,
    county: Annotated[str, typer.Option(help="County code, such as 411426; 4114 for the whole city.")],
    day: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="The day, local time.")],
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="As known at this time, such as 2020-02-19T00:00:00+08:00; now when left out.")
    ] = None,
    format: FormatOption = "table",
    output: OutputOption = None,
) -> None:
    """Print the 24:00 report of a county, as known then or as known now.

    One line per township: arrivals by road and rail, by risk, fever, turned back, to observe, waiting at the desk.
    """
    from serving.command_line import run_report

    _print(run_report(load_settings(), county, day, as_of, format), format, output, "report")


def _print(result: object, format: str, output: Path | None, title: str) -> None:
    if isinstance(result, bytes):
        if output:
            write_file(output, result)
        elif sys.stdout.isatty() and format in _BINARY:
            raise Misconfigured("output_missing", f"{format} is not for a terminal.", "Give a file with --output.")
        else:
            sys.stdout.buffer.write(result)
    elif format == "json":
        print_json(result, output)
    elif output:
        raise Misconfigured("output_table", "A table is for the screen.", "Give --format json, csv, xlsx or parquet.")
    else:
        columns, rows = cast("tuple[list[str], list[list[object]]]", result)
        print_rows(title, columns, rows)


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command(
        rich_help_panel=LOOK,
        epilog=examples(
            "query",
            "query flows-by-county --param from=2020-02-18 --param to=2020-02-18",
            "query flows-by-origin --param level=city --format csv --output origins.csv",
        ),
    )(query)
    app.command(
        rich_help_panel=LOOK,
        epilog=examples(
            "report --county 411426 --day 2020-02-18",
            "report --county 4114 --day 2020-02-18 --as-of 2020-02-19T00:00:00+08:00 --format xlsx --output day.xlsx",
        ),
    )(report)
