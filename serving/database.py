"""Asks ClickHouse from the event loop: a bounded pool of worker threads, one client each, every query bounded in time and rows.

Reading only. A query that fails is not repeated; the caller gets Unavailable (503) and may ask again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import local
from typing import Any, TypeVar

from clickhouse_driver import Client

from arrivals.runtime.clickhouse_client import clickhouse_errors, connect
from arrivals.runtime.settings import Settings
from schemas.errors import ArrivalsError, Unavailable

T = TypeVar("T")
THREADS = 4
#: Questions that may wait for a thread before new ones are turned away.
WAITING = 200
SECONDS = 20
LARGEST_RESULT = 1_000_000
_PROBE_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Table:
    """The answer to a query: column names, their ClickHouse types, and rows of Python values."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]

    def records(self) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class Database:
    """A pool of ClickHouse clients. `ask` may be awaited from one event loop; `ask_now` blocks the calling thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="clickhouse")
        self._own = local()
        self._clients: list[Client] = []
        self._pending = 0

    async def ask(self, sql: str, values: Mapping[str, Any], most: int = LARGEST_RESULT) -> Table:
        """The answer to one SELECT with its values bound. Raises Unavailable when the database is away or too busy."""
        return await self.run(lambda: self.ask_now(sql, values, most))

    async def run(self, work: Callable[[], T]) -> T:
        """Runs several questions in one worker thread, one after the other."""
        if self._pending >= WAITING:
            raise Unavailable("too_busy", "Too many questions are waiting for the database.")
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._pending -= 1

    def ask_now(self, sql: str, values: Mapping[str, Any], most: int = LARGEST_RESULT) -> Table:
        """Like `ask`, in the calling thread."""
        limits = {"max_execution_time": SECONDS, "max_result_rows": most, "result_overflow_mode": "throw"}
        with clickhouse_errors():
            rows, described = self._client().execute(sql, dict(values), with_column_types=True, settings=limits)
        return Table(tuple(name for name, _ in described), tuple(kind for _, kind in described), rows)

    def problem(self) -> str | None:
        """None when the database answers within three seconds, else what is wrong; for readiness checks in another thread."""
        try:
            self._threads.submit(self.ask_now, "SELECT 1", {}).result(_PROBE_SECONDS)
        except (ArrivalsError, TimeoutError, RuntimeError):
            return "ClickHouse does not answer"
        return None

    def close(self) -> None:
        """Waits for running questions, ends the threads and closes their connections."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for client in self._clients:
            client.disconnect()

    def _client(self) -> Client:
        client: Client | None = getattr(self._own, "client", None)
        if client is None:
            client = self._own.client = connect(self._settings)
            self._clients.append(client)
        return client
