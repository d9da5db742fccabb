"""Publishes outputs by the thousand from ordinary code: `streams.batch_producer` in an event loop of its own thread.

Delivery guarantee: `confirm` returns when all in-sync replicas have everything that was sent; otherwise it raises and the outcome
is unknown. Sends made one after the other keep their order in every partition.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

from aiokafka.errors import KafkaError

from arrivals.runtime.batch_clients import make_batch_producer
from arrivals.runtime.settings import Settings
from schemas.errors import Unavailable
from streams.batch_producer import AnyOutput, BatchProducer

T = TypeVar("T")
#: Topic and partition -> the last offset written.
Written = dict[tuple[str, int], int]


class BatchPublishing:
    """One producer and its thread. Raises Unavailable when Kafka is away."""

    def __init__(self, settings: Settings) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="batch-publishing", daemon=True)
        self._thread.start()
        self._client = self._wait(self._start(settings))
        self._batches = BatchProducer(self._client)

    def send(self, outputs: Sequence[AnyOutput]) -> Future[Written]:
        """Packs and sends; whoever wants to work on meanwhile hands what comes back to `confirm` later."""
        return asyncio.run_coroutine_threadsafe(self._send(outputs), self._loop)

    def confirm(self, sent: Future[Written], timeout_seconds: float = 60.0) -> Written:
        """Waits until what was sent is confirmed; where it lies. Raises Unavailable (`kafka_unconfirmed`)."""
        try:
            return sent.result(timeout_seconds)
        except (KafkaError, TimeoutError) as error:
            raise Unavailable("kafka_unconfirmed", f"Kafka did not confirm ({type(error).__name__}).") from error

    def close(self) -> None:
        """Sends what is waiting and ends the thread."""
        self._wait(self._client.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self, settings: Settings) -> Any:
        client = make_batch_producer(settings)
        await client.start()
        return client

    async def _send(self, outputs: Sequence[AnyOutput]) -> Written:
        packed = await self._batches.pack(outputs)
        counts = [builder.record_count() for builders in packed.values() for builder in builders]
        placed = await asyncio.gather(*await self._batches.send(packed))
        written: Written = {}
        for at, count in zip(placed, counts, strict=True):
            place = at.topic, at.partition
            written[place] = max(at.offset + count - 1, written.get(place, -1))
        return written

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)
        except (KafkaError, TimeoutError) as error:
            raise Unavailable("kafka_unreachable", f"Kafka cannot be reached ({type(error).__name__}).") from error
