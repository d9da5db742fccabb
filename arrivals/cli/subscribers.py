"""`arrivals subscribers …`: county systems that read `arrivals` with a Kafka client of their own."""

from __future__ import annotations

from typing import Annotated

import typer

from arrivals.cli.helping import OPERATE, examples
from arrivals.cli.output import JsonOption, console, notes, print_json, print_rows
from arrivals.runtime.settings import load_settings

subscribers = typer.Typer(
    help="County systems that read the topic arrivals with Kafka credentials of their own. They read all of it, sealed.",
    no_args_is_help=True,
)
NameArgument = Annotated[str, typer.Argument(help="Name of the county system, such as county-11.")]


@subscribers.command(epilog=examples("subscribers add county-11"))
def add(name: NameArgument) -> None:
    """Let a county system read `arrivals`, and print its password once.

    Its consumer groups begin with its name and a dot, such as county-11.desk. It cannot write, and reads no other topic.
    """
    from arrivals.runtime.kafka_subscribers import add as run

    _tell(name, run(load_settings(), name))


@subscribers.command(epilog=examples("subscribers rotate county-11"))
def rotate(name: NameArgument) -> None:
    """Give a county system another password and print it once. Open connections stay; new ones need it."""
    from arrivals.runtime.kafka_subscribers import rotate as run

    _tell(name, run(load_settings(), name))


@subscribers.command(epilog=examples("subscribers remove county-11"))
def remove(name: NameArgument) -> None:
    """Take a county system's rights away: it reads nothing more, on open connections too."""
    from arrivals.runtime.kafka_subscribers import remove as run

    run(load_settings(), name)
    notes().print(f"{name} reads nothing more.")


@subscribers.command("list", epilog=examples("subscribers list"))
def list_all(*, json: JsonOption = False) -> None:
    """List the county systems that may read."""
    from arrivals.runtime.kafka_subscribers import subscribers as run

    settings = load_settings()
    found = [{"name": name, "topic": settings.topic("arrivals"), "groups": f"{name}.*"} for name in run(settings)]
    if json:
        print_json(found)
        return
    print_rows("Subscribers", ("name", "reads", "in groups"), [tuple(row.values()) for row in found])


def _tell(name: str, password: str) -> None:
    """The password alone goes to standard output, so that it can be put where it belongs."""
    notes().print(f"Password of {name}, shown once (SCRAM-SHA-512):")
    console().print(password)


def register(app: typer.Typer) -> None:
    """Adds the group of this file."""
    app.add_typer(subscribers, name="subscribers", rich_help_panel=OPERATE)
