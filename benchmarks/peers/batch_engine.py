"""Ours: the Faust batch engine."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import Any

import uvloop
from light_work import route
from meter import Meter, Task

from streams.batch_engine import Batch, BatchEngine, BatchReport, EngineSettings
from streams.batch_producer import Headers

NO_HEADERS: Headers = []


def main() -> None:
    """Run until every event is through."""
    logging.basicConfig(level=logging.WARNING)
    task = Task.from_command_line()
    meter = Meter(task.events)
    stop = asyncio.Event()

    def step(batch: Batch) -> list[Any]:
        return [(task.target, *route(record.value), NO_HEADERS) for record in batch.records]

    def observe(report: BatchReport) -> None:
        if meter.add(report.records):
            meter.report()
            stop.set()

    engine = BatchEngine(EngineSettings(task.group, task.bootstrap, task.source), step, observe)
    gc.set_threshold(50_000, 20, 50)
    uvloop.run(engine.serve(stop))


if __name__ == "__main__":
    main()
