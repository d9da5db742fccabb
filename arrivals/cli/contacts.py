"""`arrivals contacts`: who travelled with an arrival, and by which rule that counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from arrivals.cli.helping import LOOK, examples
from arrivals.cli.output import JsonOption, console, print_json, print_rows
from arrivals.runtime.settings import load_settings

_COLUMNS = ("strength", "person", "responsible unit", "where", "ties")


def contacts(
    event_id: Annotated[str, typer.Argument(help="The arrival's event id.")],
    *,
    json: JsonOption = False,
) -> None:
    """List who travelled with an arrival: train, coach, vehicle, party, checkpoint; strongest ties first, with their rules."""
    from serving.command_line import run_contacts

    told = run_contacts(load_settings(), event_id)
    if json:
        print_json(told)
        return
    rows = [(c["strength"], c["name_masked"], c["unit_name"], _where(c), _ties(c)) for c in told["contacts"]]
    print_rows(f"Contacts of {event_id}", _COLUMNS, rows)
    counts = ", ".join(f"{count} {strength}" for strength, count in told["by_strength"].items())
    console().print(f"{told['total']} people: {counts}; at {len(told['units'])} units.")


def _where(contact: Mapping[str, Any]) -> str:
    parts = (
        contact["occurred_at"][:16].replace("T", " "),
        contact["site_name"],
        contact["train"],
        contact["coach"],
        contact["seat"],
    )
    return " ".join(part for part in parts if part)


def _ties(contact: Mapping[str, Any]) -> str:
    return "\n".join(f"{tie['text_zh']}{_distance(tie)} · {tie['source_zh']}" for tie in contact["ties"])


def _distance(tie: Mapping[str, Any]) -> str:
    said = [f"{tie[name]} {word}" for name, word in (("distance", "rows"), ("minutes", "min")) if tie[name] is not None]
    return f" ({', '.join(said)})" if said else ""


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command(rich_help_panel=LOOK, epilog=examples("contacts 01705656-c5a0-7001-8000-000000000001"))(contacts)
