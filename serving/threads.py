"""A few threads for work that blocks, so that the event loop never waits for it; what would wait too long is turned away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from schemas.errors import Unavailable

T = TypeVar("T")


class Threads:
    """`count` threads; at most `waiting` pieces of work are in them or wait for one. `run` is called from one event loop."""

    def __init__(self, name: str, count: int, waiting: int) -> None:
        self._executor = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._name = name
        self._waiting = waiting
        self._pending = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Runs the work in one of the threads. Raises Unavailable when too much waits, and what the work raises."""
        if self._pending >= self._waiting:
            raise Unavailable("too_busy", f"Too many requests are waiting here ({self._name}).")
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._pending -= 1

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Runs the work for a caller outside of the event loop. Raises RuntimeError after `close`."""
        return self._executor.submit(work)

    def close(self) -> None:
        """Waits for what is running; what has not begun is dropped."""
        self._executor.shutdown(wait=True, cancel_futures=True)
