"""`arrivals explain`: why an arrival was decided as it was, in plain words."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from arrivals.cli.helping import LOOK, examples
from arrivals.cli.output import JsonOption, print_json
from arrivals.runtime.settings import load_settings
from schemas.errors import Rejected

LANGUAGES = ("zh", "en")


def explain(
    event_id: Annotated[str, typer.Argument(help="The arrival's event id.")],
    *,
    language: Annotated[str | None, typer.Option("--lang", help="zh or en; both when left out.")] = None,
    json: JsonOption = False,
) -> None:
    """Say why an arrival was decided as it was: places, rules with their evidence and source, grade rows, pass, versions."""
    from serving.command_line import run_explain

    if language not in (None, *LANGUAGES):
        raise Rejected("language_unknown", f"There are no explanations in that language; there are {', '.join(LANGUAGES)}.")
    told, lines = run_explain(load_settings(), event_id)
    if json:
        print_json(told | {f"text_{tongue}": lines[tongue] for tongue in lines})
    else:
        chosen = [language] if language else LANGUAGES
        sys.stdout.write("\n\n".join("\n".join(lines[tongue]) for tongue in chosen) + "\n")


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command(rich_help_panel=LOOK, epilog=examples("explain 01705656-c5a0-7001-8000-000000000001 --lang en"))(explain)
