"""Starts parts in order, keeps them running, and stops them in reverse order: what `arrivals up` and `make demo` stand on.

A part that ends by itself is started again after 1, 2, 4 … 30 seconds; the delay is 1 s again once it has run for a minute.
`status.json` in the folder says how each part is. When this process dies, the kernel ends the parts (`process.py`).
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Thread

from arrivals.embedded.child import Child, Part
from schemas.errors import Unavailable

__all__ = ["Part", "Supervisor"]

_TICK_SECONDS = 0.1
_RESERVE = 0.1
_log = logging.getLogger(__name__)


def _silent(_name: str, _seconds: float) -> None:
    pass


class Supervisor:
    """Supervises parts whose logs and status lie in `folder`. Call from one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._children: dict[str, Child] = {}
        self._watched: list[Child] = []
        self._stopping = Event()
        self._watcher = Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self, part: Part, patience_seconds: float = 60.0) -> None:
        """Starts a part and waits until it is ready. Raises Unavailable with the end of its log when it does not get there."""
        self.start_together([part], patience_seconds)

    def start_together(
        self,
        parts: Sequence[Part],
        patience_seconds: float = 60.0,
        told: Callable[[str, float], None] = _silent,
    ) -> None:
        """Starts parts that do not need each other, and waits until all are ready; `told` gets the name of each and its seconds.

        Raises Unavailable as `start` does; what has been started is ended by `stop`.
        """
        begun = time.monotonic()
        waiting = [Child(part, self.log_path(part.name)) for part in parts]
        for child in waiting:
            self._children[child.part.name] = child
            child.start(begun)
        while waiting:
            time.sleep(_TICK_SECONDS)
            now = time.monotonic()
            for child in list(waiting):
                self._check_start(child, now - begun, patience_seconds)
                if child.state == "running":
                    waiting.remove(child)
                    told(child.part.name, now - begun)
        self._watched += [self._children[part.name] for part in parts]
        self._write_status()
        if not self._watcher.is_alive():
            self._watcher.start()

    def stop(self, patience_seconds: float = 20.0) -> None:
        """Stops every part, the last started first, all within the patience: one that does not end in time is killed."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        deadline = time.monotonic() + patience_seconds
        for left, child in reversed(list(enumerate(self._children.values()))):
            reserved = left * patience_seconds * _RESERVE
            child.stop(max(deadline - time.monotonic() - reserved, patience_seconds * _RESERVE))
        self._write_status()

    def pid(self, name: str) -> int:
        """The process id of a part."""
        return self._children[name].pid

    def restarts(self) -> dict[str, int]:
        """How often each part had to be started again."""
        return {name: child.restarts for name, child in self._children.items()}

    def states(self) -> dict[str, str]:
        """The state of each part: starting, running, waiting (to be started again) or stopped."""
        return {name: child.state for name, child in self._children.items()}

    def log_path(self, name: str) -> Path:
        """The log file of a part."""
        return self._folder / f"{name}.log"

    def _check_start(self, child: Child, seconds: float, patience_seconds: float) -> None:
        name = child.part.name
        if child.exit_code is not None:
            raise Unavailable("part_ended", f"{name} ended at start: {child.last_line()}")
        if child.part.ready():
            child.state = "running"
        elif seconds > patience_seconds:
            raise Unavailable("part_silent", f"{name} was not ready in {patience_seconds:.0f} s: {child.last_line()}")

    def _watch(self) -> None:
        while not self._stopping.wait(_TICK_SECONDS):
            now = time.monotonic()
            changes = [child.look_after(now) for child in list(self._watched)]
            if any(changes):
                self._write_status()

    def _write_status(self) -> None:
        status = [
            {"name": name, "pid": child.pid, "state": child.state, "restarts": child.restarts, "exit_code": child.exit_code}
            for name, child in self._children.items()
        ]
        fresh = self._folder / "status.new"
        try:
            fresh.write_text(json.dumps(status, indent=1), "utf-8")
            fresh.replace(self._folder / "status.json")
        except OSError as error:  # a full disk must not end the supervision
            _log.warning("the status cannot be written: %s", error.strerror)
