"""A Faust transport that moves whole batches: one Faust message is a contiguous offset range of one partition.

Delivery guarantee: at least once. An offset is committed only when every batch before it was acknowledged with
`BatchConsumer.acknowledge`; Faust's own acknowledgements (on errors, on skipped messages, out of order: issue 606) do
not count. A revoked partition's late acknowledgement is void. Offsets missing from the log stop the part with
`offset_gap`; they are never jumped.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from time import monotonic
from typing import Any, Protocol

import aiokafka
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import CommitFailedError, CorruptRecordException, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust import Schema
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, AppT, ConsumerMessage, Message
from mode import Service
from mode.utils.futures import maybe_async, notify

from streams.offset_ledger import OffsetLedger


class Record(Protocol):
    """One source record as it lies in the log; `timestamp` is in milliseconds since 1970."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Contiguous records of one partition, at least one; `lease` is the number to acknowledge."""

    topic: str
    partition: int
    records: Sequence[Record]
    lease: int

    @property
    def first(self) -> int:
        """The first record's offset."""
        return self.records[0].offset

    @property
    def last(self) -> int:
        """The last record's offset."""
        return self.records[-1].offset


class BatchSchema(Schema):  # type: ignore[type-arg]
    """Hands Faust messages on as they are: the value is a Batch, nothing is to be decoded."""

    def loads_key(self, app: AppT, message: Message, **_: Any) -> Any:
        """No key: a batch holds many."""
        return None

    def loads_value(self, app: AppT, message: Message, **_: Any) -> Any:
        """The batch itself."""
        return message.value


class _FetchResults(OrderedDict[Any, Any]):
    """Where aiokafka keeps what it fetched; each result is taught to give all its records at once, as they lie."""

    def __setitem__(self, partition: Any, result: Any) -> None:
        if isinstance(result, FetchResult):
            result.getall = partial(_take_all, result)
        super().__setitem__(partition, result)


def _take_all(result: FetchResult, max_records: int | None = None) -> list[Record]:
    """`FetchResult.getall` without its generator and its copy of every record, which cost a microsecond each.

    Raises CorruptRecordException when a checksum is wrong.
    """
    source = result._partition_records
    result.getall = source._records_iterator = None  # cycles that would keep megabytes until a garbage collection
    if not result.check_assignment(result._topic_partition):
        return []
    wanted = source.next_fetch_offset
    records: list[Record] = []
    while source._records.has_next():
        batch = source._records.next_batch()
        if source._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"Invalid CRC - {result._topic_partition}")
        if not batch.is_control_batch:
            records.extend(batch)
        source.next_fetch_offset = max(wanted, batch.next_offset)
    result._update_position()
    result._partition_records = None
    return records[bisect_left(records, wanted, key=attrgetter("offset")) :]


class BatchClient(driver.AIOKafkaConsumerThread):
    """The aiokafka consumer, in the app's own loop: Faust's thread for it would fight the step for the interpreter lock."""

    wait_for_shutdown = False

    def __init__(self, consumer: BatchConsumer, loop: asyncio.AbstractEventLoop, beacon: Any) -> None:
        self.consumer = consumer
        self.transport = consumer.transport
        self.app = consumer.app
        self.parent_loop = self.thread_loop = loop
        Service.__init__(self, loop=loop, beacon=beacon)

    start = Service.start
    maybe_start = Service.maybe_start
    stop = Service.stop
    crash = Service.crash
    set_shutdown = Service.set_shutdown
    _stopped_set = Service._stopped_set
    _new_shutdown_event = Service._new_shutdown_event
    _stop_children = Service._stop_children
    _stop_futures = Service._stop_futures
    _stop_exit_stacks = Service._stop_exit_stacks

    async def on_start(self) -> None:
        """Join the group."""
        await super().on_start()
        self._ensure_consumer()._fetcher._records = _FetchResults()

    async def on_stop(self) -> None:
        """Leave the group."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def call_thread(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call it here and now: there is no other thread."""
        return await maybe_async(fun(*args, **kwargs))

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_bytes = transport.fetch_max_bytes
        return consumer

    async def _fetch_records(
        self, consumer: Any, active_partitions: set[TP], timeout: float | None = None, max_records: int | None = None
    ) -> Any:
        """Everything fetched at once, so that the next fetch is under way while this one is worked on."""
        return await super()._fetch_records(consumer, active_partitions, timeout=timeout, max_records=None)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """False when the broker did not take it: the next interval tries again, or the new owner reads again."""
        wanted = {driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(offset, "") for tp, offset in offsets.items()}
        try:
            await self._ensure_consumer().commit(wanted)
        except (CommitFailedError, IllegalStateError):
            return False
        except KafkaError as error:
            if not error.retriable:
                raise
            return False
        return True


