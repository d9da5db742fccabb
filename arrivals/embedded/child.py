"""One supervised part: started, looked after, started again when it ends, stopped. Its output goes to one log file."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from arrivals.embedded.process import start_child, stop_child

State = Literal["starting", "running", "waiting", "stopped"]

_FIRST_DELAY, _LONGEST_DELAY = 1.0, 30.0
_STEADY_SECONDS = 60.0
_ASK_SECONDS = 1.0
_LOG_BYTES = 10_000_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """What to run: a command, the environment added to ours, and `ready`, which says whether it serves yet and never raises.

    `nice` is how far it steps back where processors are short, as `nice(1)` counts.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    ready: Callable[[], bool]
    nice: int = 0


class Child:
    """A running part. Times are seconds of a monotonic clock, given by the caller. For one thread at a time."""

    def __init__(self, part: Part, log: Path) -> None:
        self.part, self.log = part, log
        self.state: State = "stopped"
        self.restarts = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._delay = _FIRST_DELAY
        self._since = 0.0
        self._asked = 0.0

    @property
    def pid(self) -> int:
        """Process id of the newest process, which may have ended; 0 before the first."""
        return self.process.pid if self.process else 0

    @property
    def exit_code(self) -> int | None:
        """How the newest process ended; None while it runs."""
        return self.process.poll() if self.process else None

    def start(self, now: float) -> None:
        """Starts the process. Raises OSError when the machine cannot (no memory, no space for the log)."""
        with self.log.open("ab") as log:  # appending, so that `_trim_log` may cut the file under the process
            self.process = start_child(self.part.argv, log=log, env={**os.environ, **self.part.env}, nice=self.part.nice)
        self.state, self._since = "starting", now

    def look_after(self, now: float) -> bool:
        """One turn: notices an end, starts again after the delay, asks for readiness. Says whether the state changed."""
        before = (self.state, self.restarts)
        self._trim_log()
        if self.state == "waiting":
            if now - self._since >= self._delay:
                self._restart(now)
        elif self.exit_code is not None:
            _log.warning("%s ended with exit code %s", self.part.name, self.exit_code)
            steady = now - self._since > _STEADY_SECONDS
            self._delay = _FIRST_DELAY if steady else self._delay
            self.state, self._since = "waiting", now
        elif self.state == "starting" and now - self._asked >= _ASK_SECONDS:
            self._asked = now
            self.state = "running" if self.part.ready() else "starting"
        return before != (self.state, self.restarts)

    def stop(self, patience_seconds: float) -> None:
        """Ends the process, by SIGKILL when the patience is over."""
        if self.process:
            stop_child(self.process, patience_seconds)
        self.state = "stopped"

    def last_line(self) -> str:
        """The last line it wrote, and where to read more."""
        lines = self.log.read_text("utf-8", "replace").strip().splitlines() if self.log.exists() else []
        return f"{lines[-1] if lines else 'no output'} (see {self.log})"

    def _restart(self, now: float) -> None:
        self.restarts += 1
        self._delay = min(self._delay * 2, _LONGEST_DELAY)
        try:
            self.start(now)
        except OSError as error:  # tried again after the next delay
            self._since = now
            _log.warning("%s cannot be started: %s", self.part.name, error.strerror)

    def _trim_log(self) -> None:
        try:
            if self.log.stat().st_size > _LOG_BYTES:
                shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
                os.truncate(self.log, 0)
        except OSError as error:  # a full disk must not end the supervision
            _log.warning("the log of %s cannot be shortened: %s", self.part.name, error.strerror)
