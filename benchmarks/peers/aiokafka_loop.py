"""aiokafka in a plain loop: getmany, one `send` per event, await them, commit."""

from __future__ import annotations

import asyncio

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.peers.light_work import route
from benchmarks.peers.meter import Meter, Task


async def work(task: Task) -> None:
    """Run until every event is through."""
    meter = Meter(task.events)
    consumer = AIOKafkaConsumer(
        task.source,
        bootstrap_servers=task.bootstrap,
        group_id=task.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    producer = AIOKafkaProducer(bootstrap_servers=task.bootstrap, acks="all")
    await consumer.start()
    await producer.start()
    done = False
    while not done:
        fetched = await consumer.getmany(timeout_ms=200, max_records=2_000)
        sent = []
        for records in fetched.values():
            for record in records:
                key, value = route(record.value)
                sent.append(await producer.send(task.target, value, key))
        if sent:
            await asyncio.gather(*sent)
            await consumer.commit()
            done = meter.add(len(sent))
    meter.report()
    await consumer.stop()
    await producer.stop()


if __name__ == "__main__":
    uvloop.run(work(Task.from_command_line()))
