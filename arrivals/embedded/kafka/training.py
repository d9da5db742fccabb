"""Makes Kafka start in a third of the processor time: one short run records what Java loads and compiles, once per machine.

Nothing depends on it: without the recording, or with one that Java finds unfit, the server starts as usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from arrivals.embedded.kafka.java import quick_start_cache
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.runtime.kafka_opening import opened

_RECORDING_SECONDS = 300.0


def train(jars: Sequence[Path], cache: Path) -> bool:
    """Makes the recording for these jars unless it is there, in 10 to 40 s. Says whether there is one now."""
    cache = cache.absolute()  # the server runs in a folder of its own
    place = quick_start_cache(jars, cache)
    if not place.exists():
        with TemporaryDirectory(dir=cache, prefix="training-") as folder:
            fresh = Path(folder) / "fresh.aot"
            server = KafkaServer(Path(folder) / "data", cache_dir=cache, java_options=[f"-XX:AOTCacheOutput={fresh}"])
            try:
                _use(server.start().bootstrap)
            finally:
                server.stop(_RECORDING_SECONDS)
            if fresh.exists():
                fresh.replace(place)
    return place.exists()


def _use(bootstrap: str) -> None:
    admin = opened(KafkaAdminClient, bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(name="training", num_partitions=4, replication_factor=1)])
    admin.close()
    producer = opened(KafkaProducer, bootstrap_servers=bootstrap, acks="all", compression_type="lz4")
    for sent in [producer.send("training", value=b"practice") for _ in range(100)]:
        sent.get(timeout=30)
    producer.close()
