"""One embedded Kafka server: broker and controller in one Java process, on loopback, data in one folder.

Durability: an acknowledged record survives the death of the process; on one node a power cut may cost what the operating
system had not yet written. A second start goes on from the data that is there. The server ends with the process that
started it.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from rich.progress import Progress

from arrivals.embedded.kafka.configuration import DATA, server_properties
from arrivals.embedded.kafka.jars import DEFAULT_CACHE, bring_jars
from arrivals.embedded.kafka.java import java_command, java_environment, quick_start_cache
from arrivals.embedded.ports import free_port, is_free
from arrivals.embedded.process import start_child, stop_child
from arrivals.runtime.kafka_opening import opened
from schemas.errors import Misconfigured, Unavailable

_READY_SECONDS = 120.0


class KafkaServer:
    """A Kafka server over `data_dir`. Port 0 takes a free one, which stays the same when this object starts it again.

    `subscriber_port` opens a second one for clients that log in; without it there is none, and no rules are asked.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        cache_dir: Path | None = None,
        *,
        subscriber_port: int | None = None,
        java_options: Sequence[str] = (),
    ) -> None:
        self._folder = data_dir.absolute()
        self._cache = (cache_dir or DEFAULT_CACHE).absolute()
        self._java_options = tuple(java_options)
        self.port = port or free_port()
        self.subscriber_port = subscriber_port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def command(self, progress: Progress | None = None) -> list[str]:
        """Brings jars and folder into shape and returns the command that runs the server, to be run in the folder."""
        if not is_free(self.port):
            raise Misconfigured("port_taken", f"{self.bootstrap} is taken already.", "Stop it, or choose another port.")
        jars = bring_jars(self._cache, progress)
        for name in ("logs", "tmp"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._folder / "tmp", ignore_errors=True)  # what a killed server left
        (self._folder / "tmp").mkdir(exist_ok=True)
        self._properties.write_text(server_properties(self.port, free_port(), self.subscriber_port), "ascii")
        cache = quick_start_cache(jars, self._cache)
        options = [*([f"-XX:AOTCache={cache}"] if cache.exists() else []), *self._java_options]
        java = java_command(jars, self._folder, options)
        if not (self._data / "meta.properties").exists():
            self._format(java)
        return [*java, "kafka.Kafka", self._properties.name]

    def start(self) -> Self:
        """Starts the server and waits until it serves. Raises Unavailable with its last words, or Misconfigured."""
        if self.pid is not None:
            return self
        command = self.command()
        with self._console.open("wb") as log:
            self._process = start_child(command, log=log, env=java_environment(), cwd=self._folder)
        with ExitStack() as undo:
            undo.callback(self.kill)
            self._wait_ready()
            undo.pop_all()
        return self

    def stop(self, patience_seconds: float = 30.0) -> None:
        """Stops the server in order; kills it when the patience is over."""
        process, self._process = self._process, None
        if process:
            stop_child(process, patience_seconds)

    def kill(self) -> None:
        """Ends the server at once with SIGKILL."""
        process, self._process = self._process, None
        if process:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    @property
    def _data(self) -> Path:
        return self._folder / DATA

    @property
    def _console(self) -> Path:
        return self._folder / "logs" / "console.log"

    def _format(self, java: Sequence[str]) -> None:
        wanted = ["--standalone", "--cluster-id", new_cluster_id(), "--config", self._properties.name]
        command = [*java, "kafka.tools.StorageTool", "format", *wanted]
        with self._console.open("wb") as log:
            done = subprocess.run(
                command, stdout=log, stderr=subprocess.STDOUT, check=False, env=dict(java_environment()), cwd=self._folder
            )
        if done.returncode:
            raise Misconfigured("kafka_format", f"Kafka cannot format {self._data}: {self._last_words()}", "Mend what it names.")

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if self.pid is None:
                raise Unavailable("kafka_ended", f"Kafka ended at start: {self._last_words()}")
            if answers(self.port):
                return
            time.sleep(0.1)
        raise Unavailable("kafka_silent", f"Kafka did not answer within {_READY_SECONDS:.0f} s: {self._last_words()}")

    def _last_words(self) -> str:
        places = [path for path in (self._console, self._folder / "logs" / "server.log") if path.exists()]
        lines = [line for path in places for line in path.read_text("utf-8", "replace").strip().splitlines()[-1:]]
        return f"{' / '.join(lines) or 'no output'} (see {self._folder / 'logs'})"


def new_cluster_id() -> str:
    """A random cluster id as Kafka writes them; never with a dash in front, which its tools take for an option."""
    while (text := urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def answers(port: int) -> bool:
    """Whether a broker on this loopback port serves: it answers, and it has joined its own cluster."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()  # a client in vain costs much more
        patience = {"request_timeout_ms": 5_000, "bootstrap_timeout_ms": 2_000}
        admin = opened(KafkaAdminClient, bootstrap_servers=f"127.0.0.1:{port}", **patience)
    except (OSError, KafkaError):
        return False
    try:
        return bool(admin.describe_cluster()["brokers"])
    except KafkaError:
        return False
    finally:
        admin.close()
