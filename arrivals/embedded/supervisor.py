"""Starts parts in order, keeps them running, and stops them in reverse order: what `arrivals up` and `make demo` stand on.

A part that ends by itself is started again after 1, 2, 4 … 30 seconds; the delay falls back to 1 s after a minute of
running. Output goes to one
log file per part, kept below 10 MB at each start. When this process dies, the kernel ends the parts
(`arrivals.embedded.process`).
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from arrivals.embedded.process import start_child, stop_child
from schemas.errors import Unavailable

_LONGEST_DELAY = 30.0
_STEADY_SECONDS = 60.0
_LOG_BYTES = 10_000_000
_TICK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Part:
    """One child: its command, the environment added to ours, and `ready`, which says whether it serves yet."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    ready: Callable[[], bool]


@dataclass(slots=True)
class _Child:
    part: Part
    process: subprocess.Popen[bytes]
    started: float
    delay: float = 1.0
    restarts: int = 0
    down_since: float | None = field(default=None)


class Supervisor:
    """Supervises parts whose logs and status lie in `folder`. Call from one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._children: dict[str, _Child] = {}
        self._stopping = Event()
        self._watcher = Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self, part: Part, patience_seconds: float = 60.0) -> None:
        """Starts a part and waits until it is ready. Raises Unavailable with the end of its log when it does not get there."""
        child = _Child(part, self._spawn(part), time.monotonic())
        deadline = child.started + patience_seconds
        while not part.ready():
            if child.process.poll() is not None:
                raise Unavailable("part_ended", f"{part.name} ended at start: {self.last_line(part.name)}")
            if time.monotonic() > deadline:
                stop_child(child.process, 5)
                raise Unavailable(
                    "part_silent",
                    f"{part.name} was not ready in {patience_seconds:.0f} s: {self.last_line(part.name)}",
                )
            time.sleep(_TICK_SECONDS)
        self._children[part.name] = child
        self._write_status()
        if not self._watcher.is_alive():
            self._watcher.start()

    def stop(self, patience_seconds: float = 20.0) -> None:
        """Stops every part, the last started first; one that does not end in time is killed."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        for child in reversed(self._children.values()):
            stop_child(child.process, patience_seconds)
        self._write_status()

    def pid(self, name: str) -> int:
        """The process id of a part."""
        return self._children[name].process.pid

    def restarts(self) -> dict[str, int]:
        """How often each part had to be started again."""
        return {name: child.restarts for name, child in self._children.items()}

    def log_path(self, name: str) -> Path:
        """The log file of a part."""
        return self._folder / f"{name}.log"

    def last_line(self, name: str) -> str:
        """The last line a part wrote, or where it would be."""
        path = self.log_path(name)
        lines = path.read_text("utf-8", "replace").strip().splitlines() if path.exists() else []
        return f"{lines[-1] if lines else 'no output'} (see {path})"

    def _spawn(self, part: Part) -> subprocess.Popen[bytes]:
        path = self.log_path(part.name)
        if path.exists() and path.stat().st_size > _LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as log:
            return start_child(part.argv, log=log, env={**os.environ, **part.env})

    def _watch(self) -> None:
        while not self._stopping.wait(_TICK_SECONDS):
            for child in list(self._children.values()):
                self._look_after(child, time.monotonic())

    def _look_after(self, child: _Child, now: float) -> None:
        if child.process.poll() is None:
            if now - child.started > _STEADY_SECONDS:
                child.delay = 1.0
        elif child.down_since is None:
            child.down_since = now
            self._write_status()
        elif now - child.down_since >= child.delay:
            child.process = self._spawn(child.part)
            child.started, child.down_since = now, None
            child.restarts += 1
            child.delay = min(child.delay * 2, _LONGEST_DELAY)
            self._write_status()

    def _write_status(self) -> None:
        status = [
            {"name": n, "pid": c.process.pid, "running": c.process.poll() is None, "restarts": c.restarts}
            for n, c in self._children.items()
        ]
        fresh = self._folder / "status.new"
        fresh.write_text(json.dumps(status, indent=1), "utf-8")
        fresh.replace(self._folder / "status.json")
