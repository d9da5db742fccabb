"""From the bytes of posts to what may rest on Kafka: parse, check, derive, seal. One step at a time for all scans of all posts;
for check-ins the same (`producers.kinds`).

Looks at nothing but the posts themselves: what depends on other posts, on the register or on Kafka is decided afterwards
(`producers.receiving`). So it can be done in another process (`producers.helpers`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from arrivals.runtime.kafka_clients import Record
from producers.devices import Device
from producers.intake import Receipt, content_digest
from producers.kinds import EventKind
from producers.parsing import Event, event_id_of, parse_body
from producers.sealer import Refusal, Sealer
from schemas.errors import Reason, Rejected


class Posted(NamedTuple):
    """One post as it came: its inflated body, the device it came from, and when."""

    body: bytes
    charset: str
    device: Device
    now: datetime


class Usable(NamedTuple):
    """An event that may be recorded. `place` is what its device must be registered for, `digest` names its content."""

    event_id: str
    place: str
    digest: str
    flags: tuple[str, ...]
    record: Record


class Unusable(NamedTuple):
    """An event that may not, and its dead letter."""

    event_id: str | None
    reasons: tuple[Reason, ...]
    record: Record


class Derived(NamedTuple):
    """One outcome per event of a post, in order, and whether they came as an array. A body that is no usable JSON is one unusable
    outcome and not `readable`.
    """

    outcomes: Sequence[Usable | Unusable]
    many: bool
    readable: bool = True


class _Read(NamedTuple):
    """A post whose JSON is read: its values, the event behind each that is one, and the refusals by number."""

    post: Posted
    values: Sequence[Any]
    many: bool
    events: Sequence[Event]
    wrong: Mapping[int, Rejected]


def derive_all(posts: Sequence[Posted], kind: EventKind, sealer: Sealer) -> list[Derived]:
    """What follows from each post of events of a kind. Raises Unavailable when nothing can be sealed."""
    reads = [_read(post, kind) for post in posts]
    usable = iter(_usable([read for read in reads if isinstance(read, _Read)], kind, sealer))
    return [
        Derived(_outcomes(read, list(islice(usable, len(read.events))), sealer), read.many)
        if isinstance(read, _Read)
        else Derived([_refused(post, post.body, read, None, sealer)], many=False, readable=False)
        for post, read in zip(posts, reads, strict=True)
    ]


def refuse_again(post: Posted, number: int, error: Rejected, sealer: Sealer) -> Unusable:
    """The refusal of a usable event for what only others know (its place, its id): the post's event of that number, whole."""
    values, many = parse_body(post.body, post.charset)
    return _refused(post, _original(values[number], post.body, many=many), error, values[number], sealer)


def _read(post: Posted, kind: EventKind) -> _Read | Rejected:
    try:
        values, many = parse_body(post.body, post.charset)
    except Rejected as error:
        return error
    events: list[Event] = []
    wrong: dict[int, Rejected] = {}
    for number, value in enumerate(values):
        try:
            events.append(kind.validate(value))
        except Rejected as error:
            wrong[number] = error
    return _Read(post, values, many, events, wrong)


def _usable(reads: Sequence[_Read], kind: EventKind, sealer: Sealer) -> list[Usable]:
    events = [event for read in reads for event in read.events]
    receipts = [Receipt(read.post.device.device_id, read.post.now) for read in reads for _ in read.events]
    prepared = kind.prepare(events, receipts, sealer.keyed)
    digests = [content_digest(v) for read in reads for number, v in enumerate(read.values) if number not in read.wrong]
    records = sealer.accepted(kind, prepared, digests, [receipt.at for receipt in receipts])
    places, flags = [kind.place(event) for event in events], [one.flags for one in prepared]
    return list(map(Usable, [one.event_id for one in prepared], places, digests, flags, records))


def _outcomes(read: _Read, usable: Sequence[Usable], sealer: Sealer) -> list[Usable | Unusable]:
    """The usable events of a post with the refusals between them, each in its place."""
    outcomes: list[Usable | Unusable] = list(usable)
    for number, error in read.wrong.items():
        payload = _original(read.values[number], read.post.body, many=read.many)
        outcomes.insert(number, _refused(read.post, payload, error, read.values[number], sealer))
    return outcomes


def _refused(post: Posted, payload: bytes, error: Rejected, value: Any, sealer: Sealer) -> Unusable:
    event_id, strict = event_id_of(value)
    refusal = Refusal(payload, error.reasons[0], event_id if strict else None)
    return Unusable(event_id, error.reasons, sealer.refused(refusal, post.device, post.now))


def _original(value: Any, body: bytes, *, many: bool) -> bytes:
    """The bytes to keep of a refused value: those that were posted, or for one of many its own JSON."""
    return json.dumps(value, ensure_ascii=False).encode() if many else body
