"""Packs output records into whole Kafka record batches, one per target partition, and sends them.

Delivery guarantee: `send` returns one future per record batch, done when all in-sync replicas have it. Calls
made one after the other keep their order in every partition. A failed or unknown delivery is an exception in
its future: the caller does not acknowledge, and the source records are processed again.
"""

from __future__ import annotations

import time
from asyncio import Future, Lock
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder

_KEYS_REMEMBERED = 100_000

Headers = list[tuple[str, bytes | None]]
Place = tuple[str, int]


class Output(NamedTuple):
    """One record to be written. A plain tuple of the same four does as well and is cheaper to make."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


AnyOutput = tuple[str, bytes | None, bytes | None, Headers]
Packed = dict[Place, list[BatchBuilder]]


class BatchProducer:
    """Writes outputs through one started aiokafka producer, `acks=all`."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._partitions: dict[str, list[int]] = {}
        self._places: dict[tuple[str, bytes | None], Place] = {}
        self._sending = Lock()

    async def pack(self, outputs: Sequence[AnyOutput]) -> Packed:
        """The outputs as record batches, in order within each partition. Raises KafkaError when a topic is
        unknown.
        """
        for topic in {output[0] for output in outputs}:
            await self._learn_partitions(topic)
        groups: defaultdict[Place, list[AnyOutput]] = defaultdict(list)
        for output in outputs:
            groups[self._places.get(output[:2]) or self._place(output[0], output[1])].append(output)
        now = int(time.time() * 1000)
        return {place: self._fill(group, now) for place, group in groups.items()}

    async def send(self, packed: Packed) -> list[Future[Any]]:
        """Queue record batches; returns when the client has room for all of them, before they are delivered.

        Calls are served one after the other, in order. Raises KafkaError when the client has failed for good.
        """
        async with self._sending:
            return [
                await self._producer.send_batch(builder, topic, partition=partition)
                for (topic, partition), builders in packed.items()
                for builder in builders
            ]

    async def _learn_partitions(self, topic: str) -> None:
        partitions = sorted(await self._producer.partitions_for(topic))
        if self._partitions.get(topic) != partitions:
            self._partitions[topic] = partitions
            self._places.clear()

    def _fill(self, outputs: list[AnyOutput], now: int) -> list[BatchBuilder]:
        """Record batches of one partition, `now` in milliseconds.

        Appends to the compiled builder directly: the wrapper's own `append` costs as much again. A record
        that does not fit starts the next batch; one that is larger than a batch gets its own.
        """
        builders: list[BatchBuilder] = []
        append, count = None, 0
        for _, key, value, headers in outputs:
            if append is None or append(count, now, key, value, headers) is None:
                builders.append(self._producer.create_batch())
                append, count = builders[-1]._builder.append, 0
                append(0, now, key, value, headers)
            count += 1
            builders[-1]._relative_offset = count
        return builders

    def _place(self, topic: str, key: bytes | None) -> Place:
        """Where a key goes, as the Java client's default partitioner has it; keyless records stay together."""
        partitions = self._partitions[topic]
        if len(self._places) >= _KEYS_REMEMBERED:
            self._places.clear()
        place = topic, partitions[(murmur2(key or b"") & 0x7FFFFFFF) % len(partitions)]
        self._places[topic, key] = place
        return place
