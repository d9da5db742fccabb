"""Children that cannot outlive their parent: on Linux the kernel ends them when the process that started them dies."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import IO

_PR_SET_PDEATHSIG = 1


def start_child(
    argv: Sequence[str],
    *,
    log: IO[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    nice: int = 0,
) -> subprocess.Popen[bytes]:
    """Starts a child that gets SIGTERM when this process dies, however it dies; output goes to `log`. `nice` is added to ours.

    The child leads a session of its own, so that a Ctrl-C in the terminal reaches only us and we stop the children in order.
    """
    return _starter(os.getpid()).submit(_start, argv, (log, env, cwd), nice).result()


@cache
def _starter(_pid: int) -> ThreadPoolExecutor:
    # The kernel ends the children when the *thread* that started them ends: it must be one that lives as long as the process.
    return ThreadPoolExecutor(1, "starter of children")


def _start(
    argv: Sequence[str], around: tuple[IO[bytes] | None, Mapping[str, str] | None, Path | None], nice: int
) -> subprocess.Popen[bytes]:
    log, env, cwd = around
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def follow_parent() -> None:
        os.nice(nice)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # the parent died before the line above
            os._exit(1)

    return subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=log or subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        env=None if env is None else dict(env),
        cwd=cwd,
        start_new_session=True,
        preexec_fn=follow_parent if sys.platform == "linux" else None,  # noqa: PLW1509 (three calls, no locks)
    )


def stop_child(child: subprocess.Popen[bytes], patience_seconds: float = 20.0) -> int:
    """Asks the child to end and waits; kills it when the patience is over. Returns its exit code."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP (a closed terminal) do what Ctrl-C does: they raise KeyboardInterrupt in the main thread.

    So one way of stopping serves all, at any moment, also while the parts are still starting.
    """

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
