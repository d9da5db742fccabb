"""What happens to one post: every scan of it is accepted, recognised as a duplicate, or refused, and Kafka confirms all or none.

Guarantee: a scan is answered `accepted` or `duplicate` only when it is on Kafka, acknowledged by all in-sync replicas; one
answered `rejected` lies whole in the dead letters. When Kafka does not confirm within the bound, the whole post is answered 503
and the device repeats the same ids; whatever had arrived is recognised downstream by its event id.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from arrivals.runtime.kafka_clients import Record
from arrivals.runtime.metrics import Metrics
from producers.confirm import Confirming
from producers.devices import EVERY_SITE, Device
from producers.duplicates import DuplicateWindow
from producers.grouping import Grouping
from producers.intake import Prepared, Receipt, content_digest, person_key, prepare_all
from producers.parsing import event_id_of, validate_scan
from producers.reasons import reason
from producers.sealer import Refusal, Sealer
from reference.snapshot import Snapshot
from schemas.errors import Reason, Rejected, Unavailable
from schemas.scan import CheckpointScan, RailScan

Outcome = asyncio.Future[bool]
#: A post from this size on is worth a group of its own; it also never shares the fate of others.
_LARGE_BYTES = 50_000


@dataclass(slots=True)
class Result:
    """The answer for one scan of a post."""

    event_id: str | None
    status: str
    flags: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The form of the HTTP answer."""
        reasons = [asdict(why) for why in self.reasons]
        return {"event_id": self.event_id, "status": self.status, "flags": self.flags, "reasons": reasons}


@dataclass(slots=True)
class _Post:
    """One post and what it amounts to before Kafka has answered."""

    values: Sequence[Any]
    body: bytes
    device: Device
    now: datetime
    snapshot: Snapshot
    outcome: Outcome
    results: list[Result] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    claimed: list[tuple[str, str]] = field(default_factory=list)
    fresh: list[CheckpointScan | RailScan] = field(default_factory=list)
    others: set[Outcome] = field(default_factory=set)
    failure: Unavailable = field(default_factory=lambda: Unavailable("gateway_failed", "The gateway failed at this post.", 3))


