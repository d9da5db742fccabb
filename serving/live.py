"""Reads `arrivals`, and moves and tasks in `unit-actions`, as they grow, and hands every record to the event loop at once, one
call per fetched batch.

No group and no commits: each process reads everything. It starts a little before the end, so that readers who
reconnect after a restart
find their events in memory. Nothing is lost when Kafka is away; reading goes on where it stopped.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread
from typing import Any, NamedTuple

import orjson
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from arrivals.runtime.kafka_clients import make_consumer
from arrivals.runtime.kafka_reading import LeanRecord, read_lean
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.pacing import FOLLOW_SECONDS, Pace
from arrivals.runtime.settings import Settings
from reference.snapshot import Snapshot
from serving.access import units_seeing
from serving.arrival_json import from_topic, told
from serving.moves import event_name, move_of, told_move, units_told
from serving.positions import ACTIONS
from serving.stream import Fresh

#: Events remembered for readers who come back.
REMEMBERED = 20_000
_POLL_MS = 500
#: The longest a fetch may wait at the broker. A partition whose records are just being handed over is left out of the fetch under
#: way, so this is also the longest its next record may wait.
_FETCH_WAIT_MS = 10
#: While nothing arrives every partition is in the fetch under way, which is answered as soon as a record comes; asking less often
#: then costs nobody anything and spares the broker and this process a hundred requests a second.
_IDLE_WAIT_MS = 100
#: The version of a record that a row of the reference caused, and how long that row is waited for.
_CAUSED = re.compile(rb'"revision":(\d+),"cause":"(?:reference|correction)"')
_CAUSE_LOOKS, _CAUSE_SECONDS = 20, 0.05


class Placed(NamedTuple):
    """A record and where it lay."""

    partition: int
    offset: int
    value: bytes | None


Start = Callable[[dict[int, int]], object]
Batch = Callable[[Sequence[Fresh]], object]


def decode(record: Placed, snapshot: Snapshot) -> Fresh | None:
    """The event in a record; None when it cannot be read (the sink keeps such a record as a dead letter)."""
    try:
        fields = from_topic(orjson.loads(record.value or b""))
        body = orjson.dumps(told(fields, snapshot))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    identity = (fields["event_id"], fields["revision"])
    return Fresh(record.partition, record.offset, identity, units_seeing(fields), body)


def decode_move(record: Placed, snapshot: Snapshot) -> Fresh | None:
    """The move or task in a record of `unit-actions`, or what only moves the position; None when it cannot be read."""
    place = record.partition + ACTIONS
    try:
        move = move_of(record.value)
        if move is None:
            return Fresh(place, record.offset, ("", 0), frozenset(), b"")
        identity = (f"{move['event_id']} moved", move["duty_version"])
        return Fresh(place, record.offset, identity, units_told(move), orjson.dumps(told_move(move, snapshot)), event_name(move))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


class ArrivalTail:
    """Follows the topics in one thread. `on_start` gets the position before the first record, `on_batch` the records;
    both in that thread.
    """

    def __init__(
        self, settings: Settings, snapshot: Callable[[], Snapshot], on_start: Start, on_batch: Batch, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._snapshot = snapshot
        self._on_start = on_start
        self._on_batch = on_batch
        self._unreadable = metrics.counter("arrivals_api_unreadable_records_total")
        self._bases = {settings.topic("arrivals"): 0, settings.topic("unit-actions"): ACTIONS}
        self._position: dict[int, int] = {}
        self._stop = Event()
        self._following = Event()
        self._thread = Thread(target=self._run, name="arrival-tail", daemon=True)

    def start(self) -> None:
        """Starts following; returns at once."""
        self._thread.start()

    def problem(self) -> str | None:
        """None while the topic is being followed, else what is missing."""
        return None if self._following.is_set() else "the topics of the live stream cannot be read"

    def stop(self) -> None:
        """Stops following."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except KafkaError:
                self._stop.wait(1.0)
            finally:
                self._following.clear()

    def _follow(self) -> None:
        tuning: dict[str, Any] = {"fetch_max_wait_ms": _FETCH_WAIT_MS, "fetch_min_bytes": 1, "max_poll_records": 500}
        consumer = read_lean(make_consumer(self._settings, **tuning))
        try:
            self._seek(consumer)
            self._following.set()
            pace = Pace(FOLLOW_SECONDS)
            while not self._stop.is_set():
                self._stop.wait(pace.wait_seconds(time.monotonic()))
                polled = consumer.poll(_POLL_MS)
                pace.begin(time.monotonic())
                consumer._fetcher.config["fetch_max_wait_ms"] = _FETCH_WAIT_MS if polled else _IDLE_WAIT_MS
                if polled:
                    self._hand_over(polled)
        finally:
            consumer.close()

    def _seek(self, consumer: KafkaConsumer) -> None:
        partitions = [
            TopicPartition(topic, n) for topic in self._bases for n in sorted(consumer.partitions_for_topic(topic) or ())
        ]
        if {partition.topic for partition in partitions} != self._bases.keys():
            raise KafkaError("a topic has no partitions yet")
        consumer.assign(partitions)
        if not self._position:
            first, end = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
            share = REMEMBERED // len(partitions)
            self._position = {self._place(p): max(first[p], end[p] - share) - 1 for p in partitions}
            self._on_start(dict(self._position))
        for partition in partitions:
            consumer.seek(partition, self._position.get(self._place(partition), -1) + 1)

    def _place(self, where: Any) -> int:
        """Where a record or a partition stands in a position."""
        return int(where.partition) + self._bases[where.topic]

    def _hand_over(self, polled: Mapping[TopicPartition, Sequence[LeanRecord]]) -> None:
        snapshot = self._with_causes([record.value for records in polled.values() for record in records])
        fresh, unreadable = list[Fresh](), 0
        for at, records in polled.items():
            read = decode_move if self._bases[at.topic] else decode
            events = [read(Placed(at.partition, record.offset, record.value), snapshot) for record in records]
            fresh += [event for event in events if event is not None]
            unreadable += events.count(None)
            self._position[self._place(at)] = max(records[-1].offset, self._position.get(self._place(at), -1))
        self._unreadable.inc(unreadable)
        self._on_batch(fresh)

    def _with_causes(self, values: Sequence[bytes | None]) -> Snapshot:
        """The reference, with the rows that caused the records in it: they are told by whom and why. Waits a moment for them."""
        causes = [int(found[1]) for value in values if (found := _CAUSED.search(value or b"", 0, 200))]
        for _ in range(_CAUSE_LOOKS if causes else 0):
            if self._snapshot().version >= max(causes) or self._stop.wait(_CAUSE_SECONDS):
                break
        return self._snapshot()
