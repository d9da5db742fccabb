"""`arrivals dead-letters …`: nothing is ever thrown away silently, and what was refused can be looked at and sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from arrivals.cli.helping import OPERATE, examples
from arrivals.cli.output import JsonOption, console, print_json, print_mapping, print_rows
from arrivals.runtime.settings import load_settings

if TYPE_CHECKING:
    from arrivals.dead_letters import DeadLetters

letters = typer.Typer(help="Refused records, kept whole and sealed: look, send again, discard.", no_args_is_help=True)
Ids = Annotated[list[str], typer.Argument(help="Ids as `list` prints them.")]
ByOption = Annotated[str, typer.Option("--by", help="Who does it, for the record.")]
NoteOption = Annotated[str, typer.Option("--note", help="Why, for the record.")]


def _handler() -> DeadLetters:
    from arrivals.dead_letters import DeadLetters
    from arrivals.runtime.keys import KeyStore

    settings = load_settings()
    return DeadLetters(settings, KeyStore.open(settings.secret_path("keys.json", settings.keys_file), create=False))


@letters.command("list", epilog=examples("dead-letters list --stage gateway --reason body_not_json"))
def list_letters(
    *,
    reason: Annotated[str | None, typer.Option(help="Only this reason code, such as site_unknown.")] = None,
    stage: Annotated[str | None, typer.Option(help="Only those of gateway, router, sink or import.")] = None,
    state: Annotated[str, typer.Option(help="Only the open, replayed or discarded ones.")] = "open",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most letters to show.")] = 100,
    json: JsonOption = False,
) -> None:
    """Show the newest dead letters without their contents."""
    found = _handler().find(reason=reason, stage=stage, state=state, limit=limit)
    if json:
        print_json([letter.model_dump(mode="json", exclude={"payload_sealed"}) for letter in found])
        return
    columns = ("id", "stage", "reason", "detail", "recorded at", "bytes")
    rows = [(x.dead_letter_id, x.stage, x.reason, x.detail, f"{x.recorded_at:%m-%d %H:%M:%S}", x.payload_bytes) for x in found]
    print_rows("Dead letters", columns, rows)


@letters.command()
def show(
    letter_id: Annotated[str, typer.Argument(help="Id as `list` prints it.")],
    *,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Also open and print the original bytes. They may hold a person.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show one dead letter."""
    handler = _handler()
    letter = handler.get(letter_id)
    values = letter.model_dump(mode="json", exclude={"payload_sealed"})
    if reveal:
        values["payload"] = handler.open_payload(letter).decode("utf-8", "backslashreplace")
    if json:
        print_json(values)
    else:
        print_mapping(letter_id, values)


@letters.command()
def replay(ids: Ids, *, by: ByOption, note: NoteOption = "") -> None:
    """Send the original bytes to the topics they came from again."""
    handler = _handler()
    done = handler.replay([handler.get(i) for i in ids], by, note)
    console().print(f"{done} sent again.")


@letters.command()
def discard(ids: Ids, *, by: ByOption, note: NoteOption) -> None:
    """Mark dead letters as of no use; the reason is kept."""
    handler = _handler()
    done = handler.discard([handler.get(i) for i in ids], by, note)
    console().print(f"{done} discarded.")


def register(app: typer.Typer) -> None:
    """Adds the group of this file."""
    app.add_typer(letters, name="dead-letters", rich_help_panel=OPERATE)
