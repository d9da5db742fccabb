"""Faust as its guide shows it: a JSON topic, an agent, one `send` per event."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

import faust

from benchmarks.peers.light_work import derive
from benchmarks.peers.meter import Meter, Task

task = Task.from_command_line()
meter = Meter(task.events)
app = faust.App(
    task.group,
    broker=f"kafka://{task.bootstrap}",
    datadir=tempfile.mkdtemp(),
    web_enabled=False,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
)
scans = app.topic(task.source, value_serializer="json", key_serializer="raw")
arrivals = app.topic(task.target, value_serializer="json", key_serializer="raw")


@app.agent(scans)
async def route(stream: Any) -> None:
    """Send one arrival per scan."""
    async for scan in stream:
        arrival = derive(scan)
        await arrivals.send(key=arrival["unit"].encode(), value=arrival)
        if meter.add(1):
            await app.producer.flush()
            meter.report()
            sys.stdout.flush()
            os._exit(0)


if __name__ == "__main__":
    faust.Worker(app, loglevel="warning", quiet=True).execute_from_commandline()
