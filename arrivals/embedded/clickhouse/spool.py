"""Holds the rows of an insert until its client has sent the last of them.

chDB's own streaming insert loses errors raised behind the parsing of rows (a violated constraint, a failing view): it reports
success and stores nothing. An INSERT from a file reports them, so rows go through a file. It is nameless and short-lived,
so the kernel seldom writes it out.
"""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from arrivals.embedded.clickhouse.errors import NO_SPACE, server_error


class Spool:
    """A nameless file: gone when the `with` block is left, or when the process dies."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by `__exit__`

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    @property
    def path(self) -> str:
        """Where this process, and so the engine, can read it."""
        return f"/proc/self/fd/{self._file.fileno()}"

    def append(self, data: bytes) -> None:
        """Adds rows. Raises ServerError 243 when the disk is full."""
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise server_error(NO_SPACE, "No space is left on the disk for the rows of an insert.") from error
