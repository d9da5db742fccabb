"""Group commit: what arrives while a group is worked on forms the next one, so the fixed cost of a group is shared under load.

Without a group under way an item starts at once; otherwise when that group is done, for a partition takes one request at a time
anyway, and after a bounded wait even if it is not: the answer that Kafka is away must not come twice as late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

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

    def add(self, item: T) -> None:
        """Adds an item to the group that forms. Called from the event loop."""
        self._waiting.append(item)
        if len(self._waiting) >= _MOST_ITEMS:
            self._start()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            busy = bool(self._running)
            self._timer = loop.call_later(_LONGEST_WAIT_SECONDS, self._start) if busy else loop.call_soon(self._start)

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            group, self._waiting = self._waiting, []
            task = asyncio.ensure_future(self._finish(group))
            self._running.add(task)

    async def _finish(self, group: Sequence[T]) -> None:
        try:
            await self._work(group)
        except Unavailable:
            pass  # every item of the group knows
        finally:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 (a coroutine that runs is in a task)
            self._running.discard(task)
            self._start()
