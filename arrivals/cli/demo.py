"""`arrivals up` and `arrivals demo`: the whole system on this machine, supervised."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from arrivals.cli.helping import RUN, examples
from arrivals.cli.output import DayOption, JsonOption, print_json
from arrivals.runtime.settings import load_settings

OnlyOption = Annotated[
    str | None,
    typer.Option("--only", help="Only these parts, comma separated: gateway, router, sink, reflag, desk, api, notify."),
]


def up(*, only: OnlyOption = None) -> None:
    """Run the embedded stack until Ctrl-C.

    Kafka, ClickHouse, gateway, router, sink, re-flagging, desk, API and notifier, each supervised, on the ports of the settings
    and with data, logs and secrets in ARRIVALS_DATA_DIR. With --only, single parts against servers that run already.
    """
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
    day: DayOption = datetime(2020, 2, 18),
    rate: Annotated[int, typer.Option(min=1, help="Scans posted per second.")] = 500,
    people: Annotated[int, typer.Option(min=1, help="Number of travellers of the day.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same day.")] = 7,
    history: Annotated[Path | None, typer.Option(help="File for what was posted and answered, a JSON line each.")] = None,
    json: JsonOption = False,
) -> None:
    """Start everything, play a sample day, and leave the console open.

    Ends with a reconciliation: exit code 1 when any scan is missing or stored twice.
    """
    from arrivals.demo.run import run_demo

    settings = load_settings(simulated_clock=True)
    summary = run_demo(settings, leave=leave, day=day.date(), rate=rate, people=people, seed=seed, history=history)
    if json:
        print_json(summary.as_dict())
    if not summary.exact:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command(rich_help_panel=RUN, epilog=examples("up", "up --only router,sink"))(up)
    app.command(rich_help_panel=RUN, epilog=examples("demo", "demo --exit --people 2000 --rate 400 --json"))(demo)
