"""The command `arrivals`: one file per group of subcommands, each a thin layer over a function that tests call as well."""

from __future__ import annotations

import sys

import typer

from arrivals.cli import (
    accounts,
    admin,
    audit_trail,
    contacts,
    correct,
    data,
    demo,
    desk,
    explain,
    letters,
    parts,
    reference,
    reflag,
    replay,
    scan,
    subscribers,
    webhooks,
)
from arrivals.cli.output import fail
from schemas.errors import ArrivalsError

EXIT_CODES = """Exit codes: 0 done · 1 failed or found something wrong · 2 wrong usage."""

app = typer.Typer(
    name="arrivals",
    help="Checkpoint and rail-station arrivals: routed to the responsible unit, flagged with evidence. " + EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=True,
    pretty_exceptions_enable=False,
)
for group in (
    *(demo, parts, reflag, data, scan, desk, explain, contacts, reference, webhooks, subscribers),
    *(letters, correct, replay, audit_trail, accounts, admin),
):
    group.register(app)


def main() -> None:
    """Runs the command line; every expected failure is one clear line with what to do, and exit code 1."""
    try:
        app()
    except ArrivalsError as error:
        fail(error)
    except KeyboardInterrupt:
        sys.exit(130)
