"""The router's engine: source batches → one pure step → output batches, on Faust.

    engine = BatchEngine(EngineSettings(group=…, bootstrap=…, source="scans"), step, observe=None)
    engine.run()                 # blocks; SIGTERM or SIGINT drains; raises what went wrong
    engine.health()              # from any thread: assigned partitions, lag, idle seconds

    step(batch: Batch) -> Iterable[(topic, key, value, headers)]     called once per batch, synchronous, no I/O

Delivery guarantee: at least once, in order per source and target partition. Batches are worked on in turns, one batch of every
partition that has records; those of a turn are acknowledged together, when every output made from them is on all in-sync
replicas. Offsets are committed every `commit_seconds` behind the unbroken run of acknowledged batches. A crash anywhere repeats
at most what was not committed. A step that raises acknowledges nothing and ends the process with that error: poison is the
step's own business (dead letters). When the buffer is full reading stops.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import tempfile
from asyncio import Future, Task
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, cast

import faust
import uvloop
from aiokafka.errors import KafkaError
from faust.streams import Stream
from faust.tables.manager import TableManager
from faust.types import Message, StreamT, TransportT
from mode.supervisors import CrashingSupervisor

from schemas.errors import Misconfigured, Unavailable
from streams.batch_producer import AnyOutput, BatchProducer, Packed
from streams.batch_records import Batch
from streams.batch_settings import BatchReport, EngineHealth, EngineSettings, PartitionHealth
from streams.batch_transport import (
    BatchConsumer,
    BatchSchema,
    BatchTransport,
    batches_of,
    producer_client,
)

__all__ = ["Batch", "BatchEngine", "BatchReport", "EngineHealth", "EngineSettings", "PartitionHealth", "build_app"]

Step = Callable[[Batch], Iterable[AnyOutput]]


class _NoTables(TableManager):
    """There are no tables, so nobody needs the second Faust waits for them at every start."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class _App(faust.App):
    def _new_transport(self) -> TransportT:
        return BatchTransport(self.conf.broker_consumer, self, loop=self.loop)

    def _new_producer_transport(self) -> TransportT:
        return BatchTransport(self.conf.broker_producer, self, loop=self.loop)


def build_app(settings: EngineSettings, folder: Path) -> faust.App:
    """A Faust app that reads `settings.source` in batches. No agent yet; `folder` satisfies Faust and stays
    empty.
    """
    options: dict[str, Any] = {
        "broker": [f"kafka://{server}" for server in settings.bootstrap.split(",")],
        "datadir": folder,
        "store": "memory://",
        "web_enabled": False,
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "TableManager": _NoTables,
        "agent_supervisor": CrashingSupervisor,
        "broker_commit_interval": settings.commit_seconds,
        "broker_max_poll_records": settings.batch_records,
        "broker_max_poll_interval": settings.stall_seconds * 2,
        "broker_session_timeout": settings.session_seconds,
        "consumer_group_instance_id": settings.member,
        "broker_rebalance_timeout": settings.rebalance_seconds,
        "broker_heartbeat_interval": settings.session_seconds / 3,
        "consumer_auto_offset_reset": "earliest",
        "consumer_max_fetch_size": settings.partition_fetch_bytes,
        "producer_acks": -1,
        "producer_max_batch_size": settings.output_batch_bytes,
        "producer_compression_type": settings.compression,
        "stream_buffer_maxsize": 2,
        "stream_recovery_delay": 0.0,
        "stream_wait_empty": True,
    }
    return _App(settings.group, **{**options, **settings.faust})


def explained(error: BaseException) -> BaseException:
    """A Kafka error as one of our families; any other as it is."""
    if not isinstance(error, KafkaError):
        return error
    if "Auth" in type(error).__name__:
        return Misconfigured("kafka_refused", f"Kafka refuses: {error!r}.", "Check the account, its password and its ACLs.")
    return Unavailable("kafka_unavailable", f"Kafka: {error!r}.")


