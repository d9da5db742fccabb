"""A load generator that costs little itself: kept-alive HTTP/1.1 connections, each with one request under way, on uvloop."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import uvloop


@dataclass
class Load:
    """What came of a run: seconds from the first byte to the last answer, answers by status, milliseconds per request."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """The latency below which that share of the requests lies."""
        return round(sorted(self.milliseconds)[int(len(self.milliseconds) * share) - 1], 2)


def request(token: str, body: bytes) -> bytes:
    """The bytes of one post of scans."""
    head = f"POST /v1/scans HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def run_load(port: int, requests: Sequence[bytes], connections: int) -> Load:
    """Sends every request once over so many connections and waits for all answers."""
    return uvloop.run(_run(port, iter(requests), connections))


async def _run(port: int, requests: Iterator[bytes], connections: int) -> Load:
    loop, load = asyncio.get_running_loop(), Load()
    lanes = [(await loop.create_connection(lambda: _Lane(requests, load), "127.0.0.1", port))[1] for _ in range(connections)]
    began = time.perf_counter()
    for lane in lanes:
        lane.send()
    await asyncio.gather(*(lane.done for lane in lanes))
    load.seconds = time.perf_counter() - began
    return load


class _Lane(asyncio.Protocol):
    """One connection: the next request goes out when the last was answered."""

    def __init__(self, requests: Iterator[bytes], load: Load) -> None:
        self._requests, self._load = requests, load
        self._answer, self._sent = b"", 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's transports are no subclasses

    def send(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, blank, body = self._answer.partition(b"\r\n\r\n")
        if not blank or len(body) < int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]):
            return
        self._load.milliseconds.append((time.perf_counter() - self._sent) * 1000)
        self._load.statuses[int(head[9:12])] += 1
        self._answer = b""
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc) if exc else self.done.set_result(None)
