"""The command line as a user runs it: a process of its own, with the settings as its environment."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any
from unittest import mock

import orjson

from arrivals.cli import main
from arrivals.demo.stack import as_environment
from arrivals.embedded.ports import free_port
from arrivals.runtime.settings import Settings

PATIENCE = 60


def free_settings(folder: Path) -> Settings:
    """Settings of an embedded stack on free ports."""
    return Settings(
        data_dir=folder,
        kafka_bootstrap=f"127.0.0.1:{free_port()}",
        clickhouse_port=free_port(),
        clickhouse_http_port=free_port(),
        gateway_port=free_port(),
        api_port=free_port(),
        router_metrics_port=free_port(),
        sink_metrics_port=free_port(),
        reflag_metrics_port=free_port(),
        notify_metrics_port=free_port(),
        desk_metrics_port=free_port(),
        simulated_clock=True,
    )


def run(
    settings: Settings | None, *arguments: str, stdin: bytes = b"", cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """`arrivals …` to its end."""
    command = [sys.executable, "-m", "arrivals", *arguments]
    return subprocess.run(
        command, input=stdin, env=environment(settings), cwd=cwd, capture_output=True, check=False, timeout=PATIENCE
    )


def call(settings: Settings | None, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """The same within this process, which spares the start of another; for commands that end by themselves."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        mock.patch.dict(os.environ, environment(settings), clear=True),
        mock.patch.object(sys, "argv", ["arrivals", *arguments]),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO())),
        mock.patch.object(sys, "stdout", out),
        mock.patch.object(sys, "stderr", err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    said = [stream.buffer.getvalue() for stream in (out, err)]
    return subprocess.CompletedProcess(arguments, code, said[0], said[1])


def environment(settings: Settings | None) -> dict[str, str]:
    """Ours, without what a developer has set, and with these settings."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ARRIVALS_")}
    root = str(Path(__file__).parent.parent)
    return ours | {"PYTHONPATH": root, "COLUMNS": "80"} | (dict(as_environment(settings)) if settings else {})


class Talk:
    """A running command: lines in, JSON lines out."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._said: Queue[bytes] = Queue()
        self._reader = Thread(target=self._read)
        self._reader.start()

    def type(self, line: bytes) -> None:
        """Types a line, as a gun does."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """The next line it says."""
        said: dict[str, Any] = orjson.loads(self._said.get(timeout=PATIENCE))
        return said

    def end(self) -> int:
        """Ends the input; the exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._said.put(line)


@contextmanager
def talking(settings: Settings, *arguments: str) -> Iterator[Talk]:
    """A command to talk to; killed when the test leaves it running."""
    with subprocess.Popen(
        [sys.executable, "-m", "arrivals", *arguments],
        env=environment(settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield Talk(process)
        finally:
            process.kill()
