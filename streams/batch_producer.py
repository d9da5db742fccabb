"""Packs output records into whole Kafka record batches, one per target partition, and sends them.

Delivery guarantee: `send` returns one future per record batch, done when all in-sync replicas have it. Two calls made one
after the other keep their order in every partition. A failed or unknown delivery is an exception in its future: the
caller does not acknowledge, and the source records are processed again.
"""

from __future__ import annotations

import time
from asyncio import Future, Lock
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder

from schemas.errors import Misconfigured

_KEYS_REMEMBERED = 100_000

Headers = list[tuple[str, bytes | None]]


class Output(NamedTuple):
    """One record to be written. A plain tuple of the same four is as good, and cheaper to make."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


AnyOutput = tuple[str, bytes | None, bytes | None, Headers]
Packed = dict[tuple[str, int], list[BatchBuilder]]


class BatchProducer:
    """Writes outputs through one started aiokafka producer, `acks=all`."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._partitions: dict[str, list[int]] = {}
        self._places: dict[tuple[str, bytes | None], int] = {}
        self._sending = Lock()

    async def pack(self, outputs: list[AnyOutput]) -> Packed:
        """The outputs as record batches, in order within each partition. Raises KafkaError when a topic is unknown."""
        for topic in {output[0] for output in outputs}:
            await self._learn_partitions(topic)
        return self._pack(outputs)

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

    def _pack(self, outputs: list[AnyOutput]) -> Packed:
        packed: Packed = {}
        now = int(time.time() * 1000)
        for topic, key, value, headers in outputs:
            place = topic, self._place(topic, key)
            builders = packed.get(place)
            if builders is None:
                builders = packed[place] = [self._producer.create_batch()]
            if builders[-1].append(timestamp=now, key=key, value=value, headers=headers) is None:
                builders.append(self._producer.create_batch())
                builders[-1].append(timestamp=now, key=key, value=value, headers=headers)
        return packed

    def _place(self, topic: str, key: bytes | None) -> int:
        """The partition of a key, as the Java client's default partitioner finds it; keyless records keep together."""
        try:
            return self._places[topic, key]
        except KeyError:
            partitions = self._partitions[topic]
            place = partitions[(murmur2(key or b"") & 0x7FFFFFFF) % len(partitions)]
            if len(self._places) >= _KEYS_REMEMBERED:
                self._places.clear()
            self._places[topic, key] = place
            return place
