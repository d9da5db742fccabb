"""What people ask for: one closed model per act. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from schemas.base import Day, EventId, Instant, Strict, Text, UnitCode
from schemas.errors import Reason, Rejected
from schemas.scan import Symptom
from schemas.unit_action import DeclineReason, ReleaseReason

RequestId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Note = Annotated[Text, Field(min_length=1)]


class _Command(Strict):
    """`version` is the version the caller has seen; `request_id` makes a repeated request harmless."""

    version: Annotated[int, Field(ge=1)]
    request_id: RequestId | None = None


class Acknowledge(_Command):
    """The unit has seen it; from the health desk: it has seen the alert."""

    action: Literal["acknowledge"]


class Decline(_Command):
    """Not ours: back to the county desk. From a unit it was offered to: the offer is turned down."""

    action: Literal["decline"]
    reason: DeclineReason
    note: Note | None = None


class Transfer(_Command):
    """Offers the arrival to another unit; the sender stays responsible until that one accepts."""

    action: Literal["transfer"]
    to: UnitCode
    note: Note | None = None


class Withdraw(_Command):
    """Takes an offer back."""

    action: Literal["withdraw"]


class Accept(_Command):
    """Takes over what was offered."""

    action: Literal["accept"]


class Register(_Command):
    """The person was found and written down; `proxy` is the arrival whose phone answers for the household."""

    action: Literal["register"]
    proxy: EventId | None = None
    note: Note | None = None


class Observe(_Command):
    """Begins an observation, or makes a running one longer: `days` counts from its first day."""

    action: Literal["observe"]
    from_day: Day | None = None
    days: Annotated[int, Field(ge=1, le=28)] | None = None
    note: Note | None = None


class Temperature(_Command):
    """A report of the observation: a temperature, symptoms (none is an answer too), and when it was measured."""

    action: Literal["temperature"]
    temperature_c: Annotated[float, Field(ge=34.0, le=43.0)]
    symptoms: Annotated[tuple[Symptom, ...], Field(strict=False)] = ()
    measured_at: Instant | None = None


class Release(_Command):
    """The duty ends."""

    action: Literal["release"]
    reason: ReleaseReason
    note: Note | None = None


class Remark(_Command):
    """A note; kept sealed, for the units concerned."""

    action: Literal["note"]
    note: Note


class TakeBack(_Command):
    """Takes one's own last act back, within ten seconds."""

    action: Literal["undo"]


Command = Annotated[
    Acknowledge | Decline | Transfer | Withdraw | Accept | Register | Observe | Temperature | Release | Remark | TakeBack,
    Field(discriminator="action"),
]
COMMAND: TypeAdapter[Command] = TypeAdapter(Command)


class BulkItem(Strict):
    """One of many: which arrival, and what to do."""

    event_id: EventId
    command: Command


def read_command(body: bytes) -> Command:
    """The command in a request's body. Raises Rejected naming the wrong fields, never their values."""
    try:
        return COMMAND.validate_json(body)
    except ValidationError as error:
        raise rejection(error) from None


def rejection(error: ValidationError) -> Rejected:
    """The wrong fields of a body as reasons."""
    reasons = [
        Reason(".".join(map(str, e["loc"])), e["type"], "this is not a value for the field", "填写有误")
        for e in error.errors(include_input=False, include_context=False, include_url=False)
    ]
    return Rejected("body_invalid", "A field is wrong.", tuple(reasons))
