"""A Faust transport that moves whole batches: one Faust message is a turn, a contiguous offset range of every partition that has
records. What a message costs is paid once a turn, however few records a partition has in it.

Delivery guarantee: at least once. An offset is committed only when every batch before it was acknowledged
with `BatchConsumer.acknowledge`; Faust's own acknowledgements (on errors, on skipped messages, out of order:
issue 606) do not count. A revoked partition's late acknowledgement is void. Offsets missing from the log stop
the part with `offset_gap`; they are never jumped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any, cast

import aiokafka
from faust import Schema
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, AppT, ConsumerMessage, Message
from mode.utils.futures import notify

from arrivals.runtime.pacing import FOLLOW_SECONDS, Pace
from streams.batch_client import BatchClient
from streams.batch_records import Batch, Record, in_turns
from streams.offset_ledger import OffsetLedger


def batches_of(message: Message) -> tuple[Batch, ...]:
    """The batches a Faust message of this transport carries, of one partition each."""
    return cast(tuple[Batch, ...], message.value)


def producer_client(app: AppT) -> aiokafka.AIOKafkaProducer:
    """The started aiokafka producer of an app on this transport."""
    return cast(driver.Producer, app.producer)._ensure_producer()


class BatchSchema(Schema):  # type: ignore[type-arg]
    """Hands Faust messages on as they are: the value is a turn of batches, nothing is to be decoded."""

    def loads_key(self, *_: Any, **__: Any) -> Any:
        """No key: a turn holds many."""
        return None

    def loads_value(  # type: ignore[override]
        self, _app: AppT, message: Message, **_: Any
    ) -> Any:
        """The turn itself."""
        return message.value


class BatchConsumer(driver.Consumer):
    """Yields batches and commits what the ledger allows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.ledger: OffsetLedger[TP] = OffsetLedger()
        self._pace = Pace(FOLLOW_SECONDS)
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> BatchClient:
        return BatchClient(self, self.loop, self.beacon)

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109 - the signature is Faust's
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """One message per turn of up to `broker_max_poll_records` records, fairly over the partitions."""
        await asyncio.sleep(self._pace.wait_seconds(monotonic()))
        fetched, _ = await self._wait_next_records(timeout)
        self._pace.begin(monotonic())
        generation = self.app.consumer_generation_id
        if not fetched or self.should_stop:
            return
        if not self.flow_active:
            await self.perform_seek()
            return
        for turn in in_turns(fetched, self.app.conf.broker_max_poll_records):
            if not self.flow_active or generation != self.app.consumer_generation_id:
                return
            batches = tuple(self._lease(ensure_TP(where), records) for where, records in turn)
            yield _place(batches[0]), _message(batches, generation)

    def _lease(self, tp: TP, records: Sequence[Record]) -> Batch:
        lease = self.ledger.deliver(tp, records[0].offset, records[-1].offset)
        self._read_offset[tp] = records[0].offset
        return Batch(tp.topic, tp.partition, records, lease)

    def acknowledge(self, message: Message) -> None:
        """Everything made from the message's batches is safe in Kafka."""
        now = monotonic()
        for batch in batches_of(message):
            self.ledger.acknowledge(_place(batch), batch.lease, now)
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

    async def _commit_offsets(  # type: ignore[override]
        self, offsets: Mapping[TP, int], **_: Any
    ) -> bool:
        """Unlike Faust's own, remembers an offset as committed only when it was."""
        ours = {tp: offset for tp, offset in offsets.items() if tp in self.assignment()}
        if not ours or not await self._commit(ours):
            return False
        self._committed_offset.update(ours)
        return True

    def _filter_tps_with_pending_acks(self, _topics: Any = None) -> Iterator[TP]:
        return iter(self.ledger.keys())

    def _new_offset(self, tp: TP) -> int | None:
        return self.ledger.committable(tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """A turn is one message to Faust; the ledger watches the offsets between."""

    def waiting(self, tp: TP) -> int:
        """Records of `tp` in the log that are not yet safe downstream, as of the last fetch."""
        assignment = self._thread._ensure_consumer()._subscription.subscription.assignment
        state = assignment.state_value(driver.ensure_aiokafka_TP(tp)) if assignment else None
        position = self.ledger.position(tp)
        if state is None or state.highwater is None or position is None:
            return 0
        return int(max(0, state.highwater - position))

    def note_rest(self) -> None:
        """Partitions with nothing waiting are not stuck: they count as moved."""
        for tp in self.ledger.keys():
            if not self.waiting(tp):
                self.ledger.rest(tp, monotonic())

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing: a full stream holds the reader back by itself; Faust's way sleeps a second when all are
        full.
        """

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing: Faust compares wall-clock with monotonic time here; the engine watches progress itself."""


def _place(batch: Batch) -> TP:
    return TP(batch.topic, batch.partition)


def _message(batches: tuple[Batch, ...], generation: int) -> ConsumerMessage:
    """A turn as Faust carries it, under the place of its first batch."""
    first = batches[0]
    seconds = first.records[-1].timestamp / 1000
    place = _place(first)
    message = ConsumerMessage(
        *(place.topic, place.partition, first.last, seconds, 0, None, None, None, None, 0, 0, place), generation_id=generation
    )
    message.value = batches  # type: ignore[assignment]  # Faust types a value as bytes, and never looks at it
    return message


class BatchProducer(driver.Producer):
    """Faust's producer, idempotent: a retry inside the client neither repeats nor reorders."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}


class BatchTransport(driver.Transport):
    """aiokafka, a turn of batches at a time."""

    Consumer = BatchConsumer
    Producer = BatchProducer
