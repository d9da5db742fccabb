"""Group commit: what arrives while a group is worked on forms the next one, so the fixed cost of a group is shared under load.

Without a group under way an item starts at once, or a few milliseconds after the last group did (`arrivals.runtime.pacing`);
otherwise when that group is done, for a partition takes one request at a time anyway, and after a bounded wait even if it is not:
the answer that Kafka is away must not come twice as late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from arrivals.runtime.pacing import GATHER_SECONDS, Pace
from schemas.errors import Unavailable

T = TypeVar("T")
_LONGEST_WAIT_SECONDS = 0.05
_MOST_ITEMS = 128


class Grouping(Generic[T]):
    """Hands items to `work` in groups, in order of arrival. `work` tells each item its outcome, even if it raises Unavailable."""

    def __init__(self, work: Callable[[Sequence[T]], Awaitable[None]]) -> None:
        self._work = work
        self._waiting: list[T] = []
        self._timer: asyncio.Handle | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._pace = Pace(GATHER_SECONDS)

    def add(self, item: T) -> None:
        """Adds an item to the group that forms. Called from the event loop."""
        self._waiting.append(item)
        if len(self._waiting) >= _MOST_ITEMS:
            self._start()
        elif self._timer is None:
            self._start_within(_LONGEST_WAIT_SECONDS if self._running else self._wait_seconds())

    def _wait_seconds(self) -> float:
        return self._pace.wait_seconds(asyncio.get_running_loop().time())

    def _start_within(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._start) if seconds else loop.call_soon(self._start)

    def _start(self) -> None:
        self._stop_timer()
        if self._waiting:
            self._pace.begin(asyncio.get_running_loop().time())
            group, self._waiting = self._waiting, []
            task = asyncio.ensure_future(self._finish(group))
            self._running.add(task)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _finish(self, group: Sequence[T]) -> None:
        try:
            await self._work(group)
        except Unavailable:
            pass  # every item of the group knows
        finally:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 (a coroutine that runs is in a task)
            self._running.discard(task)
            if self._waiting:
                self._stop_timer()
                self._start_within(self._wait_seconds())
