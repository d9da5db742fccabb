"""A stand for sink tests: own topics and an own database on the real servers, arrivals to store, and what ended up stored."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any

import orjson
from clickhouse_driver import Client

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.kafka_clients import Publisher, Record, make_producer
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.settings import load_settings
from arrivals.runtime.topic_admin import ensure_topics
from benchmarks.arrival_samples import sample_arrival
from sinks.accumulating import Gathering
from sinks.columns import Columns, Raw
from sinks.log_reader import LogReader
from sinks.migrate import migrate
from sinks.misfits import Misfits
from sinks.ranges import OffsetRange, range_set
from sinks.storing import Step, Storing
from sinks.tables import ARRIVALS, BY_TOPIC
from sinks.writer import RangeWriter

PARTITIONS = (0, 1, 2, 3)


def arrivals(count: int, seed: int = 1, **changes: Any) -> list[dict[str, Any]]:
    """Seeded synthetic arrivals as the router writes them."""
    source = random.Random(seed)
    return [sample_arrival(number, source) | changes for number in range(count)]


def raw(document: Any, offset: int = 0, partition: int = 0) -> Raw:
    """A polled record holding the document."""
    return partition, offset, 1_700_000_000_000, orjson.dumps(document)


class Stand:
    """Settings, topics and schema of one test."""

    def __init__(self, kafka: KafkaServer, clickhouse: ClickHouseServer, folder: Path, prefix: str) -> None:
        password = folder / "clickhouse-password"
        password.write_text(clickhouse.password, "utf-8")
        self.settings = load_settings(
            data_dir=folder,
            kafka_bootstrap=kafka.bootstrap,
            kafka_topic_prefix=prefix,
            clickhouse_port=clickhouse.native_port,
            clickhouse_password_file=password,
            clickhouse_database="db_" + prefix.strip(".").replace("-", "_"),
            keys_file=folder / "keys.json",
            sink_batch_seconds=0.1,
        )
        KeyStore.open(folder / "keys.json", create=True)
        ensure_topics(self.settings)
        client = connect(self.settings, database="")
        migrate(client, self.settings.clickhouse_database)
        client.disconnect()
        self.client: Client = connect(self.settings)
        self.publisher = Publisher(make_producer(self.settings))
        self.metrics = Metrics()

    def post(self, documents: Sequence[Any], topic: str = "arrivals") -> None:
        """Publishes documents (or raw bytes) spread over the partitions."""
        name = self.settings.topic(topic)
        values = [d if isinstance(d, bytes) else orjson.dumps(d) for d in documents]
        self.publisher.publish([Record(name, b"%d" % n, value) for n, value in enumerate(values)])

    def storing(self, step: Step | None = None, stop: Event | None = None) -> Storing:
        """The storing half of a new sink process."""
        writer = RangeWriter(lambda: connect(self.settings))
        return Storing(writer, LogReader(self.settings), Misfits(self.settings), self.metrics, stop or Event(), step)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        rows: list[tuple[Any, ...]] = self.client.execute(sql)
        return rows

    def metric(self, name: str, *labels: str) -> float:
        """The value of a counter."""
        return float(self.metrics.counter(name).labels(*labels)._value.get())

    def close(self) -> None:
        """Closes the clients and drops the database."""
        self.client.execute(f"DROP DATABASE {self.settings.clickhouse_database}")
        self.client.disconnect()
        self.publisher.close()


def drive(stand: Stand, step: Step | None = None, source: random.Random | None = None, topic: str = "arrivals") -> None:
    """What a sink does between its start and the end of the log, in batches of random cut; the step may raise to crash it."""
    storing, reader = stand.storing(step), LogReader(stand.settings)
    try:
        starts = storing.take_up({topic: PARTITIONS})
        ends = reader.bounds(topic, PARTITIONS)
        at = {partition: starts[topic, partition][0] for partition in PARTITIONS}
        gathering = Gathering(BY_TOPIC[topic], Columns(BY_TOPIC[topic]))
        for partition, offset in at.items():
            gathering.begin(partition, offset, starts[topic, partition][1])
        while any(at[p] < ends[p][1] for p in PARTITIONS):
            for partition in PARTITIONS:
                size = source.randint(0, 40) if source else 1_000
                last = min(at[partition] + size, ends[partition][1]) - 1
                if last >= at[partition]:
                    span = range_set(topic, "", [OffsetRange(partition, at[partition], last)])
                    gathering.add(partition, reader.read(span))
                    at[partition] = last + 1
            if (load := gathering.take()) is not None:
                storing.store([load])
    finally:
        reader.close()
        storing.close()
        storing.close()


COLUMNS = Columns(ARRIVALS)
