"""Time and CPU of an engine's steady state: from the end of the warm-up to the last event, printed as one
JSON line.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Task:
    """What every engine is told on its command line."""

    bootstrap: str
    group: str
    source: str
    target: str
    events: int

    @classmethod
    def from_command_line(cls) -> Task:
        """`BOOTSTRAP GROUP SOURCE TARGET EVENTS`."""
        bootstrap, group, source, target, events = sys.argv[1:]
        return cls(bootstrap, group, source, target, int(events))


def _now() -> tuple[float, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), usage.ru_utime + usage.ru_stime


class Meter:
    """Counts events whose outputs are delivered; the first fifth is warm-up."""

    def __init__(self, events: int) -> None:
        self._warm_up = events // 5
        self._events = events
        self._count = 0
        self._began: tuple[int, float, float] | None = None

    def add(self, count: int) -> bool:
        """Count them; True when all are through."""
        self._count += count
        if self._began is None and self._count >= self._warm_up:
            self._began = (self._count, *_now())
        return self._count >= self._events

    def report(self) -> None:
        """Print events per second, CPU microseconds per event and the process's peak memory."""
        if self._began is None:
            raise RuntimeError("nothing was counted")
        ended, cpu = _now()
        counted = self._count - self._began[0]
        status = Path("/proc/self/status").read_text()  # not `ru_maxrss`, which a child inherits from its parent
        peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
        line = {
            "events_per_second": counted / (ended - self._began[1]),
            "cpu_us_per_event": (cpu - self._began[2]) / counted * 1e6,
            "peak_mb": peak,
        }
        os.write(1, f"{json.dumps(line)}\n".encode())  # Faust makes `sys.stdout` its log
