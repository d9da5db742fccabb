"""Opens chDB on one folder and hands out connections to it. The only module that touches chDB.

chDB keeps one engine per process: one folder, locked by the engine itself for as long as a connection is open.
Connections run in parallel and
have their own settings, role, current database and temporary tables. Its calls release the interpreter lock.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple

from arrivals.embedded.clickhouse.configuration import Role, write_configuration
from arrivals.embedded.clickhouse.errors import ServerError, engine_error
from arrivals.embedded.clickhouse.spool import Spool
from arrivals.embedded.clickhouse.statements import quoted
from schemas.errors import Misconfigured

_NOT_STREAMED = "Streaming query is not supported"


class Chunk(NamedTuple):
    """Part of a result in the wanted format, with what the engine read for it since the last one."""

    data: bytes
    rows: int
    read_rows: int
    read_bytes: int
    written_rows: int = 0
    written_bytes: int = 0


NOTHING = Chunk(b"", 0, 0, 0)


class Handle:
    """One connection to the engine. Not thread-safe. Every failure is a ServerError."""

    def __init__(self, connect: Any, path: str) -> None:
        self._connection = _checked(connect, path)

    def close(self) -> None:
        self._connection.close()

    def classify(self, sql: str) -> tuple[str, int]:
        """What the statement is, `READ_ONLY`, `MUTATING`, `MUTATING_GLOBAL`, `CONTROL` or `UNKNOWN`, and how many there are."""
        answer = _checked(self._connection._conn.classify_query, sql)
        return answer["query_class"].name, answer["statement_count"]

    def run(self, sql: str, output: str = "Null", params: dict[str, str] | None = None) -> Chunk:
        """Runs a statement to its end and returns the whole result."""
        result = _checked(self._connection.query, sql, output, params)
        read = result.storage_rows_read(), result.storage_bytes_read()
        return Chunk(result.bytes(), result.rows_read(), *read, result.rows_written(), result.bytes_written())

    def rows(self, sql: str, params: dict[str, str] | None = None) -> list[list[Any]]:
        return [json.loads(line) for line in self.run(sql, "JSONCompactEachRow", params).data.splitlines()]

    def stream(self, sql: str, output: str, params: dict[str, str]) -> Generator[Chunk]:
        """The result chunk by chunk as it is made; statements chDB does not stream give one chunk at their end."""
        try:
            stream = _checked(self._connection.send_query, sql, output, params)
        except ServerError as error:
            if _NOT_STREAMED not in error.message:
                raise
            yield self.run(sql, output, params)
            return
        try:
            while (part := _checked(stream.fetch)) is not None:
                yield Chunk(part.bytes(), part.rows_read(), part.storage_rows_read(), part.storage_bytes_read())
        finally:
            _checked(stream.cancel)


class Engine:
    """The engine on one folder. Opening takes about a second."""

    def __init__(self, folder: Path, memory_bytes: int) -> None:
        self._folder = folder.resolve()
        self._spool = self._folder / "spool"
        self._memory_bytes = memory_bytes
        self._killing = threading.Lock()

    def open(self) -> None:
        """Starts the engine. Raises Misconfigured when the folder cannot be used or another process has it."""
        if set("?&#%") & set(str(self._folder)):
            raise Misconfigured("clickhouse_folder", "The data folder's path must not hold any of ?&#%.")
        self._spool.mkdir(parents=True, exist_ok=True)
        configuration = write_configuration(self._folder / "config", self._memory_bytes)
        os.environ["TZ"] = "UTC"  # the engine takes the server's zone from here; columns carry their own
        import chdb  # starts threads and takes a second: not at import

        self._connect = chdb.connect
        self._path = f"{self._folder / 'data'}?config-file={configuration}"
        try:
            self._admin = self.handle(Role.OWNER)
        except ServerError as error:
            raise Misconfigured("clickhouse_folder", f"The engine cannot open {self._folder}: {error.message}") from error
        ((version, self.timezone),) = self._admin.rows("SELECT version(), serverTimezone()")
        major, minor, patch = (int(part) for part in version.split(".")[:3])
        self.version = (major, minor, patch)
        self._kinds: dict[str, str] = dict(self._admin.rows("SELECT name, type FROM system.settings"))

    def close(self) -> None:
        self._admin.close()

    def spool(self) -> Spool:
        """An empty file for the rows of one insert."""
        return Spool(self._spool)

    def handle(self, role: Role) -> Handle:
        handle = Handle(self._connect, self._path)
        handle.run(f"SET ROLE {role}")
        return handle

    def setting_kind(self, name: str) -> str:
        """The type of a setting, such as `UInt64`; unknown ones are taken for text."""
        return self._kinds.get(name, "String")

    def kill(self, tag: str) -> None:
        """Ends the queries whose `log_comment` begins with `tag`; they fail with code 394."""
        with self._killing:
            self._admin.run(f"KILL QUERY WHERE startsWith(Settings['log_comment'], {quoted(tag)}) ASYNC")


def _checked(call: Any, *arguments: Any) -> Any:
    """Calls the engine; what it raises (always RuntimeError) becomes a ServerError."""
    try:
        return call(*arguments)
    except RuntimeError as error:
        raise engine_error(str(error)) from error
