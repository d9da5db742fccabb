"""Ours: the Faust batch engine."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import Any

import uvloop

from benchmarks.peers.light_work import route
from benchmarks.peers.meter import Meter, Task
from streams.batch_engine import BatchEngine, BatchReport, EngineSettings
from streams.batch_producer import Headers
from streams.batch_records import Batch

NO_HEADERS: Headers = []


def main() -> None:
    """Run until every event is through."""
    logging.basicConfig(level=logging.WARNING)
    task = Task.from_command_line()
    meter = Meter(task.events)
    stop = asyncio.Event()

    def step(batch: Batch) -> list[Any]:
        return [(task.target, *route(record.value or b""), NO_HEADERS) for record in batch.records]

    def observe(report: BatchReport) -> None:
        if not stop.is_set() and meter.add(report.records):
            meter.report()
            stop.set()

    engine = BatchEngine(EngineSettings(task.group, task.bootstrap, task.source), step, observe)
    gc.set_threshold(50_000, 20, 50)  # as `BatchEngine.run` does
    uvloop.run(engine.serve(stop))


if __name__ == "__main__":
    main()
