"""The aiokafka consumer behind the batch transport: whole fetches at once, in the app's own loop.

Delivery guarantee: none of its own; it reads on from where it is told and commits what it is told.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any

import aiokafka
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import CommitFailedError, CorruptRecordException, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import Service
from mode.utils.futures import maybe_async

from streams.batch_records import Record

_FETCH_MAX_BYTES = 16 * 1024 * 1024


class _FetchResults(OrderedDict[Any, Any]):
    """Where aiokafka keeps what it fetched; each result is taught to give all its records at once, as they
    lie.
    """

    def __setitem__(self, partition: Any, result: Any) -> None:
        if isinstance(result, FetchResult):
            result.getall = partial(_take_all, result)
        super().__setitem__(partition, result)


def _take_all(result: FetchResult, _limit: int | None = None) -> list[Record]:
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
    """The aiokafka consumer, in the app's own loop: Faust's thread for it would fight the step for the
    interpreter lock.
    """

    wait_for_shutdown = False

    def __init__(self, consumer: Any, loop: asyncio.AbstractEventLoop, beacon: Any) -> None:
        self.consumer = consumer
        self.transport = consumer.transport
        self.app = consumer.app
        self.parent_loop = self.thread_loop = loop
        Service.__init__(self, loop=loop, beacon=beacon)

    start = Service.start
    maybe_start = Service.maybe_start
    stop = Service.stop
    crash = Service.crash  # type: ignore[assignment]  # the same but for a parameter's name
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
        consumer._fetch_max_bytes = _FETCH_MAX_BYTES
        return consumer

    async def _fetch_records(self, *args: Any, **options: Any) -> Any:
        """Everything fetched at once, so that the next fetch is under way while this one is worked on."""
        return await super()._fetch_records(*args, **{**options, "max_records": None})

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
