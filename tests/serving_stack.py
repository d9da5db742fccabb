"""The API as a process of its own, with a sink beside it, over the test run's servers: what the API tests talk to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import orjson

from arrivals.demo.stack import prepare_desk
from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.ports import free_port
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.reference_writer import append, credential_row, new_token
from arrivals.runtime.settings import Settings
from arrivals.runtime.topic_admin import ensure_topics
from schemas.reference_rows import Role
from serving.positions import decode
from tests.clickhouse_kit import database_settings
from tests.serving_kit import event_id, publish

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0
CREDENTIALS: tuple[tuple[Role, str], ...] = (
    ("administrator", "*"),
    ("analyst", "*"),
    ("county", "411426"),
    ("county", "411481"),
    ("health_desk", "411426"),
    ("unit", "411426101"),
    ("unit", "411426101201"),
    ("unit", "411481100"),
    ("device", "CP-411426-01"),
)


class Process:
    """A part in the foreground of its own process, far from China's time zone."""

    def __init__(self, part: str, settings: Settings, log: Path) -> None:
        values = {f"ARRIVALS_{name}".upper(): str(value) for name, value in settings.model_dump(exclude_defaults=True).items()}
        environment = os.environ | values | {"TZ": "America/New_York"}
        self._log = log.open("ab")
        command = [sys.executable, "-m", "arrivals", part]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self._log, stderr=self._log)

    def stop(self) -> int:
        """Asks it to stop; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self._log.close()


@dataclass
class Stack:
    """The running parts, tokens by `role:scope`, and a client towards the API."""

    settings: Settings
    tokens: dict[str, str]
    client: httpx.Client
    processes: list[Process] = field(default_factory=list)

    def get(self, path: str, who: str | None = None, **more: Any) -> httpx.Response:
        """Asks the API as the credential `who`."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        return self.client.get(path, headers=headers | more.pop("headers", {}), **more)

    def post(self, path: str, who: str | None = None, body: Any = None, **more: Any) -> httpx.Response:
        """Posts JSON to the API as the credential `who`."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        return self.client.post(
            path, headers=headers | more.pop("headers", {}), **({"json": body} if body is not None else {}), **more
        )

    def act(self, number: int, who: str, action: str, version: int, **fields: Any) -> httpx.Response:
        """Acts on an arrival."""
        body = {"action": action, "version": version, **fields}
        return self.post(f"/v1/arrivals/{event_id(number)}/actions", who, body)

    def store(self, arrivals: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
        """Publishes arrivals and waits until the database says it has them; their coordinates."""
        placed = publish(self.settings, arrivals)
        wanted: dict[int, int] = {}
        for partition, offset in placed:
            wanted[partition] = max(offset, wanted.get(partition, -1))
        self.wait(lambda: all(self.stored().get(p, -1) >= offset for p, offset in wanted.items()))
        return placed

    def counts(self, unit: str, who: str) -> dict[str, int]:
        """How many duties are in each list of a unit."""
        found: dict[str, int] = self.get(f"/v1/units/{unit}/duties", who).json()["counts"]
        return found

    def stored(self) -> dict[int, int]:
        """The position the API answers with a list."""
        position = self.get("/v1/units/4114/arrivals?limit=1", "administrator:*").json()["position"]
        return decode(position) if position else {}

    @staticmethod
    def wait(done: Any) -> None:
        """Waits until `done()`."""
        end = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.05)

    def stream(self, path: str, who: str, position: str | None = None) -> Stream:
        """An open stream."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} | ({"Last-Event-ID": position} if position else {})
        return Stream(str(self.client.base_url.copy_with(path=path)), headers)


class Stream:
    """Reads server-sent events one by one. `position` is the last id seen, as a browser would keep it."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._url, self._headers = url, headers
        self.position = ""

    def __enter__(self) -> Self:
        self._client = httpx.Client(timeout=httpx.Timeout(10, read=PATIENCE))
        self.response = self._client.send(self._client.build_request("GET", self._url, headers=self._headers), stream=True)
        self._lines = self.response.iter_lines()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.response.close()
        self._client.close()

    def events(self) -> Iterator[tuple[str, Any]]:
        """Events as (name, data); a frame that only moves the position is told as ("", None)."""
        name, data = "", None
        for line in self._lines:
            word, _, value = line.partition(": ")
            if word == "id":
                self.position = value
            elif word == "event":
                name = value
            elif word == "data":
                data = orjson.loads(value)
            elif not line and (name or self.position):
                yield name, data
                name, data = "", None

    def until(self, wanted: int, event: str = "arrival") -> list[Any]:
        """The data of the next so many events of a name."""
        found: list[Any] = []
        for name, data in self.events() if wanted else ():
            if name == event:
                found.append(data)
            if len(found) == wanted:
                break
        return found

    def settle(self) -> list[Any]:
        """The arrivals up to the end of the backlog."""
        found = []
        for name, data in self.events():
            if not name:
                break
            if name == "arrival":
                found.append(data)
        return found


@contextmanager
def running_stack(
    kafka: KafkaServer,
    clickhouse: ClickHouseServer,
    folder: Path,
    prefix: str,
    parts: tuple[str, ...] = ("sink", "api"),
    **more: object,
) -> Iterator[Stack]:
    """Everything running, with one credential per role and scope of `CREDENTIALS`; `more` are settings."""
    more |= {name: free_port() for name in ("gateway_port", "api_port", "sink_metrics_port", "desk_metrics_port")}
    settings = database_settings(clickhouse, folder, kafka_bootstrap=kafka.bootstrap, kafka_topic_prefix=prefix, **more)
    ensure_topics(settings)
    prepare_desk(settings)
    KeyStore.open(settings.secret_path("keys.json", settings.keys_file), create=True)
    tokens = {f"{role}:{scope}": new_token(role) for role, scope in CREDENTIALS}
    rows = [
        credential_row(tokens[f"{role}:{scope}"], role, f"{role}-{scope.replace('*', 'all')}", scope, "test")
        for role, scope in CREDENTIALS
    ]
    append(settings, rows)
    with httpx.Client(base_url=f"http://127.0.0.1:{settings.api_port}", timeout=30) as client:
        stack = Stack(settings, tokens, client)
        stack.processes = [Process(part, settings, folder / f"{part}.log") for part in parts]
        try:
            stack.wait(lambda: _ready(client))
            yield stack
        finally:
            codes = [process.stop() for process in reversed(stack.processes)]
    assert codes == [0] * len(codes), (folder / "api.log").read_text("utf-8")[-2_000:]


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def frames_of(chunks: bytes) -> list[dict[str, str]]:
    """The frames in raw stream bytes as dictionaries of their lines."""
    blocks = chunks.decode().split("\n\n")
    return [dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":")) for block in blocks if block]


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two arrivals are told alike."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
