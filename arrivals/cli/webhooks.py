"""`arrivals webhooks …`: where units want to be told, whether they are, and telling them again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from arrivals.cli.helping import OPERATE, examples
from arrivals.cli.output import JsonOption, console, print_json, print_rows
from arrivals.runtime.settings import load_settings
from schemas.base import Instant
from schemas.errors import Misconfigured, Rejected

if TYPE_CHECKING:
    from schemas.webhook import WebhookData

webhooks = typer.Typer(
    help="Endpoints that are told of a unit's arrivals and alerts: counts and a link, signed (Standard Webhooks).",
    no_args_is_help=True,
)
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
EndpointArgument = Annotated[str, typer.Argument(help="Name of the endpoint.")]
AuthorOption = Annotated[str, typer.Option(help="Who decided it, as it shall be shown.")]


@webhooks.command(epilog=examples("webhooks add county-11 https://desk.example.cn/arrivals --unit 411426"))
def add(
    endpoint: EndpointArgument,
    url: Annotated[str, typer.Argument(help="https://host/path of the receiver, port 443 or 8443.")],
    *,
    unit: Annotated[str, typer.Option(help="Whose list it is told of: a unit, or a health desk such as 411426-health.")],
    topic: Annotated[list[str] | None, typer.Option("--topic", help="arrivals or alerts; both when left out.")] = None,
    author: AuthorOption = "arrivals",
) -> None:
    """Declare an endpoint, or take a disabled one up again, and print its secret once.

    Receivers must be public; ARRIVALS_WEBHOOK_NETWORKS names the private networks that are allowed.
    """
    from sinks.webhooks.commands import add as run

    console().print(run(load_settings(), _data(endpoint, url, unit, topic), author))


@webhooks.command("list", epilog=examples("webhooks list --json"))
def list_all(*, json: JsonOption = False) -> None:
    """List the endpoints: what waits, what was given up, since when one fails, whether it is disabled."""
    from sinks.webhooks.commands import list_endpoints

    found = list_endpoints(load_settings())
    if json:
        print_json(found)
        return
    columns = ("endpoint", "unit", "url", "waiting", "delivered", "failed", "delivered_at", "failing_since", "disabled")
    print_rows("Webhooks", columns, [[row[name] for name in columns] for row in found])


@webhooks.command(epilog=examples("webhooks test county-11"))
def test(endpoint: EndpointArgument) -> None:
    """Post a test message now and print what came of it; exit code 1 unless the receiver took it."""
    from sinks.webhooks.commands import try_out

    answered = try_out(load_settings(), endpoint)
    console().print(f"status {answered.status}" if answered.status else f"no answer: {answered.problem}")
    if answered.status is None or answered.status // 100 != 2:  # noqa: PLR2004
        raise typer.Exit(1)


@webhooks.command(epilog=examples("webhooks replay county-11 --from 2020-02-18T08:00:00+08:00 --to 2020-02-18T12:00:00+08:00"))
def replay(
    endpoint: EndpointArgument,
    *,
    since: Annotated[str, typer.Option("--from", help="RFC 3339 with an offset.")],
    until: Annotated[str, typer.Option("--to", help="In the same form.")],
) -> None:
    """Send every message of a range again, under the ids they had."""
    from sinks.webhooks.commands import replay as run

    count = run(load_settings(), endpoint, _instant(since), _instant(until))
    console().print(f"{count} messages wait to be sent again.")


@webhooks.command(epilog=examples("webhooks rotate county-11 --overlap-hours 48"))
def rotate(
    endpoint: EndpointArgument,
    *,
    overlap_hours: Annotated[float, typer.Option(min=0, help="How long the old secret signs as well.")] = 24.0,
    author: AuthorOption = "arrivals",
) -> None:
    """Give an endpoint a new secret and print it once; for a while both sign."""
    from sinks.webhooks.commands import rotate as run

    console().print(run(load_settings(), endpoint, overlap_hours, author))


@webhooks.command(epilog=examples("webhooks disable county-11"))
def disable(endpoint: EndpointArgument, *, author: AuthorOption = "arrivals") -> None:
    """Withdraw an endpoint; nothing is posted there any more."""
    from sinks.webhooks.commands import disable as run

    run(load_settings(), endpoint, author)
    console().print(f"{endpoint} is disabled.")


def _data(endpoint: str, url: str, unit: str, topics: list[str] | None) -> WebhookData:
    from schemas.webhook import WEBHOOK_TOPICS, WebhookData

    values = {"kind": "webhook", "endpoint": endpoint, "url": url, "unit": unit, "topics": topics or WEBHOOK_TOPICS}
    try:
        return WebhookData.model_validate(values)
    except ValidationError as error:
        fields = ", ".join(sorted({str(e["loc"][0]) for e in error.errors()}))
        raise Rejected("webhook_invalid", f"The endpoint is not right ({fields}).") from None


def _instant(text: str) -> datetime:
    try:
        return _INSTANT.validate_python(text)
    except ValidationError:
        raise Misconfigured("time_invalid", f"'{text}' is no time.", "Write it as 2020-02-18T08:30:00+08:00.") from None


def register(app: typer.Typer) -> None:
    """Adds the group of this file."""
    app.add_typer(webhooks, name="webhooks", rich_help_panel=OPERATE)
