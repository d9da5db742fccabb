"""The gateway's parts alone: the memory of ids, the confirmation of records, the limits, the partition of a key."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import KafkaTimeoutError, NotLeaderForPartitionError
from kafka.future import Future
from kafka.partitioner.default import murmur2 as kafka_murmur2

from arrivals.runtime.kafka_clients import Record
from arrivals.runtime.partitions import murmur2, murmur2_of_all
from producers.bodies import Bodies, Incoming
from producers.confirm import Confirming
from producers.duplicates import DuplicateWindow
from producers.rates import RateLimit
from schemas.errors import Refused, Unavailable

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class FakeProducer:
    """Hands out real kafka-python futures and leaves it to the test when they are known; or `refuses` to send anything."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.futures: list[Future] = []
        self._refuses = refuses

    def knows(self, _topic: str) -> bool:
        return True

    def send(self, sent: Sequence[Record]) -> list[Future]:
        if self._refuses:
            raise KafkaTimeoutError("no metadata")
        made = [Future() for _ in sent]
        self.futures += made
        return made


def records(count: int, size: int = 10) -> list[Record]:
    return [Record("scans", b"key", b"x" * size) for _ in range(count)]


async def sent(confirming: Confirming, producer: FakeProducer, batch: list[Record]) -> asyncio.Task[None]:
    task = asyncio.ensure_future(confirming.confirm(batch))
    await asyncio.sleep(0)
    assert producer.futures
    return task


async def test_confirmed_only_when_every_record_is() -> None:
    producer = FakeProducer()
    task = await sent(Confirming(producer, 5), producer, records(3))
    for future in producer.futures[:2]:
        future.success(None)
    await asyncio.sleep(0.01)
    assert not task.done()
    producer.futures[2].success(None)
    await task


async def test_one_failure_among_many_is_no_confirmation() -> None:
    producer = FakeProducer()
    confirming = Confirming(producer, 5)
    task = await sent(confirming, producer, records(3))
    producer.futures[0].success(None)
    producer.futures[1].failure(NotLeaderForPartitionError())
    producer.futures[2].success(None)
    with pytest.raises(Unavailable, match="did not confirm"):
        await task
    assert confirming.problem()
    again = asyncio.ensure_future(confirming.confirm(records(1)))
    await asyncio.sleep(0)
    producer.futures[3].success(None)
    await again
    assert confirming.problem() is None


async def test_silence_ends_in_time_and_a_late_answer_hurts_nobody() -> None:
    producer = FakeProducer()
    task = await sent(Confirming(producer, 0.02), producer, records(2))
    with pytest.raises(Unavailable):
        await task
    for future in producer.futures:
        future.failure(KafkaTimeoutError())
    await asyncio.sleep(0.01)


async def test_a_send_that_raises_is_no_confirmation_and_leaves_no_debt() -> None:
    confirming = Confirming(FakeProducer(refuses=True), 5, most_bytes=100)
    for _ in range(2):
        with pytest.raises(Unavailable, match="did not confirm"):  # not `kafka_behind`: nothing waits
            await confirming.confirm(records(9))
    assert confirming.problem()


async def test_what_waits_is_bounded_and_freed_when_known() -> None:
    producer = FakeProducer()
    confirming = Confirming(producer, 0.02, most_bytes=100)
    with pytest.raises(Unavailable):
        await confirming.confirm(records(9))
    with pytest.raises(Unavailable, match="Too much"):
        await confirming.confirm(records(9))
    assert len(producer.futures) == 9
    for future in producer.futures:
        future.failure(KafkaTimeoutError())
    await asyncio.sleep(0.01)
    task = asyncio.ensure_future(confirming.confirm(records(9)))
    await asyncio.sleep(0)
    for future in producer.futures[9:]:
        future.success(None)
    await task


async def test_one_post_larger_than_the_bound_still_passes() -> None:
    producer = FakeProducer()
    task = await sent(Confirming(producer, 5, most_bytes=100), producer, records(1, 1_000))
    assert len(producer.futures) == 1
    assert not task.done()
    producer.futures[0].success(None)
    await task


