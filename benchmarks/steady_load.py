"""Open-loop posting: every request goes out at its own moment whatever became of the one before, over kept-alive connections."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast


@dataclass
class Steady:
    """What came of a run: answers by status, by how much requests left late (ms), and when each answer was here."""

    statuses: Counter[int] = field(default_factory=Counter)
    late_ms: list[float] = field(default_factory=list)
    answered: dict[int, float] = field(default_factory=dict)


async def post_steadily(
    port: int, requests: Sequence[bytes], rate: int, sent: Callable[[int], None], wait_seconds: float = 30.0
) -> Steady:
    """Sends request number n at n / rate seconds and waits for all answers; `sent(n)` is called just before.

    A request takes a connection that is free, or opens one more. Raises TimeoutError when an answer does not come.
    """
    pool, came = _Pool(port), Steady()
    began, answers = time.perf_counter() + 0.05, []
    for number, request in enumerate(requests):
        due = began + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        connection = await pool.take()
        came.late_ms.append((time.perf_counter() - due) * 1000)
        sent(number)
        answers.append(connection.ask(request))
        answers[-1].add_done_callback(lambda _, n=number: came.answered.setdefault(n, time.perf_counter()))
    async with asyncio.timeout(wait_seconds):
        came.statuses.update(await asyncio.gather(*answers))
    pool.close()
    return came


class _Pool:
    def __init__(self, port: int) -> None:
        self._port = port
        self._all: list[_Connection] = []
        self.free: deque[_Connection] = deque()

    async def take(self) -> _Connection:
        if self.free:
            return self.free.popleft()  # in turn, so that none is idle long enough to be ended just when it is needed
        _, made = await asyncio.get_running_loop().create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
        self._all.append(made)
        return made

    def close(self) -> None:
        for connection in self._all:
            connection.transport.close()


class _Connection(asyncio.Protocol):
    def __init__(self, pool: _Pool) -> None:
        self._pool, self._answer = pool, b""
        self._status: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)  # uvloop's transports are no subclasses

    def ask(self, request: bytes) -> asyncio.Future[int]:
        self._status = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._status

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, blank, body = self._answer.partition(b"\r\n\r\n")
        if blank and len(body) >= int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]):
            self._answer = b""
            if self._status is not None:
                self._status.set_result(int(head[9:12]))
            self._pool.free.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self._pool.free:  # the gateway ends a connection that was idle for long
            self._pool.free.remove(self)
        if self._status is not None and not self._status.done():
            self._status.set_exception(exc or ConnectionError("the gateway closed the connection"))
