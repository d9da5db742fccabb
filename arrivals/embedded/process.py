"""Children that cannot outlive their parent: on Linux the kernel ends them when the process that started them dies."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1


def start_child(
    argv: Sequence[str],
    *,
    log: IO[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a child that gets SIGTERM when this process dies, however it dies; output goes to `log`.

    The child leads a session of its own, so that a Ctrl-C in the terminal reaches only us and we stop the children in order.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def follow_parent() -> None:
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
        preexec_fn=follow_parent if sys.platform == "linux" else None,  # noqa: PLW1509
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
