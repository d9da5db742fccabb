"""From the bytes of posts to what may rest on Kafka: parse, check, derive, seal. One step at a time for all scans of all posts.

Looks at nothing but the posts themselves: what depends on other posts, on the register or on Kafka is decided afterwards
(`producers.receiving`). So it can be done in another process (`producers.helpers`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from arrivals.runtime.kafka_clients import Record
from producers.devices import Device
from producers.intake import Receipt, content_digest, prepare_all
from producers.parsing import event_id_of, parse_body, validate_scan
from producers.sealer import Refusal, Sealer
from schemas.errors import Reason, Rejected
from schemas.scan import CheckpointScan, RailScan


class Posted(NamedTuple):
    """One post as it came: its inflated body, the device it came from, and when."""

    body: bytes
    charset: str
    device: Device
    now: datetime


class Usable(NamedTuple):
    """A scan that may be recorded. `digest` names its content."""

    event_id: str
    site_id: str
    digest: str
    flags: tuple[str, ...]
    record: Record


class Unusable(NamedTuple):
    """A scan that may not, and its dead letter."""

    event_id: str | None
    reasons: tuple[Reason, ...]
    record: Record


class Derived(NamedTuple):
    """One outcome per scan of a post, in order, and whether they came as an array. A body that is no usable JSON is one unusable
    outcome and not `readable`.
    """

    outcomes: Sequence[Usable | Unusable]
    many: bool
    readable: bool = True


class _Read(NamedTuple):
    """A post whose JSON is read: its values, and the scan or the refusal behind each."""

    post: Posted
    values: Sequence[Any]
    many: bool
    scans: Sequence[CheckpointScan | RailScan | Rejected]

    def good(self) -> list[CheckpointScan | RailScan]:
        return [scan for scan in self.scans if not isinstance(scan, Rejected)]


def derive_all(posts: Sequence[Posted], sealer: Sealer) -> list[Derived]:
    """What follows from each post. Raises Unavailable when nothing can be sealed."""
    reads = [_read(post) for post in posts]
    usable = iter(_usable([read for read in reads if isinstance(read, _Read)], sealer))
    return [
        Derived([next(usable) if scan is None else scan for scan in _unusable(read, sealer)], read.many)
        if isinstance(read, _Read)
        else Derived([_refused(post, post.body, read, None, sealer)], many=False, readable=False)
        for post, read in zip(posts, reads, strict=True)
    ]


def refuse_again(post: Posted, number: int, error: Rejected, sealer: Sealer) -> Unusable:
    """The refusal of a usable scan for what only others know (its site, its id): the post's scan of that number, whole."""
    values, many = parse_body(post.body, post.charset)
    return _refused(post, _original(values[number], post.body, many=many), error, values[number], sealer)


def _read(post: Posted) -> _Read | Rejected:
    try:
        values, many = parse_body(post.body, post.charset)
    except Rejected as error:
        return error
    return _Read(post, values, many, [_check(value) for value in values])


def _check(value: Any) -> CheckpointScan | RailScan | Rejected:
    try:
        return validate_scan(value)
    except Rejected as error:
        return error


def _usable(reads: Sequence[_Read], sealer: Sealer) -> list[Usable]:
    good = [read.good() for read in reads]
    scans = list(chain.from_iterable(good))
    receipts = [Receipt(r.post.device.device_id, r.post.now) for r, some in zip(reads, good, strict=True) for _ in some]
    prepared = prepare_all(scans, receipts, sealer.keyed)
    digests = [
        content_digest(value)
        for r in reads
        for value, scan in zip(r.values, r.scans, strict=True)
        if not isinstance(scan, Rejected)
    ]
    records = sealer.scans(prepared, digests, [receipt.at for receipt in receipts])
    return [
        Usable(scan.event_id, scan.site_id, digest, found.flags, record)
        for scan, digest, found, record in zip(scans, digests, prepared, records, strict=True)
    ]


def _unusable(read: _Read, sealer: Sealer) -> list[Unusable | None]:
    """The refusals among a post's scans, and None for every other."""
    return [
        _refused(read.post, _original(value, read.post.body, many=read.many), scan, value, sealer)
        if isinstance(scan, Rejected)
        else None
        for value, scan in zip(read.values, read.scans, strict=True)
    ]


def _refused(post: Posted, payload: bytes, error: Rejected, value: Any, sealer: Sealer) -> Unusable:
    event_id, strict = event_id_of(value)
    refusal = Refusal(payload, error.reasons[0], event_id if strict else None)
    return Unusable(event_id, error.reasons, sealer.refused(refusal, post.device, post.now))


def _original(value: Any, body: bytes, *, many: bool) -> bytes:
    """The bytes to keep of a refused value: those that were posted, or for one of many its own JSON."""
    return json.dumps(value, ensure_ascii=False).encode() if many else body
