"""A source and a target topic on a real broker, and an independent client (kafka-python) that looks at them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

WORKER = Path(__file__).with_name("engine_worker.py")


class Bench:
    """Names are new for every test, so tests may share a broker."""

    def __init__(self, bootstrap: str, partitions: int = 3) -> None:
        name = uuid.uuid4().hex[:12]
        self.bootstrap = bootstrap
        self.group, self.source, self.target = f"g-{name}", f"in-{name}", f"out-{name}"
        self.partitions = partitions
        self.workers: dict[subprocess.Popen[bytes], IO[bytes]] = {}
        self.connect()
        self.admin.create_topics([NewTopic(self.source, partitions, 1), NewTopic(self.target, 4, 1)])
        self.sent = 0

    def connect(self) -> None:
        """New clients: those of before a broker's restart may take long to notice."""
        self.admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        self.eyes = KafkaConsumer(bootstrap_servers=self.bootstrap, fetch_max_wait_ms=50)
        self.producer = KafkaProducer(bootstrap_servers=self.bootstrap, acks="all")

    def disconnect(self) -> None:
        """Close the clients."""
        for client in (self.producer, self.eyes, self.admin):
            client.close()

    def send(self, count: int) -> None:
        """`count` more records in the source: values are consecutive numbers, keys twenty persons."""
        first, self.sent = self.sent, self.sent + count
        futures = [self.producer.send(self.source, b"%d" % n, key=b"person-%d" % (n % 20)) for n in range(first, self.sent)]
        for future in futures:
            future.get(20)

    def start(self, die: tuple[str, int] | None = None, name: str | None = None, **settings: Any) -> subprocess.Popen[bytes]:
        """A worker process. One with a name takes its dead namesake's place in the group at once."""
        told: dict[str, Any] = {"bootstrap": self.bootstrap, "group": self.group, "source": self.source, "target": self.target}
        told |= {"die": die, "settings": {"batch_records": 50, "commit_seconds": 0.2, "member": name, **settings}}
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        worker = subprocess.Popen([sys.executable, str(WORKER), json.dumps(told)], stderr=said)
        self.workers[worker] = said
        return worker

    def said(self, worker: subprocess.Popen[bytes]) -> str:
        """What a worker wrote to its standard error."""
        self.workers[worker].seek(0)
        return self.workers[worker].read().decode()

    def stop(self, worker: subprocess.Popen[bytes]) -> int:
        """SIGTERM; the exit code."""
        worker.send_signal(signal.SIGTERM)
        return worker.wait(30)

    def close(self) -> None:
        """Leave nothing running."""
        for worker, said in self.workers.items():
            worker.kill()
            worker.wait(10)
            said.close()
        self.admin.delete_topics([self.source, self.target])
        self.disconnect()

    def read(self, topic: str) -> list[Any]:
        """Everything in a topic, in order within each partition."""
        places = [TopicPartition(topic, n) for n in self.eyes.partitions_for_topic(topic) or ()]
        self.eyes.assign(places)
        self.eyes.seek_to_beginning(*places)
        ends = self.eyes.end_offsets(places)
        records: list[Any] = []
        while any(self.eyes.position(place) < ends[place] for place in places):
            for batch in self.eyes.poll(500).values():
                records.extend(batch)
        return records

    def outputs(self) -> list[bytes]:
        """The values in the target."""
        return [record.value for record in self.read(self.target)]

    def missing(self) -> set[bytes]:
        """Source values that are not in the target."""
        return {b"%d" % n for n in range(self.sent)} - set(self.outputs())

    def committed(self) -> dict[int, int]:
        """Committed offsets per source partition."""
        offsets = self.admin.list_group_offsets({self.group: None})[self.group]
        return {place.partition: meta.offset for place, meta in offsets.items() if meta.offset >= 0}

    def ends(self) -> dict[int, int]:
        """End offsets per non-empty source partition."""
        places = [TopicPartition(self.source, n) for n in range(self.partitions)]
        return {place.partition: end for place, end in self.eyes.end_offsets(places).items() if end}

    def committed_but_not_produced(self) -> set[bytes]:
        """Records before a committed offset that are not in the target: must always be empty (issue 606)."""
        committed, outputs = self.committed(), set(self.outputs())
        return {
            record.value
            for record in self.read(self.source)
            if record.offset < committed.get(record.partition, 0) and record.value not in outputs
        }

    def finish(self) -> None:
        """Wait until everything is through and committed."""
        until(lambda: self.committed() == self.ends())


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something to become true. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.1)
