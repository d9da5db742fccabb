"""`arrivals reflag`: the part that decides past arrivals again, and how far it has come."""

from __future__ import annotations

from dataclasses import asdict

import typer

from arrivals.cli.helping import PARTS, examples
from arrivals.cli.output import JsonOption, print_json, print_mapping
from arrivals.runtime.settings import load_settings

reflag = typer.Typer(invoke_without_command=True, no_args_is_help=False)


@reflag.callback(epilog=examples("reflag", "reflag status --json"))
def run(context: typer.Context) -> None:
    """Run re-flagging: a grade, rule, pass or correction that reaches into the past changes past arrivals.

    In the foreground until SIGTERM or Ctrl-C. One process for an installation is enough; a second one does the same work twice
    and harms nothing. Health and metrics on ARRIVALS_REFLAG_METRICS_PORT.
    """
    if context.invoked_subcommand is None:
        from streams.run_reflag import run_reflag

        run_reflag(load_settings())


@reflag.command(epilog=examples("reflag status"))
def status(*, json: JsonOption = False) -> None:
    """Show which rows of the reference were worked on, and how far the present one has come."""
    from streams.reflag_positions import read_status

    found = read_status(load_settings())
    values = {**asdict(found), "waiting": found.waiting}
    if json:
        print_json(values)
    else:
        print_mapping("Re-flagging", values)


def register(app: typer.Typer) -> None:
    """Adds the group of this file."""
    app.add_typer(reflag, name="reflag", rich_help_panel=PARTS)
