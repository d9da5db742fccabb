"""`arrivals up` and `arrivals demo`: the whole system on this machine, supervised."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from arrivals.cli.output import JsonOption, print_json
from arrivals.runtime.settings import load_settings

OnlyOption = Annotated[str | None, typer.Option("--only", help="Comma-separated parts: gateway,router,sink,api.")]


def up(*, only: OnlyOption = None) -> None:
    """Run the embedded stack until Ctrl-C; with --only, single parts against the servers of the settings."""
    from arrivals.demo.stack import OWN_PARTS, run_parts, run_stack

    settings = load_settings()
    if only is None:
        run_stack(settings)
    else:
        names = tuple(name.strip() for name in only.split(","))
        unknown = [name for name in names if name not in OWN_PARTS]
        if unknown:
            raise typer.BadParameter(f"there is no part {', '.join(unknown)}; there are {', '.join(OWN_PARTS)}")
        run_parts(settings, names)


def demo(
    *,
    leave: Annotated[bool, typer.Option("--exit", help="End after the sample day, with a summary.")] = False,
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])] = datetime(2020, 2, 18),
    rate: Annotated[int, typer.Option(min=1, help="Scans per second.")] = 500,
    people: Annotated[int, typer.Option(min=1, help="Travellers of the day.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same day.")] = 7,
    history: Annotated[Path | None, typer.Option(help="Write what was posted and answered, a line each.")] = None,
    json: JsonOption = False,
) -> None:
    """Start everything, play a sample day, and leave the console open."""
    from arrivals.demo.run import run_demo

    settings = load_settings(simulated_clock=True)
    summary = run_demo(settings, leave=leave, day=day.date(), rate=rate, people=people, seed=seed, history=history)
    if json:
        print_json(summary.as_dict())
    if not summary.exact:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(up)
    app.command()(demo)
