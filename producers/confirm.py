"""Publishing for an event loop: hands records to the producer and answers when every one of them is confirmed.

Guarantee: `confirm` returns only after all in-sync replicas have every record; otherwise it raises Unavailable within the
deadline and the outcome of the unconfirmed records is unknown. Full buffer: beyond a bound of unconfirmed bytes it raises
Unavailable at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from threading import Lock
from typing import Any, Protocol

from kafka.errors import KafkaError
from kafka.future import Future

from arrivals.runtime.kafka_clients import Record
from schemas.errors import Unavailable

_MOST_UNCONFIRMED_BYTES = 64_000_000
_DOUBT_SECONDS = 5.0
_RETRY_SECONDS = 3


class Sending(Protocol):
    """What publishing needs of a producer (`arrivals.runtime.kafka_batches.BatchProducer`)."""

    def knows(self, topic: str) -> bool:
        """Whether the topic's partitions are known. Raises KafkaError."""

    def send(self, records: Sequence[Record]) -> list[Future]:
        """Queues all records, or none and raises KafkaError; the futures are done when all are confirmed."""


class Confirming:
    """Wraps a producer made with a short `max_block_ms`, so that a lost broker never blocks the loop. kafka-python does not bound
    what waits in it; this does.
    """

    def __init__(self, producer: Sending, seconds: float, most_bytes: int = _MOST_UNCONFIRMED_BYTES) -> None:
        self._producer = producer
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._unconfirmed_bytes = 0
        self._failed_at: float | None = None

    def learn_topics(self, topics: Sequence[str], seconds: float) -> None:
        """Asks Kafka for the topics' partitions before the first post needs them. Raises Unavailable when it does not answer."""
        deadline = time.monotonic() + seconds
        for topic in topics:
            while not self._knows(topic):
                if time.monotonic() > deadline:
                    raise Unavailable("kafka_silent", f"Kafka does not tell the partitions of {topic}.")

    def problem(self) -> str | None:
        """What is wrong with Kafka, as far as the last post has shown. Some seconds after a failure this gives the benefit of the
        doubt: a gateway that gets no posts because it is not ready would never learn that Kafka is back.
        """
        if self._failed_at is None or time.monotonic() - self._failed_at > _DOUBT_SECONDS:
            return None
        return "Kafka did not confirm the last post"

    async def confirm(self, records: Sequence[Record]) -> None:
        """Publishes the records. Raises Unavailable (`kafka_unconfirmed`, `kafka_behind`) after `seconds` at the latest."""
        if not records:
            return
        size = sum(len(record.value or b"") for record in records)
        if self._unconfirmed_bytes and self._unconfirmed_bytes + size > self._most_bytes:
            raise Unavailable("kafka_behind", "Too much waits for Kafka's confirmation.", _RETRY_SECONDS)
        try:
            async with asyncio.timeout(self._seconds):
                await self._publish(records, size)
        except (KafkaError, TimeoutError) as error:
            self._failed_at = time.monotonic()
            message = "Kafka did not confirm in time; nothing may be deleted yet."
            raise Unavailable("kafka_unconfirmed", message, _RETRY_SECONDS) from error
        self._failed_at = None

    def _publish(self, records: Sequence[Record], size: int) -> asyncio.Future[None]:
        deliveries = self._producer.send(records)
        self._unconfirmed_bytes += size
        countdown = _Countdown(len(deliveries), asyncio.get_running_loop())
        countdown.known.add_done_callback(lambda _: self._forget(size))
        for delivery in deliveries:
            delivery.add_both(countdown.done)
        return asyncio.shield(countdown.known)

    def _forget(self, size: int) -> None:
        self._unconfirmed_bytes -= size

    def _knows(self, topic: str) -> bool:
        try:
            return self._producer.knows(topic)
        except KafkaError:
            return False


class _Countdown:
    """Finishes a future of the loop when all deliveries are known; the first failure wins. `done` is called from any thread."""

    def __init__(self, waiting: int, loop: asyncio.AbstractEventLoop) -> None:
        self.known: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._waiting = waiting
        self._failure: BaseException | None = None
        self._lock = Lock()

    def done(self, result: Any) -> None:
        """One delivery more is known, or failed with this error."""
        with self._lock:
            self._waiting -= 1
            if isinstance(result, BaseException):
                self._failure = self._failure or result
            last = self._waiting == 0
        if last and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if self._failure is None:
            self.known.set_result(None)
        else:
            self.known.set_exception(self._failure)
            self.known.exception()  # whoever waited may have gone
