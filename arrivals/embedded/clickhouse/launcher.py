"""Starts the embedded ClickHouse server as a process, waits until it answers, and stops it."""

from __future__ import annotations

import queue
import re
import secrets
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from schemas.errors import Misconfigured, Unavailable

_ROOT = Path(__file__).resolve().parents[3]
_READY = re.compile(r"ready native=.*:(\d+) http=.*:(\d+)")


class ClickHouseServer:
    """One server on `data_dir`. Port 0 takes a free one, known after `start`. The process ends with this one.

    Passwords left out are made up. Files: `data_dir/secrets` (0600), `data_dir/server.log`, the engine's own beside them.
    """

    user = "arrivals"
    reader = "analyst"

    def __init__(
        self,
        data_dir: Path,
        native_port: int = 0,
        http_port: int = 0,
        *,
        password: str | None = None,
        reader_password: str | None = None,
        memory_mb: int | None = None,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.host = "127.0.0.1"
        self.native_port, self.http_port = native_port, http_port
        self.password = password or secrets.token_urlsafe(24)
        self.reader_password = reader_password
        self._memory_mb = memory_mb
        self.process: subprocess.Popen[str] | None = None

    def start(self, seconds: float = 60.0) -> None:
        """Starts the process and waits until it is ready. Raises Misconfigured when it cannot run (the reason is in the message),
        Unavailable when it is not ready in time."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with (self.data_dir / "server.log").open("a", encoding="utf-8") as log:
            begun = log.tell()
            self.process = subprocess.Popen(
                self._command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=_ROOT,
            )
        found = _READY.match(_first_line(self.process, seconds))
        if not found:
            late = self.process.poll() is None
            self.kill()
            if late:
                raise Unavailable("clickhouse_late", f"The embedded ClickHouse was not ready within {seconds:.0f} s.")
            raise Misconfigured("clickhouse_start", self._reason(begun), f"See {self.data_dir / 'server.log'}.")
        self.native_port, self.http_port = int(found[1]), int(found[2])

    def stop(self, seconds: float = 30.0) -> None:
        """Ends the server: what is committing is stored, the rest is cancelled. Killed when it takes longer than `seconds`."""
        process, self.process = self.process, None
        if process is not None:
            process.terminate()
            _wait(process, seconds)

    def kill(self) -> None:
        """Ends the process as a power cut would."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            _wait(process, None)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _command(self) -> list[str]:
        options = {
            "--data": str(self.data_dir),
            "--native-port": str(self.native_port),
            "--http-port": str(self.http_port),
            "--user": self.user,
            "--password-file": str(self._secret("owner", self.password)),
        }
        if self.reader_password:
            options |= {
                "--reader": self.reader,
                "--reader-password-file": str(self._secret("reader", self.reader_password)),
            }
        if self._memory_mb:
            options["--memory-mb"] = str(self._memory_mb)
        flat = [word for option in options.items() for word in option]
        return [sys.executable, "-m", "arrivals.embedded.clickhouse", *flat, "--until-stdin-closes"]

    def _secret(self, name: str, value: str) -> Path:
        folder = self.data_dir / "secrets"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder.resolve() / name
        path.touch(mode=0o600)
        path.write_text(value, "utf-8")
        return path

    def _reason(self, begun: int) -> str:
        with (self.data_dir / "server.log").open(encoding="utf-8", errors="replace") as log:
            log.seek(begun)
            return (log.read().strip().splitlines() or ["The embedded ClickHouse ended without a word."])[-1]


def _first_line(process: subprocess.Popen[str], seconds: float) -> str:
    """The first line a process prints; empty when it ends or takes too long."""
    lines: queue.Queue[str] = queue.Queue()
    out = process.stdout
    if out is None:
        return ""
    threading.Thread(target=lambda: lines.put(out.readline()), name="first line", daemon=True).start()
    try:
        line = lines.get(timeout=seconds)
    except queue.Empty:
        return ""
    if not line:
        process.wait()
    return line


def _wait(process: subprocess.Popen[str], seconds: float | None) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