def test_an_id_is_known_only_when_confirmed() -> None:
    window: DuplicateWindow[str] = DuplicateWindow(10)
    assert window.claim("a", "d", "first") == ("fresh", None)
    assert window.claim("a", "d", "second") == ("pending", "first")
    assert window.claim("a", "other", "second") == ("conflict", None)
    window.confirm("a", "d")
    assert window.claim("a", "d", "third") == ("known", None)


def test_an_unconfirmed_id_is_forgotten_but_only_by_its_own_post() -> None:
    window: DuplicateWindow[str] = DuplicateWindow(10)
    window.claim("a", "d", "first")
    window.forget("a", "second")
    assert window.claim("a", "d", "third")[0] == "pending"
    window.forget("a", "first")
    assert window.claim("a", "d", "third") == ("fresh", None)
    window.confirm("a", "d")
    window.forget("a", "third")
    assert window.claim("a", "d", "fourth") == ("known", None)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans()), max_size=60), st.integers(0, 4))
def test_the_memory_of_ids_is_bounded(posts: list[tuple[str, bool]], size: int) -> None:
    window: DuplicateWindow[object] = DuplicateWindow(size)
    for event_id, confirmed in posts:
        outcome = object()
        state, _ = window.claim(event_id, "d", outcome)
        if state == "fresh":
            window.confirm(event_id, "d") if confirmed else window.forget(event_id, outcome)
        assert len(window) <= size


def test_a_flood_waits_and_a_large_batch_is_never_refused_for_ever() -> None:
    limit, now = RateLimit(1), 100.0
    assert limit.wait_seconds("dev", 500, now) == 0
    assert limit.wait_seconds("dev", 1, now) > 0
    assert limit.wait_seconds("other", 1, now) == 0
    assert limit.wait_seconds("dev", 1, now + 491) == 0


@given(st.lists(st.tuples(st.integers(1, 30), st.floats(0, 5)), max_size=50))
def test_over_time_no_more_passes_than_rate_and_burst(posts: list[tuple[int, float]]) -> None:
    limit, now, passed = RateLimit(2), 0.0, 0
    for count, pause in posts:
        now += pause
        if limit.wait_seconds("dev", count, now) == 0:
            passed += count
    assert passed <= 2 * now + 20 + 30


@given(st.binary(max_size=70))
def test_the_partition_is_that_of_every_other_kafka_client(key: bytes) -> None:
    assert murmur2(key) == kafka_murmur2(key)


@given(st.integers(0, 12).flatmap(lambda size: st.lists(st.binary(min_size=size, max_size=size), max_size=8)))
def test_many_keys_at_once_are_hashed_as_one_by_one(keys: list[bytes]) -> None:
    assert murmur2_of_all(keys) == [murmur2(key) for key in keys]


def request(*chunks: bytes, then_silence: bool = False) -> Incoming:
    waiting = list(chunks)

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.sleep(60)
        chunk = waiting.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(waiting) or then_silence}

    return Incoming({}, receive)


async def test_bodies_together_are_bounded_and_given_back() -> None:
    bodies = Bodies(1_000, 5, most_together=1_500)
    first = await bodies.read(request(b"x" * 900))
    with pytest.raises(Unavailable, match="Too many"):
        await bodies.read(request(b"x" * 900))
    bodies.release(first)
    assert len((await bodies.read(request(b"x" * 400, b"x" * 500))).content) == 900


async def test_a_body_too_large_or_too_slow_leaves_no_debt() -> None:
    bodies = Bodies(1_000, 0.02, most_together=1_000)
    with pytest.raises(Refused, match="larger"):
        await bodies.read(request(b"x" * 600, b"x" * 600))
    with pytest.raises(Refused, match="in time"):
        await bodies.read(request(b"x" * 600, then_silence=True))
    assert (await bodies.read(request(os.urandom(1_000)))).charset == "utf-8"
