"""Reads `arrivals` and `alerts` and puts what endpoints are to be told into the store.

Guarantee: messages and positions are one transaction of the store, so a crash reads again exactly what was not put in. A new
installation begins at the end of the topics; where Kafka no longer has what was not read, reading goes on behind it and says so
(a count is missed, no arrival: the list is complete without us).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from arrivals.runtime.kafka_clients import UNHURRIED, make_consumer
from arrivals.runtime.kafka_reading import LeanRecord, read_lean
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.settings import Settings
from arrivals.runtime.webhook_store import Message, WebhookStore
from reference.dated import Dated
from schemas.errors import Unavailable
from schemas.webhook import WEBHOOK_TOPICS, WebhookData, WebhookTopic
from sinks.webhooks.messages import tallies

Endpoints = Callable[[], Mapping[str, Dated[WebhookData]]]
_POLL_MS = 200
_MOST_RECORDS = 5_000
_IDLE_SECONDS = 0.5


class Gathering:
    """One thread that reads; nothing of it blocks a delivery."""

    def __init__(self, settings: Settings, store: WebhookStore, endpoints: Endpoints, metrics: Metrics) -> None:
        self._settings = settings
        self._store = store
        self._endpoints = endpoints
        self._gaps = metrics.counter("arrivals_notify_gaps_total")
        self._topics: Mapping[str, WebhookTopic] = {settings.topic(topic): topic for topic in WEBHOOK_TOPICS}
        self._stop = Event()
        self._following = Event()
        self._thread = Thread(target=self._run, name="webhook-gathering", daemon=True)

    def start(self) -> None:
        """Starts reading; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stops reading; what was polled is put in."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def problem(self) -> str | None:
        """None while the topics are being read, else what is missing."""
        return None if self._following.is_set() else "the arrivals and alerts topics cannot be read"

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except (KafkaError, Unavailable):
                self._stop.wait(1.0)
            finally:
                self._following.clear()

    def _follow(self) -> None:
        consumer = read_lean(make_consumer(self._settings, max_poll_records=_MOST_RECORDS, **UNHURRIED))
        try:
            self._seek(consumer)
            self._following.set()
            while not self._stop.is_set():
                if not self._endpoints():
                    self._pass_over(consumer)
                elif polled := self._poll(consumer):
                    self._put_in(polled)
        finally:
            consumer.close()

    def _pass_over(self, consumer: KafkaConsumer) -> None:
        """While nobody is to be told, nothing is read. Ends first: an endpoint declared meanwhile misses nothing."""
        ends = consumer.end_offsets(list(consumer.assignment()))
        if not self._endpoints():
            for partition, end in ends.items():
                consumer.seek(partition, end)
            self._store.take_in((), {(p.topic, p.partition): end for p, end in ends.items()}, time.time())
            self._stop.wait(_IDLE_SECONDS)

    def _poll(self, consumer: KafkaConsumer) -> dict[TopicPartition, list[LeanRecord]]:
        """What comes within the time in which arrivals are gathered into one message."""
        gathered: dict[TopicPartition, list[LeanRecord]] = {}
        end = time.monotonic() + self._settings.webhook_linger_seconds
        while not self._stop.is_set():
            for partition, records in consumer.poll(_POLL_MS).items():
                gathered.setdefault(partition, []).extend(records)
            if time.monotonic() >= end or sum(map(len, gathered.values())) >= _MOST_RECORDS:
                break
        return gathered

    def _put_in(self, polled: Mapping[TopicPartition, Sequence[LeanRecord]]) -> None:
        endpoints, now, messages = self._endpoints(), time.time(), []
        for topic in WEBHOOK_TOPICS if endpoints else ():
            records = [
                (p.partition, r.offset, r.value) for p, found in polled.items() if self._topics[p.topic] == topic for r in found
            ]
            told = tallies(topic, records, [row.data for row in endpoints.values()])
            for name, (identity, counts) in told.items():
                messages.append(Message(identity, name, topic, endpoints[name].data.unit, counts, now))
        positions = {(p.topic, p.partition): found[-1].offset + 1 for p, found in polled.items() if found}
        self._store.take_in(messages, positions, now)

    def _seek(self, consumer: KafkaConsumer) -> None:
        known = self._store.positions()
        partitions = [
            TopicPartition(name, number) for name in self._topics for number in sorted(consumer.partitions_for_topic(name) or ())
        ]
        if {p.topic for p in partitions} != set(self._topics):
            raise KafkaError("a topic has no partitions yet")
        consumer.assign(partitions)
        first, end = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        starts = {p: known.get((p.topic, p.partition), end[p]) for p in partitions}
        for partition, start in starts.items():
            reachable = start if first[partition] <= start <= end[partition] else first[partition]
            if reachable != start:
                self._gaps.inc()
                structlog.get_logger("notify").warning(
                    "records are gone", topic=partition.topic, partition=partition.partition, wanted=start, first=reachable
                )
            consumer.seek(partition, reachable)
            starts[partition] = reachable
        self._store.take_in((), {(p.topic, p.partition): at for p, at in starts.items()}, time.time())
