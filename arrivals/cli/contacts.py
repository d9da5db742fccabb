"""`arrivals contacts`: who travelled with an arrival, by which rule that counts, and tasks for the units that answer for them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from arrivals.cli.helping import LOOK, examples
from arrivals.cli.output import JsonOption, console, print_json, print_rows
from arrivals.runtime.settings import load_settings


class Finding(StrEnum):
    """What is known of the case."""

    confirmed = "confirmed"
    suspected = "suspected"
    asymptomatic = "asymptomatic"


class Tie(StrEnum):
    """How close somebody travelled."""

    close = "close"
    general = "general"
    weak = "weak"


_EXAMPLE = "01705656-c5a0-7001-8000-000000000001"
_COLUMNS = ("strength", "person", "responsible unit", "where", "ties")


def contacts(
    event_id: Annotated[str, typer.Argument(help="The arrival's event id.")],
    *,
    task: Annotated[Finding | None, typer.Option(help="The arrival is such a case: make tasks of its contacts.")] = None,
    tie: Annotated[list[Tie] | None, typer.Option(help="With --task: which ties; repeat for several. [default: close]")] = None,
    json: JsonOption = False,
) -> None:
    """List who travelled with an arrival: train, coach, vehicle, party, checkpoint; strongest ties first, with their rules.

    With --task every unit that is accountable for a contact now is told to isolate and test; repeating it tells nobody twice.
    Both are lines of the audit trail.
    """
    from serving.command_line import run_contacts

    if task is not None:
        _order(event_id, task, tie or [Tie.close], json=json)
        return
    told = run_contacts(load_settings(), event_id)
    if json:
        print_json(told)
        return
    rows = [(c["strength"], c["name_masked"], c["unit_name"], _where(c), _ties(c)) for c in told["contacts"]]
    print_rows(f"Contacts of {event_id}", _COLUMNS, rows)
    counts = ", ".join(f"{count} {strength}" for strength, count in told["by_strength"].items())
    console().print(f"{told['total']} people: {counts}; at {len(told['units'])} units.")


def _order(event_id: str, task: Finding, ties: list[Tie], *, json: bool) -> None:
    from serving.command_line import run_contact_tasks
    from serving.contact_tasks import Tasks

    asked = {"reason": task.value, "ties": [tie.value for tie in ties]}
    told = run_contact_tasks(load_settings(), event_id, Tasks.model_validate(asked))
    if json:
        print_json(told)
        return
    rows = [(unit["unit_name"], unit["tasks"], unit["known"]) for unit in told["units"]]
    print_rows(f"Tasks for the contacts of {event_id}", ("responsible unit", "new tasks", "told before"), rows)
    console().print(
        f"{told['found']} people: {told['tasks']} new tasks, {told['known']} told before, "
        f"{told['closed']} released with nothing to do here, {told['absent']} not at the desk yet."
    )


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
    app.command(
        rich_help_panel=LOOK,
        epilog=examples(*(f"contacts {_EXAMPLE}{more}" for more in ("", " --task confirmed --tie close --tie general"))),
    )(contacts)
