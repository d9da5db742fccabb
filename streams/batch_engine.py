"""The router's engine: source batches → one pure step → output batches, on Faust.

    engine = BatchEngine(EngineSettings(group=…, bootstrap=…, source="scans"), step, observe=None)
    engine.run()                 # blocks; SIGTERM or SIGINT drains; raises what went wrong
    engine.health()              # from any thread: assigned partitions, lag, idle seconds

    step(batch: Batch) -> Iterable[(topic, key, value, headers)]     called once per batch, synchronous, no I/O

Delivery guarantee: at least once, in order per source and target partition. A batch is acknowledged when
every output made from it is on all in-sync replicas; offsets are committed every `commit_seconds` behind the
unbroken run of acknowledged batches. A crash anywhere repeats at most what was not committed. A step that
raises acknowledges nothing and ends the process with that error: poison is the step's own business (dead
letters). When the buffer is full reading stops.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import tempfile
from asyncio import Task
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
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

from schemas.errors import Unavailable
from streams.batch_producer import AnyOutput, BatchProducer, Packed
from streams.batch_records import Batch
from streams.batch_transport import (
    BatchConsumer,
    BatchSchema,
    BatchTransport,
    batch_of,
    producer_client,
)

Step = Callable[[Batch], Iterable[AnyOutput]]


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What an operator may turn. `bootstrap` is `host:port[,host:port]`; `faust` goes to `faust.App` as it is
    (TLS, SASL).
    """

    group: str
    bootstrap: str
    source: str
    batch_records: int = 2_000
    batches_in_flight: int = 4
    commit_seconds: float = 0.5
    drain_seconds: float = 20.0
    stall_seconds: float = 120.0
    session_seconds: float = 6.0
    rebalance_seconds: float = 15.0
    partition_fetch_bytes: int = 1024 * 1024
    output_batch_bytes: int = 900_000
    compression: str | None = None
    faust: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One finished batch, for metrics: counts, and seconds spent in the step and from its end to the
    acknowledgement.
    """

    topic: str
    partition: int
    records: int
    outputs: int
    step_seconds: float
    delivery_seconds: float


@dataclass(frozen=True, slots=True)
class PartitionHealth:
    """One assigned partition: the first offset not yet safe, records waiting behind it, seconds since it last
    moved.
    """

    position: int | None
    lag: int
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """`ready`: in the group, partitions known. `stalled`: partitions that have records waiting and have not
    moved.
    """

    ready: bool
    partitions: Mapping[int, PartitionHealth]
    stalled: tuple[int, ...]
    batches_in_flight: int


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


class BatchEngine:
    """Runs one step over one topic. `observe` is told of every finished batch, in the engine's thread."""

    def __init__(self, settings: EngineSettings, step: Step, observe: Callable[[BatchReport], None] | None = None) -> None:
        self.settings = settings
        self._step = step
        self._observe = observe
        self._working = asyncio.Lock()
        self._slots = asyncio.Semaphore(settings.batches_in_flight)
        self._deliveries: set[Task[None]] = set()
        self._producer: BatchProducer | None = None
        self._draining = False
        self._app: faust.App | None = None

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, then drain. Raises what ended it otherwise: exit non-zero, be
        restarted.
        """
        gc.set_threshold(50_000, 20, 50)
        uvloop.run(self._run())

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
                    await self._drain()
            finally:
                await app.stop()
        if app.crash_reason is not None:
            raise app.crash_reason

    def _build(self, folder: Path) -> faust.App:
        app = build_app(self.settings, folder)
        topic = app.topic(self.settings.source, schema=BatchSchema())
        app.agent(topic, name=f"{self.settings.group}.batches", concurrency=1)(self._read)
        app.task()(self._watch)
        return app

    async def _drain(self) -> None:
        self._draining = True
        self._consumer.stop_flow()
        async with asyncio.timeout(self.settings.drain_seconds), self._working:
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
        batch = batch_of(message)
        began = monotonic()
        outputs = list(self._step(batch))
        stepped = monotonic()
        packed = await self._batches().pack(outputs)
        await self._slots.acquire()
        report = BatchReport(batch.topic, batch.partition, len(batch.records), len(outputs), stepped - began, stepped)
        task = asyncio.create_task(self._deliver(message, packed, report))
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    async def _deliver(self, message: Message, packed: Packed, report: BatchReport) -> None:
        """While this waits for the replicas the next batches are already worked on."""
        try:
            await asyncio.gather(*await self._batches().send(packed))
        except KafkaError as error:
            await self.app.crash(error)
        else:
            self._finish(message, replace(report, delivery_seconds=monotonic() - report.delivery_seconds))
        finally:
            self._slots.release()

    def _finish(self, message: Message, report: BatchReport) -> None:
        self._consumer.acknowledge(message)
        if self._observe is not None:
            self._observe(report)

    async def _watch(self) -> None:
        """A partition with records waiting that does not move is a fault no restart of ours would hide: end
        the process.
        """
        while not self.app.should_stop:
            await self.app.sleep(min(5.0, self.settings.stall_seconds / 4))
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
        return EngineHealth(ready, partitions, stalled, consumer.ledger.open_leases())

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
