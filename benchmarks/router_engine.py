"""P1: events per second through the router's engine, `scans → arrivals`, beside the engines one could have taken instead.

Everybody does the same light pure work (`peers/light_work.py`) on the same preloaded topic of one broker, in one process, with a
consumer group and an output topic of its own. The first fifth of the events is warm-up. Rounds are interleaved, medians are
reported, and every run's output is counted. The broker shares the machine's cores with each engine in turn.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from arrivals.embedded.kafka.server import KafkaServer
from benchmarks.peers.light_work import scan
from schemas.errors import Misconfigured
from streams.batch_producer import AnyOutput, BatchProducer

ROOT = Path(__file__).parent.parent
PARTITIONS, SOURCE = 4, "p1-scans"
OURS = "batch_engine"
PEERS = {"stock_faust": 20.0, "quix_streams": 2.0, "aiokafka_loop": None, "confluent_loop": 1.0}
_SLOW = {"stock_faust": 10, "quix_streams": 3, "aiokafka_loop": 3}
_PATIENCE_SECONDS = 900


def run(*, peers: bool = False, events: int = 400_000, rounds: int = 3) -> dict[str, Any]:
    """Median events/s, CPU µs per event and peak MB per engine; with `peers` also our ratio to each and its target.

    The slow engines get a fraction of `events`: their rate is flat. Raises Misconfigured when the peers' environment is missing.
    """
    engines = [OURS, *(PEERS if peers else ())]
    with tempfile.TemporaryDirectory(prefix="arrivals-p1-") as folder, KafkaServer(Path(folder)) as server:
        _topic(server.bootstrap, SOURCE)
        asyncio.run(_preload(server.bootstrap, events))
        measured: dict[str, list[dict[str, float]]] = {engine: [] for engine in engines}
        for number in range(rounds):
            for engine in engines:
                wanted = events // _SLOW.get(engine, 1)
                measured[engine].append(_measure(server.bootstrap, engine, f"{engine}-{number}", wanted))
    medians = {engine: _medians(rows) for engine, rows in measured.items()}
    ours = medians[OURS]["events_per_second"]
    ratios = {
        engine: {"ratio": ours / medians[engine]["events_per_second"], "target": PEERS[engine]}
        for engine in engines
        if engine != OURS
    }
    return {"events": events, "rounds": rounds, "engines": medians, "ratios": ratios, "runs": measured}


def _medians(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def _topic(bootstrap: str, name: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])
    admin.close()


async def _preload(bootstrap: str, events: int) -> None:
    client = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=900_000)
    await client.start()
    producer = BatchProducer(client)
    for first in range(0, events, 5_000):
        scans: list[AnyOutput] = [(SOURCE, *scan(number), []) for number in range(first, min(events, first + 5_000))]
        await asyncio.gather(*await producer.send(await producer.pack(scans)))
    await client.stop()


def _measure(bootstrap: str, engine: str, name: str, events: int) -> dict[str, float]:
    """One run of one engine; its output must hold an arrival for every event it reports."""
    _topic(bootstrap, f"p1-{name}")
    python = ROOT / (".venv" if engine == OURS else ".venv-peers") / "bin" / "python"
    if engine == OURS and not python.exists():
        python = Path(sys.executable)
    if not python.exists():
        raise Misconfigured("no_peers", f"{python} does not exist.", "Install requirements/peers.lock into .venv-peers.")
    script = ROOT / "benchmarks" / "peers" / f"{engine}.py"
    told = [bootstrap, f"g-{name}", SOURCE, f"p1-{name}", str(events)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run([python, script, *told], env=environment, stdout=subprocess.PIPE, timeout=_PATIENCE_SECONDS, check=True)
    found = _count(bootstrap, f"p1-{name}")
    if found < events:
        raise RuntimeError(f"{engine} wrote {found} of {events} arrivals")
    report = said.stdout.partition(b'{"events_per_second"')  # Faust draws a spinner before it, some log around it
    result: dict[str, float] = json.loads((report[1] + report[2]).splitlines()[0])
    return result


def _count(bootstrap: str, topic: str) -> int:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    ends = consumer.end_offsets([TopicPartition(topic, number) for number in range(PARTITIONS)])
    consumer.close()
    return sum(ends.values())


def main() -> None:
    """`python -m benchmarks.router_engine [--peers] [EVENTS]`: print the result as JSON."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    result = run(peers="--peers" in sys.argv, **({"events": numbers[0]} if numbers else {}))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