class BatchConsumer(driver.Consumer):
    """Yields batches and commits what the ledger allows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.ledger: OffsetLedger[TP] = OffsetLedger()
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> BatchClient:
        return BatchClient(self, self.loop, self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """One message per partition and up to `broker_max_poll_records` records, fairly over the partitions."""
        fetched, _ = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if not fetched or self.should_stop:
            return
        if not self.flow_active:
            await self.perform_seek()
            return
        for tp, records in _in_turns(fetched, self.app.conf.broker_max_poll_records):
            if not self.flow_active or generation != self.app.consumer_generation_id:
                return
            yield tp, self._lease(tp, records, generation)

    def _lease(self, tp: TP, records: Sequence[Record], generation: int) -> ConsumerMessage:
        first, last = records[0], records[-1]
        lease = self.ledger.deliver(tp, first.offset, last.offset)
        batch = Batch(tp.topic, tp.partition, records, lease)
        seconds = last.timestamp / 1000
        message = ConsumerMessage(
            tp.topic, tp.partition, last.offset, seconds, 0, None, None, batch, None, 0, 0, tp, generation_id=generation
        )
        return message

    def acknowledge(self, message: Message) -> None:
        """Everything made from the message's batch is safe in Kafka."""
        self.ledger.acknowledge(message.tp, message.value.lease, monotonic())
        message.ack(self)

    def ack(self, message: Message) -> bool:
        """Faust is done with a message: bookkeeping for its own waiting only, no offset moves."""
        self._unacked_messages.discard(message)
        message.acked = True
        notify(self._waiting_for_ack)
        return True

    async def perform_seek(self) -> None:
        """Read on from the committed offsets, or from the log's beginning; open leases are void."""
        committed = await self.seek_to_committed()
        for tp, offset in committed.items():
            self.ledger.rewind(ensure_TP(tp), offset, monotonic())
            self._read_offset[ensure_TP(tp)] = self._committed_offset[ensure_TP(tp)] = offset
        unset = [tp for tp, offset in committed.items() if not offset]
        if unset:
            await self._thread.seek_to_beginning(*unset)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Batches in work are finished and committed, then their partitions forgotten."""
        await super().on_partitions_revoked(revoked)
        self.ledger.forget(revoked)

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:
        """Unlike Faust's own, remembers an offset as committed only when it was."""
        ours = {tp: offset for tp, offset in offsets.items() if tp in self.assignment()}
        if not ours or not await self._commit(ours):
            return False
        self._committed_offset.update(ours)
        return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return iter(self.ledger.keys())

    def _new_offset(self, tp: TP) -> int | None:
        return self.ledger.committable(tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """A batch is one message to Faust; the ledger watches the offsets between."""

    def waiting(self, tp: TP) -> int:
        """Records of `tp` in the log that are not yet safe downstream, as of the last fetch."""
        assignment = self._thread._ensure_consumer()._subscription.subscription.assignment
        state = assignment.state_value(driver.ensure_aiokafka_TP(tp)) if assignment else None
        position = self.ledger.position(tp)
        if state is None or state.highwater is None or position is None:
            return 0
        return max(0, state.highwater - position)

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing: a full stream holds the reader back by itself; Faust's way sleeps a second when all are full."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing: Faust compares wall-clock with monotonic time here; the engine watches progress itself."""


class BatchProducer(driver.Producer):
    """Faust's producer, idempotent: a retry inside the client neither repeats nor reorders."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}


class BatchTransport(driver.Transport):
    """aiokafka, a partition's batch at a time."""

    Consumer = BatchConsumer
    Producer = BatchProducer
    fetch_max_bytes = 16 * 1024 * 1024


def _in_turns(fetched: Mapping[Any, Sequence[Record]], size: int) -> Iterator[tuple[TP, Sequence[Record]]]:
    """Cut each partition's records into even pieces of at most `size`, the first of all before the second of any."""
    pieces = max((-(-len(records) // size) for records in fetched.values()), default=0)
    for turn in range(pieces):
        for tp, records in fetched.items():
            start, end = len(records) * turn // pieces, len(records) * (turn + 1) // pieces
            if start < end:
                yield ensure_TP(tp), records[start:end]
