"""confluent-kafka (librdkafka) in a plain loop: consume 2,000, produce, flush, commit."""

from __future__ import annotations

from confluent_kafka import Consumer, Producer

from benchmarks.peers.light_work import route
from benchmarks.peers.meter import Meter, Task


def main() -> None:
    """Run until every event is through."""
    task = Task.from_command_line()
    meter = Meter(task.events)
    consumer = Consumer(
        {
            "bootstrap.servers": task.bootstrap,
            "group.id": task.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": task.bootstrap,
            "acks": "all",
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    consumer.subscribe([task.source])
    done = False
    while not done:
        messages = consumer.consume(2_000, timeout=0.2)
        if not messages:
            continue
        for message in messages:
            if message.error():
                raise RuntimeError(message.error())
            key, value = route(message.value())
            producer.produce(task.target, value, key)
        producer.flush()
        consumer.commit(asynchronous=False)
        done = meter.add(len(messages))
    meter.report()
    consumer.close()


if __name__ == "__main__":
    main()
