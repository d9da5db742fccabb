"""Two thousand readers at one API process that is killed while arrivals come: nobody misses one, nobody gets one twice."""

from __future__ import annotations

import asyncio
import os
import random
import re
import resource
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import orjson
import pytest

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.runtime.reference_writer import append, credential_row, new_token
from reference.gazetteer import load_gazetteer
from tests.serving_kit import publish, quiet
from tests.serving_stack import Process, Stack, running_stack

READERS = int(os.environ.get("TORTURE_READERS", "2000"))
UNITS = min(200, READERS)
PER_SECOND, SECONDS = 100, 20
_FILES = 20_000
_RETRY = (0.2, 1.0)
_EVENT = re.compile(rb"^(id|event|data): (.*)$")


@dataclass
class Reader:
    """A browser's EventSource in a few lines: reads, remembers the last id, comes back with it."""

    unit: str
    token: str
    got: list[str] = field(default_factory=list)
    connections: list[float] = field(default_factory=list)
    position: str = ""

    async def follow(self, port: int) -> None:
        """Reads until cancelled."""
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._read(port)
            await asyncio.sleep(random.uniform(*_RETRY))

    async def _read(self, port: int) -> None:
        incoming, outgoing = await asyncio.open_connection("127.0.0.1", port)
        try:
            head = f"GET /v1/units/{self.unit}/stream HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {self.token}\r\n"
            back = f"Last-Event-ID: {self.position}\r\n" if self.position else ""
            outgoing.write(f"{head}{back}\r\n".encode())
            answer = await incoming.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                return
            self.connections.append(time.monotonic())
            name = b""
            while line := await incoming.readline():
                found = _EVENT.match(line.rstrip())
                if found is None:
                    continue
                if found[1] == b"id":
                    self.position = found[2].decode()
                elif found[1] == b"event":
                    name = found[2]
                elif name == b"arrival":
                    self.got.append(orjson.loads(found[2])["event_id"])
        finally:
            outgoing.close()


@pytest.fixture
def stack(kafka_server: KafkaServer, clickhouse_server: ClickHouseServer, tmp_path: Path, topic_prefix: str) -> Iterator[Stack]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(_FILES, hard)), hard))
    with running_stack(kafka_server, clickhouse_server, tmp_path, topic_prefix) as running:
        yield running


@pytest.mark.torture
@pytest.mark.timeout(600)
def test_readers_of_a_killed_api_come_back_without_a_gap(stack: Stack, tmp_path: Path) -> None:
    villages = [area.code for area in load_gazetteer().below("411426", "village")][:UNITS]
    tokens = {unit: new_token("unit") for unit in villages}
    append(stack.settings, [credential_row(token, "unit", f"v-{unit}", unit, "test") for unit, token in tokens.items()])
    readers = [Reader(villages[n % UNITS], tokens[villages[n % UNITS]]) for n in range(READERS)]
    sent: dict[str, list[str]] = defaultdict(list)
    figures = asyncio.run(_run(stack, readers, sent, tmp_path))
    print(f"{READERS} readers: {figures}")
    assert all(reader.got == sent[reader.unit] for reader in readers)
    assert all(len(reader.connections) >= 2 for reader in readers)


async def _run(stack: Stack, readers: list[Reader], sent: dict[str, list[str]], folder: Path) -> dict[str, Any]:
    port, stop = stack.settings.api_port, Event()
    following = [asyncio.create_task(reader.follow(port)) for reader in readers]
    await _until(lambda: all(reader.connections for reader in readers))
    memory = _resident_mb(stack.processes[-1].process.pid)
    publishing = Thread(target=_publish, args=(stack, sorted({reader.unit for reader in readers}), sent, stop))
    publishing.start()
    await asyncio.sleep(SECONDS / 2)
    killed = time.monotonic()
    await asyncio.to_thread(_kill_and_restart, stack, folder)
    await _until(lambda: all(reader.connections[-1] > killed for reader in readers))
    back = max(next(at for at in reader.connections if at > killed) for reader in readers) - killed
    await asyncio.sleep(SECONDS / 2)
    stop.set()
    await asyncio.to_thread(publishing.join)
    await _until(lambda: all(len(reader.got) >= len(sent[reader.unit]) for reader in readers))
    after = _resident_mb(stack.processes[-1].process.pid)
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    events = sum(len(reader.got) for reader in readers)
    return {"all_back_seconds": round(back, 1), "api_mb_open": memory, "api_mb_at_the_end": after, "events": events}


def _publish(stack: Stack, units: list[str], sent: dict[str, list[str]], stop: Event) -> None:
    number, chance = 1, random.Random(7)
    while not stop.is_set():
        batch = [quiet(number + n, chance.choice(units)) for n in range(PER_SECOND // 2)]
        publish(stack.settings, batch)
        for one in batch:
            sent[one["unit"]].append(one["event_id"])
        number += len(batch)
        stop.wait(0.5)


def _kill_and_restart(stack: Stack, folder: Path) -> None:
    api = stack.processes.pop()
    api.process.kill()
    api.stop()
    stack.processes.append(Process("api", stack.settings, folder / "api.log"))


async def _until(done: Any) -> None:
    async with asyncio.timeout(120):
        while not done():  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.05)


def _resident_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    found = re.search(r"VmRSS:\s+(\d+)", status)
    assert found is not None
    return int(found[1]) // 1024
