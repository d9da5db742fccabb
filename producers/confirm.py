"""Publishing for an event loop: hands records to kafka-python and answers when every one of them is confirmed.

Guarantee: `confirm` returns only after all in-sync replicas have every record; otherwise it raises Unavailable within the deadline and the
outcome of the unconfirmed records is unknown.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from threading import Lock
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from arrivals.runtime.kafka_clients import Record
from schemas.errors import Unavailable


class Confirming:
    """Wraps a producer made with a short `max_block_ms`, so that a full buffer or a lost broker never blocks the loop."""

    def __init__(self, producer: KafkaProducer, seconds: float) -> None:
        self._producer = producer
        self._seconds = seconds
        self._failing = False

    def learn_topics(self, topics: Sequence[str], seconds: float) -> None:
        """Asks Kafka for the topics' partitions before the first post needs them. Raises Unavailable when it does not answer."""
        deadline = time.monotonic() + seconds
        for topic in topics:
            while not self._knows(topic):
                if time.monotonic() > deadline:
                    raise Unavailable("kafka_silent", f"Kafka does not tell the partitions of {topic}.")

    def problem(self) -> str | None:
        """What is wrong with Kafka, as far as the last post has shown; None when it confirmed."""
        return "Kafka did not confirm the last post" if self._failing else None

    def _knows(self, topic: str) -> bool:
        try:
            return bool(self._producer.partitions_for(topic))
        except KafkaError:
            return False

    async def confirm(self, records: Sequence[Record]) -> None:
        """Publishes the records. Raises Unavailable (`kafka_unconfirmed`) after `seconds` at the latest."""
        if not records:
            return
        countdown = _Countdown(len(records), asyncio.get_running_loop())
        try:
            for record in records:
                future = self._producer.send(record.topic, value=record.value, key=record.key, headers=list(record.headers))
                future.add_both(countdown.done)
            await asyncio.wait_for(countdown.finished, self._seconds)
            self._failing = False
        except (KafkaError, TimeoutError) as error:
            self._failing = True
            raise Unavailable("kafka_unconfirmed", "Kafka did not confirm in time; nothing may be deleted yet.", 3) from error


class _Countdown:
    """Finishes a future of the loop when all deliveries are known; the first failure wins. Called from the sender's thread."""

    def __init__(self, waiting: int, loop: asyncio.AbstractEventLoop) -> None:
        self.finished: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._waiting = waiting
        self._failure: BaseException | None = None
        self._lock = Lock()

    def done(self, result: Any) -> None:
        """One delivery is known."""
        with self._lock:
            self._waiting -= 1
            if isinstance(result, BaseException):
                self._failure = self._failure or result
            last = self._waiting == 0
        if last:
            self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if self.finished.done():
            return
        if self._failure is None:
            self.finished.set_result(None)
        else:
            self.finished.set_exception(self._failure)
