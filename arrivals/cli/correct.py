"""`arrivals correct`: a person who knows better says where somebody goes or came from."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from pydantic import ValidationError

from arrivals.cli.helping import OPERATE, examples
from arrivals.cli.output import JsonOption, console, print_json
from arrivals.cli.reference import AuthorOption, current_snapshot
from arrivals.runtime.settings import load_settings
from schemas.base import LOCAL
from schemas.errors import Misconfigured, Rejected


def correct(
    event_id: Annotated[str, typer.Argument(help="The arrival's event id.")],
    *,
    destination: Annotated[str | None, typer.Option(help="Code of the true destination: an area, or a custom unit.")] = None,
    origin: Annotated[str | None, typer.Option(help="Code of the true origin.")] = None,
    retract: Annotated[bool, typer.Option("--retract", help="Take the earlier corrections of this arrival back.")] = False,
    reason: Annotated[str, typer.Option(help="How this is known; shown to everybody who sees the arrival.")],
    author: AuthorOption = "arrivals",
    json: JsonOption = False,
) -> None:
    """Correct the destination or the origin of an arrival.

    The correction is a row of the reference with its author and reason. It beats the machine from then on, also when grades or
    rules change later; the new version of the arrival follows within a second or two.
    """
    from arrivals.runtime.reference_writer import append
    from reference.correcting import correction_row
    from schemas.reference_rows import CorrectionData
    from serving.command_line import run_explain

    if retract == bool(destination or origin):
        raise Misconfigured("correction_empty", "Nothing to correct.", "Give --destination, --origin or both, or --retract.")
    settings = load_settings()
    run_explain(settings, event_id)  # an arrival nobody has heard of is not corrected by a slip of the hand
    try:
        said = CorrectionData(kind="correction", event_id=event_id, destination=destination, origin=origin)
    except ValidationError as error:
        fields = ", ".join(str(e["loc"][-1]) for e in error.errors(include_input=False))
        raise Rejected("correction_invalid", f"The correction is not usable ({fields}).") from None
    row = correction_row(said, current_snapshot(), datetime.now(LOCAL), author, reason)
    version = append(settings, [row])[0]
    if json:
        print_json({"row_id": row.row_id, "reference_version": version})
    else:
        console().print(f"Correction appended; the reference version is now {version}.")


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command(
        rich_help_panel=OPERATE,
        epilog=examples(
            "correct 01705656-c5a0-7001-8000-000000000001 --destination 411426104207 --reason 电话核实 --author 夏邑县值班室",
            "correct 01705656-c5a0-7001-8000-000000000001 --retract --reason 误改",
        ),
    )(correct)