class BatchEngine:
    """Runs one step over one topic. `observe` is told of every finished turn, in the engine's thread."""

    def __init__(self, settings: EngineSettings, step: Step, observe: Callable[[BatchReport], None] | None = None) -> None:
        self.settings = settings
        self._step = step
        self._observe = observe
        self._working = asyncio.Lock()
        self._slots = asyncio.Semaphore(settings.batches_in_flight)
        self._deliveries: set[Task[None]] = set()
        self._producer: BatchProducer | None = None
        self._draining = False
        self._step_began: float | None = None
        self._crashing: Future[None] | None = None
        self._app: faust.App | None = None

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, then drain.

        Raises Misconfigured or Unavailable, or whatever the step raised: exit non-zero and be restarted.
        """
        gc.set_threshold(50_000, 20, 50)
        loop = uvloop.new_event_loop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(self._run())  # not `uvloop.run`: cancelling what hangs on a dead broker would hang too
        loop.close()

    async def _run(self) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await self.serve(stop)

    async def serve(self, stop: asyncio.Event) -> None:
        """The same inside a running loop: work until `stop` is set, or raise what went wrong."""
        with tempfile.TemporaryDirectory(prefix="arrivals-engine-") as folder:
            app = self._app = self._build(Path(folder))
            try:
                await app.start()
                await app.wait(stop)  # type: ignore[arg-type]
                if not app.crashed:
                    await self._in_time(self._drain())
            except KafkaError as error:
                raise explained(error) from error
            finally:
                await self._in_time(app.stop())
        if app.crash_reason is not None:
            raise explained(app.crash_reason)

    async def _in_time(self, ending: Coroutine[Any, Any, None]) -> None:
        """Faust and aiokafka wait long for a dead broker, and swallow being cancelled."""
        task = asyncio.ensure_future(ending)
        await asyncio.wait({task}, timeout=self.settings.drain_seconds)
        if not task.done():
            raise Unavailable("stop_timed_out", "Kafka did not take in time what was in work. It will be read again.")
        task.result()

    def _build(self, folder: Path) -> faust.App:
        app = build_app(self.settings, folder)
        topic = app.topic(self.settings.source, schema=BatchSchema())
        app.agent(topic, name=f"{self.settings.group}.batches", concurrency=1)(self._read)
        app.task()(self._watch)
        return app

    async def _drain(self) -> None:
        self._draining = True
        self._consumer.stop_flow()
        async with self._working:
            while self._deliveries:
                await asyncio.wait(self._deliveries)
            await self._consumer.commit()

    async def _read(self, stream: StreamT[Any]) -> None:
        async for event in cast(Stream[Any], stream).noack().events():
            async with self._working:
                if self._draining:
                    event.message.ack(self._consumer)  # tells Faust not to wait for it; moves no offset
                else:
                    await self._work(event.message)

    async def _work(self, message: Message) -> None:
        batches = batches_of(message)
        began = self._step_began = monotonic()
        outputs = [output for batch in batches for output in self._step(batch)]
        stepped, self._step_began = monotonic(), None
        packed = await self._batches().pack(outputs)
        await self._slots.acquire()
        partitions = tuple(batch.partition for batch in batches)
        records = sum(len(batch.records) for batch in batches)
        report = BatchReport(self.settings.source, partitions, records, len(outputs), stepped - began, stepped)
        task = asyncio.create_task(self._deliver(message, packed, report))
        self._deliveries.add(task)
        task.add_done_callback(self._delivered)

    async def _deliver(self, message: Message, packed: Packed, report: BatchReport) -> None:
        """While this waits for the replicas the next batches are already worked on."""
        await asyncio.gather(*await self._batches().send(packed))
        self._finish(message, replace(report, delivery_seconds=monotonic() - report.delivery_seconds))

    def _delivered(self, task: Task[None]) -> None:
        self._deliveries.discard(task)
        self._slots.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crashing = asyncio.ensure_future(self.app.crash(error))

    def _finish(self, message: Message, report: BatchReport) -> None:
        self._consumer.acknowledge(message)
        if self._observe is not None:
            self._observe(report)

    async def _watch(self) -> None:
        """A partition with records waiting that does not move: end the process, a fresh one may do better."""
        while not self.app.should_stop:
            await self.app.sleep(min(1.0, self.settings.stall_seconds / 4))
            self._consumer.note_rest()
            if stalled := self.health().stalled:
                raise Unavailable("partitions_stalled", f"No progress on {self.settings.source} {list(stalled)}.")

    def health(self) -> EngineHealth:
        """How it stands; may be called from any thread, costs microseconds."""
        app = self._app
        if app is None or not app.started or app.should_stop:
            return EngineHealth(ready=False, partitions={}, stalled=(), batches_in_flight=0)
        consumer, now = self._consumer, monotonic()
        partitions = {
            tp.partition: PartitionHealth(
                consumer.ledger.position(tp),
                consumer.waiting(tp),
                now - (consumer.ledger.moved_at(tp) or now),
            )
            for tp in consumer.ledger.keys()
        }
        limit = self.settings.stall_seconds
        stalled = tuple(n for n, health in partitions.items() if health.lag and health.idle_seconds > limit)
        ready = consumer.can_resume_flow.is_set() and not app.rebalancing
        busy = now - (self._step_began or now)
        return EngineHealth(ready, partitions, stalled, consumer.ledger.open_leases(), busy)

    @property
    def app(self) -> faust.App:
        """The Faust app of this run. Raises Unavailable before `run`."""
        if self._app is None:
            raise Unavailable("engine_not_started", "The engine is not running yet.")
        return self._app

    @property
    def _consumer(self) -> BatchConsumer:
        return cast(BatchConsumer, self.app.consumer)

    def _batches(self) -> BatchProducer:
        if self._producer is None:
            self._producer = BatchProducer(producer_client(self.app))
        return self._producer
