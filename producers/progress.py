"""Progress of a long run: a bar on a terminal, a line every few seconds anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

#: Called with how many more are done and a short remark, such as counts.
Advance = Callable[[int, str], None]
_LINE_EVERY_SECONDS = 5.0


@contextmanager
def progress(title: str, total: int | None, console: Console | None = None) -> Iterator[Advance]:
    """Yields the function that moves the bar on; output goes to standard error unless a console is given."""
    screen = console or Console(file=sys.stderr, highlight=False)
    if screen.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, TextColumn("{task.fields[note]}"), console=screen) as bar:
            task = bar.add_task(title, total=total, note="")
            yield lambda more, note: bar.update(task, advance=more, note=note)
        return
    lines = _Lines(title, total, screen)
    yield lines.advance
    lines.tell()


def silent(more: int, note: str) -> None:
    """An `Advance` that shows nothing."""


class _Lines:
    def __init__(self, title: str, total: int | None, console: Console) -> None:
        self._title, self._total, self._console = title, total, console
        self._done, self._note, self._told = 0, "", time.monotonic()

    def advance(self, more: int, note: str) -> None:
        self._done, self._note = self._done + more, note
        if time.monotonic() - self._told >= _LINE_EVERY_SECONDS:
            self.tell()

    def tell(self) -> None:
        self._told = time.monotonic()
        of = f" of {self._total:,}" if self._total is not None else ""
        self._console.print(f"{self._title}: {self._done:,}{of} {self._note}".rstrip())
