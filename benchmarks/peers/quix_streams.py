"""Quix Streams as its guide shows it: a dataframe from a JSON topic, a function applied, to a JSON topic."""

from __future__ import annotations

from typing import Any

from quixstreams import Application

from benchmarks.peers.light_work import derive
from benchmarks.peers.meter import Meter, Task


def main() -> None:
    """Run until every event is through."""
    task = Task.from_command_line()
    meter = Meter(task.events)
    app = Application(
        broker_address=task.bootstrap,
        consumer_group=task.group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        loglevel="WARNING",
        producer_extra_config={"acks": "all"},
    )
    source = app.topic(task.source, value_deserializer="json", key_deserializer="bytes")
    target = app.topic(task.target, value_serializer="json", key_serializer="bytes")

    def count(_arrival: dict[str, Any]) -> None:
        if meter.add(1):
            app.stop()

    frame = app.dataframe(source).apply(derive)
    frame = frame.to_topic(target, key=lambda arrival: arrival["unit"].encode())
    frame.update(count)
    app.run()
    meter.report()


if __name__ == "__main__":
    main()