class Receiving:
    """Receives posts of authenticated devices. One per process; used from the event loop only."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        sealer: Sealer,
        confirming: Confirming,
        window: DuplicateWindow[Outcome],
        metrics: Metrics,
    ) -> None:
        self._snapshot = snapshot
        self._sealer = sealer
        self._confirming = confirming
        self._window = window
        self._grouping: Grouping[_Post] = Grouping(self._work)
        scans = metrics.counter("arrivals_gateway_scans_total")
        self._scans = {status: scans.labels(status) for status in ("accepted", "duplicate", "rejected")}
        self._rejections = metrics.counter("arrivals_gateway_rejections_total")
        self._flags = metrics.counter("arrivals_gateway_quality_flags_total")
        self._confirm_seconds = metrics.histogram("arrivals_gateway_confirm_seconds")

    async def receive(self, values: Sequence[Any], body: bytes, device: Device, now: datetime) -> list[Result]:
        """One result per value of `body`, in order. Raises Unavailable when Kafka does not confirm in time."""
        post = _Post(values, body, device, now, self._snapshot(), asyncio.get_running_loop().create_future())
        if len(body) > _LARGE_BYTES:
            await self._work([post])
        else:
            self._grouping.add(post)
            if not await asyncio.shield(post.outcome):
                raise post.failure
        if post.others and not all(await asyncio.gather(*map(asyncio.shield, post.others))):
            raise Unavailable("kafka_unconfirmed", "Another post of the same scan was not confirmed.", 3)
        self._count(post.results)
        return post.results

    async def keep_refused_body(self, body: bytes, why: Reason, device: Device, now: datetime) -> None:
        """Keeps a body that is no usable JSON whole in the dead letters. Raises Unavailable like `receive`."""
        await self._confirming.confirm([self._sealer.refused(Refusal(body, why), device, now)])
        self._count([Result(None, "rejected", (), (why,))])

    async def _work(self, posts: Sequence[_Post]) -> None:
        """Takes the posts and confirms their records together; all of them share the outcome."""
        confirmed = False
        try:
            self._take_all(posts)
            with self._confirm_seconds.time():
                await self._confirming.confirm([record for post in posts for record in post.records])
            confirmed = True
        except Unavailable as error:
            for post in posts:
                post.failure = Unavailable(error.code, error.message, error.retry_after_seconds)
            raise
        finally:  # whatever happened: nobody may wait for these posts for ever
            for post in posts:
                self._release(post, confirmed=confirmed)

    def _take_all(self, posts: Sequence[_Post]) -> None:
        """One step at a time for all scans of all posts: check, recognise, derive, seal."""
        pairs = [(value, post) for post in posts for value in post.values]
        checked = [self._check(value, post) for value, post in pairs]
        for scan, (value, post) in zip(checked, pairs, strict=True):
            post.results.append(self._recognise(scan, value, post))
        scans = [scan for post in posts for scan in post.fresh]
        receipts = [Receipt(post.device.device_id, post.now) for post in posts for _ in post.fresh]
        prepared = iter(prepare_all(scans, receipts, self._sealer.keyed))
        for post in posts:
            self._seal_all(post, list(islice(prepared, len(post.fresh))))

    def _seal_all(self, post: _Post, prepared: Sequence[Prepared]) -> None:
        day = post.now.date().isoformat()
        post.records += [self._sealer.scan(p, day, digest) for p, (_, digest) in zip(prepared, post.claimed, strict=True)]
        accepted = (result for result in post.results if result.status == "accepted")
        for result, found in zip(accepted, prepared, strict=True):
            result.flags = found.flags

    def _check(self, value: Any, post: _Post) -> CheckpointScan | RailScan | Rejected:
        try:
            scan = validate_scan(value)
            self._check_site(scan, post)
        except Rejected as error:
            return error
        return scan

    @staticmethod
    def _check_site(scan: CheckpointScan | RailScan, post: _Post) -> None:
        if post.device.site_id not in (scan.site_id, EVERY_SITE):
            raise _rejected("site_forbidden", "site_id")
        if post.snapshot.site(scan.site_id, post.now) is None:
            raise _rejected("site_unknown", "site_id")

    def _recognise(self, scan: CheckpointScan | RailScan | Rejected, value: Any, post: _Post) -> Result:
        if isinstance(scan, Rejected):
            return self._refuse(scan, value, post)
        digest = content_digest(value)
        state, other = self._window.claim(scan.event_id, digest, post.outcome)
        if state == "fresh":
            post.claimed.append((scan.event_id, digest))
            post.fresh.append(scan)
            return Result(scan.event_id, "accepted")
        if state == "conflict":
            return self._refuse(_rejected("id_conflict", "event_id"), value, post)
        if other is not None and other is not post.outcome:
            post.others.add(other)
        key = person_key(scan, self._sealer.keyed)
        post.records.append(self._sealer.duplicate(scan.event_id, key, post.device, post.now))
        return Result(scan.event_id, "duplicate")

    def _refuse(self, error: Rejected, value: Any, post: _Post) -> Result:
        event_id, strict = event_id_of(value)
        refusal = Refusal(_original(value, post.body), error.reasons[0], event_id if strict else None)
        post.records.append(self._sealer.refused(refusal, post.device, post.now))
        return Result(event_id, "rejected", (), error.reasons)

    def _release(self, post: _Post, *, confirmed: bool) -> None:
        for event_id, digest in post.claimed:
            if confirmed:
                self._window.confirm(event_id, digest)
            else:
                self._window.forget(event_id, post.outcome)
        post.outcome.set_result(confirmed)

    def _count(self, results: Sequence[Result]) -> None:
        for result in results:
            self._scans[result.status].inc()
            for flag in result.flags:
                self._flags.labels(flag).inc()
            for why in result.reasons[:1]:
                self._rejections.labels(why.code).inc()


def _original(value: Any, body: bytes) -> bytes:
    """The bytes to keep of a refused value: those that were posted, or for one of many its own JSON."""
    return json.dumps(value, ensure_ascii=False).encode() if body.lstrip().startswith(b"[") else body


def _rejected(code: str, field_name: str) -> Rejected:
    why = reason(code, field_name)
    return Rejected(code, why.message, (why,))
