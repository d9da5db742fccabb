"""Hands whole record batches to kafka-python: one per partition and post, encoded by aiokafka's compiled code and
confirmed by one future each.

kafka-python's own `send` checks, locks, copies and confirms record by record; everything after it (idempotence, retries, order
within a partition, deadlines) is kafka-python's and stays so. Delivery: a future is done when all in-sync replicas have every
record of its batch, and failed when that is not known. Private parts of kafka-python are used here and nowhere else.
"""

from __future__ import annotations

import selectors
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from aiokafka.record.default_records import DefaultRecordBatchBuilder as Encoder
from kafka import KafkaProducer
from kafka.errors import IllegalStateError, KafkaError
from kafka.future import Future
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.memory_records import MemoryRecordsBuilder
from kafka.structs import TopicPartition

from arrivals.runtime.kafka_clients import Record
from arrivals.runtime.partitions import murmur2_of_all
from schemas.errors import Unavailable

#: Bytes of a record batch before compression; a larger record gets its own. Every topic of ours takes four times as much.
BATCH_BYTES = 262_144
_MAGIC, _PLAIN, _NONE = 2, 0, -1


class QuietSelector(selectors.DefaultSelector):
    """Asks the system nothing when it is asked about a socket it does not know.

    The standard one puts the socket's addresses into the error's text, and each such question costs the network thread its turn.
    """

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        """The key of a registered socket. Raises KeyError."""
        return self.get_map()[fileobj if isinstance(fileobj, int) else fileobj.fileno()]


class BatchProducer:
    """Sends records through a started KafkaProducer. Thread-safe, as it is."""

    def __init__(self, producer: KafkaProducer) -> None:
        self._producer = producer

    def knows(self, topic: str) -> bool:
        """Whether the topic's partitions are known, asking Kafka for at most `max_block_ms`. Raises KafkaError."""
        return bool(self._producer.partitions_for(topic))

    def send(self, records: Sequence[Record]) -> list[Future]:
        """Queues all records and returns one future per record batch; nothing is queued when it raises KafkaError."""
        if self._producer._closed:
            raise IllegalStateError("the producer is closed")
        partitions = {topic: len(self._producer.partitions_for(topic)) for topic in {record.topic for record in records}}
        batches = [batch for place, those in _placed(records, partitions).items() for batch in _packed(place, those)]
        accumulator = self._producer._accumulator
        for batch in batches:
            with accumulator._tp_lock(batch.topic_partition):
                accumulator._incomplete.add(batch)
                accumulator._batches[batch.topic_partition].append(batch)
        self._producer._sender.wakeup()
        return [batch.delivery for batch in batches]


class BatchPublisher:
    """Publishes whole record batches and answers when every record is confirmed; `Publisher` for those with many at a time."""

    def __init__(self, producer: KafkaProducer) -> None:
        self._producer = producer
        self._batches = BatchProducer(producer)

    def publish(self, records: Sequence[Record], timeout_seconds: float = 10.0) -> None:
        """Raises Unavailable (`kafka_unconfirmed`) when any record is not confirmed in time."""
        deadline, known = time.monotonic() + timeout_seconds, SimpleQueue[Any]()
        try:
            sent = self._batches.send(records)
            for delivery in sent:
                delivery.add_both(known.put)
            results = [known.get(timeout=max(0.001, deadline - time.monotonic())) for _ in sent]
        except (KafkaError, Empty) as error:
            raise _unconfirmed(error) from error
        failed = next((result for result in results if isinstance(result, BaseException)), None)
        if failed is not None:
            raise _unconfirmed(failed) from failed

    def close(self, timeout_seconds: float = 10.0) -> None:
        """Flushes and closes the producer."""
        self._producer.close(timeout=timeout_seconds)


def _unconfirmed(error: BaseException) -> Unavailable:
    return Unavailable("kafka_unconfirmed", f"Kafka did not confirm ({type(error).__name__}).")


def _placed(records: Sequence[Record], partitions: Mapping[str, int]) -> dict[TopicPartition, list[Record]]:
    """The records by partition: Kafka's own rule, so that every other client finds a key where ours puts it."""
    places: defaultdict[tuple[str, int], list[Record]] = defaultdict(list)
    for record, hashed in zip(records, murmur2_of_all([record.key or b"" for record in records]), strict=True):
        places[record.topic, (hashed & 0x7FFFFFFF) % partitions[record.topic]].append(record)
    return {TopicPartition(*place): those for place, those in places.items()}


def _packed(place: TopicPartition, records: Sequence[Record]) -> list[_WholeBatch]:
    """Record batches of one partition, in order."""
    now, batches = int(time.time() * 1000), []
    append, count = None, 0
    for record in records:
        headers = list(record.headers)
        if append is None or append(count, now, record.key, record.value, headers) is None:
            builder, count = Encoder(_MAGIC, _PLAIN, 0, _NONE, _NONE, _NONE, BATCH_BYTES), 0
            append = builder.append
            append(0, now, record.key, record.value, headers)
            batches.append([builder, count])
        count += 1
        batches[-1][1] = count
    return [_WholeBatch(place, builder.build(), count, now) for builder, count in batches]


class _WholeBatch(ProducerBatch):  # type: ignore[misc]
    """kafka-python's unit of sending, full from the start: nothing is waited for, and no other record is put into it.

    `encoded` is an uncompressed batch; kafka-python compresses it and writes its header anew when it knows the sequence number.
    """

    def __init__(self, place: TopicPartition, encoded: bytearray, count: int, now: int) -> None:
        records = MemoryRecordsBuilder(_MAGIC, DefaultRecordBatchBuilder.CODEC_LZ4, batch_size=1)
        records._next_offset, batch = count, records._builder
        batch._buffer, batch._num_records, batch._last_offset = encoded, count, count - 1
        batch._first_timestamp = batch._max_timestamp = now
        super().__init__(place, records)
        self.delivery = _Delivery(self.produce_future, count)
        self._record_futures = [self.delivery] * count


class _Delivery(Future):  # type: ignore[misc]
    """Done when every record of a batch is confirmed. A batch that a broker finds too large is split by kafka-python, which binds
    its records one by one to the parts; what they were bound to before is then never known.
    """

    __slots__ = ("_open", "_shares")

    def __init__(self, produced: Future, count: int) -> None:
        super().__init__()
        self._open = count
        self._shares: dict[Future, int] = {}
        self._bind(produced, count)

    def rebind(self, produced: Future, _index: int) -> None:
        """One record now depends on this part."""
        self._bind(produced, 1)

    def _bind(self, produced: Future, count: int) -> None:
        if produced not in self._shares:
            self._shares[produced] = 0
            produced.add_callback(partial(self._known, produced))
        self._shares[produced] += count

    def _known(self, part: Future, result: tuple[int, int, Any]) -> None:
        errors = result[2]
        self._open -= self._shares[part]
        if self.is_done:
            return
        if errors is not None:
            self.failure(errors(0))
        elif self._open == 0:
            self.success(None)
