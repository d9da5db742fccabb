"""What happens to one post: every event of it is accepted, recognised as a duplicate, or refused, and Kafka confirms all or none.

Guarantee: an event is answered `accepted` or `duplicate` only when it is on Kafka, acknowledged by all in-sync replicas; one
answered `rejected` lies whole in the dead letters. When Kafka does not confirm within the bound, the whole post is answered 503
and the device repeats the same ids; whatever had arrived is recognised downstream by its event id.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from arrivals.runtime.kafka_clients import Record
from arrivals.runtime.metrics import Metrics
from producers.confirm import Confirming
from producers.deriving import Derived, Posted, Unusable, Usable, refuse_again
from producers.duplicates import DuplicateWindow
from producers.grouping import Grouping
from producers.helpers import Deriving
from producers.rates import RateLimit
from producers.reasons import reason
from reference.snapshot import Snapshot
from schemas.errors import Reason, Rejected, Unavailable

Outcome = asyncio.Future[bool]
#: A post from this size on is worth a group of its own; it also never shares the fate of others.
_LARGE_BYTES = 50_000


@dataclass(slots=True)
class Result:
    """The answer for one event of a post, in the form of the HTTP answer."""

    event_id: str | None
    status: str
    flags: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()


@dataclass(slots=True)
class Answer:
    """One result per event of a post, in order, and whether they came as an array; a body that is no usable JSON has one and is
    not `readable`. Where the device posts more than it may, there is no result but the seconds to wait.
    """

    results: list[Result] = field(default_factory=list)
    many: bool = False
    readable: bool = True
    wait_seconds: float = 0.0


@dataclass(slots=True)
class _Post:
    """One post and what it amounts to before Kafka has answered."""

    posted: Posted
    snapshot: Snapshot
    outcome: Outcome
    answer: Answer = field(default_factory=Answer)
    records: list[Record] = field(default_factory=list)
    claimed: list[tuple[str, str]] = field(default_factory=list)
    others: set[Outcome] = field(default_factory=set)
    #: What is wrong with a place, for those the post has named so far.
    places: dict[str, Reason | None] = field(default_factory=dict)
    failure: Unavailable = field(default_factory=lambda: Unavailable("gateway_failed", "The gateway failed at this post.", 3))


class Receiving:
    """Receives posts of authenticated devices, all of one kind. One per kind and process; used from the event loop only."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        deriving: Deriving,
        confirming: Confirming,
        window: DuplicateWindow[Outcome],
        rates: RateLimit,
        metrics: Metrics,
    ) -> None:
        self._snapshot = snapshot
        self._deriving = deriving
        self._sealer = deriving.sealer
        self._confirming = confirming
        self._window = window
        self._rates = rates
        self._grouping: Grouping[_Post] = Grouping(self._work)
        answered = metrics.counter(deriving.kind.counter)
        self._answered = {status: answered.labels(status) for status in ("accepted", "duplicate", "rejected")}
        self._rejections = metrics.counter("arrivals_gateway_rejections_total")
        self._flags = metrics.counter("arrivals_gateway_quality_flags_total")
        self._confirm_seconds = metrics.histogram("arrivals_gateway_confirm_seconds")

    async def receive(self, posted: Posted) -> Answer:
        """The answer to a post. Raises Unavailable when Kafka does not confirm in time."""
        wait = self._rates.wait_seconds(posted.device.device_id, 0, time.monotonic())
        if wait:
            return Answer(wait_seconds=wait)
        post = _Post(posted, self._snapshot(), asyncio.get_running_loop().create_future())
        if len(posted.body) > _LARGE_BYTES:
            await self._work([post])
        else:
            self._grouping.add(post)
            if not await asyncio.shield(post.outcome):
                raise post.failure
        if post.others and not all(await asyncio.gather(*map(asyncio.shield, post.others))):
            raise Unavailable("kafka_unconfirmed", "Another post of the same event was not confirmed.", 3)
        self._count(post.answer.results)
        return post.answer

    async def _work(self, posts: Sequence[_Post]) -> None:
        """Takes the posts and confirms their records together; all of them share the outcome."""
        confirmed = False
        try:
            derived = await self._deriving.derive([post.posted for post in posts])
            for post, found in zip(posts, derived, strict=True):
                self._take(post, found)
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

    def _take(self, post: _Post, derived: Derived) -> None:
        answer, device = post.answer, post.posted.device
        answer.wait_seconds = self._rates.wait_seconds(device.device_id, len(derived.outcomes), time.monotonic())
        if answer.wait_seconds:
            return
        answer.many, answer.readable = derived.many, derived.readable
        for number, outcome in enumerate(derived.outcomes):
            answer.results.append(
                self._refuse(outcome, post) if isinstance(outcome, Unusable) else self._recognise(outcome, number, post)
            )

    def _recognise(self, event: Usable, number: int, post: _Post) -> Result:
        wrong = self._place_problem(event.place, post)
        if wrong is not None:
            return self._refuse(refuse_again(post.posted, number, _rejected(wrong), self._sealer), post)
        state, other = self._window.claim(event.event_id, event.digest, post.outcome)
        if state == "fresh":
            post.claimed.append((event.event_id, event.digest))
            post.records.append(event.record)
            return Result(event.event_id, "accepted", event.flags)
        if state == "conflict":
            conflict = _rejected(reason("id_conflict", "event_id"))
            return self._refuse(refuse_again(post.posted, number, conflict, self._sealer), post)
        if other is not None and other is not post.outcome:
            post.others.add(other)
        post.records.append(self._sealer.duplicate(event.event_id, event.record.key, post.posted.device, post.posted.now))
        return Result(event.event_id, "duplicate")

    @staticmethod
    def _refuse(event: Unusable, post: _Post) -> Result:
        post.records.append(event.record)
        return Result(event.event_id, "rejected", (), event.reasons)

    def _place_problem(self, place: str, post: _Post) -> Reason | None:
        if place not in post.places:
            post.places[place] = self._deriving.kind.problem(place, post.posted.device, post.snapshot, post.posted.now)
        return post.places[place]

    def _release(self, post: _Post, *, confirmed: bool) -> None:
        for event_id, digest in post.claimed:
            if confirmed:
                self._window.confirm(event_id, digest)
            else:
                self._window.forget(event_id, post.outcome)
        post.outcome.set_result(confirmed)

    def _count(self, results: Sequence[Result]) -> None:
        statuses = [result.status for result in results]
        flags = [flag for result in results for flag in result.flags]
        codes = [result.reasons[0].code for result in results if result.reasons]
        for status in {*statuses}:
            self._answered[status].inc(statuses.count(status))
        for flag in {*flags}:
            self._flags.labels(flag).inc(flags.count(flag))
        for code in {*codes}:
            self._rejections.labels(code).inc(codes.count(code))


def _rejected(why: Reason) -> Rejected:
    return Rejected(why.code, why.message, (why,))
