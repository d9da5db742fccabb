"""The supervisor over small real children: order, restarts, stubborn children, and no orphans."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from arrivals.embedded.supervisor import Part, Supervisor
from schemas.errors import Unavailable

WAIT_SECONDS = 20.0


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "run")
    yield made
    made.stop(2)


def part(name: str, code: str, folder: Path) -> Part:
    flag = folder / f"{name}.ready"
    script = f"import pathlib,time,sys,signal; flag=pathlib.Path({str(flag)!r})\n{code}"
    return Part(name, [sys.executable, "-c", script], {}, flag.exists)


def wait_for(what: Callable[[], bool], seconds: float = WAIT_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.05)
    return False


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_part_is_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(part("steady", "flag.touch(); time.sleep(60)", tmp_path))
    first = supervisor.pid("steady")
    os.kill(first, signal.SIGKILL)
    assert wait_for(lambda: supervisor.pid("steady") != first and alive(supervisor.pid("steady")))
    assert supervisor.restarts() == {"steady": 1}


def test_a_part_that_ends_at_start_is_an_error_with_its_last_line(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="the disk is full"):
        supervisor.start(part("broken", "sys.exit('the disk is full')", tmp_path))


def test_parts_stop_in_reverse_order_and_a_stubborn_one_is_killed(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "run")
    order = tmp_path / "order"
    note = f"signal.signal(signal.SIGTERM, lambda *_: (open({str(order)!r},'a').write(NAME), sys.exit(0)))"
    for name in ("a", "b"):
        supervisor.start(part(name, f"NAME={name!r}; {note}; flag.touch(); time.sleep(60)", tmp_path))
    supervisor.start(part("deaf", "signal.signal(signal.SIGTERM, signal.SIG_IGN); flag.touch(); time.sleep(60)", tmp_path))
    pids = [supervisor.pid(name) for name in ("a", "b", "deaf")]
    supervisor.stop(1)
    assert order.read_text("utf-8") == "ba"
    assert not any(alive(pid) for pid in pids)


def test_no_part_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    script = f"""
import sys, time
from pathlib import Path
sys.path.insert(0, {str(Path.cwd())!r})
from arrivals.embedded.supervisor import Part, Supervisor
s = Supervisor(Path({str(tmp_path)!r}))
s.start(Part("child", [sys.executable, "-c", "import time; time.sleep(60)"], {{}}, lambda: True))
print(s.pid("child"), flush=True)
time.sleep(60)
"""
    boss = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert boss.stdout is not None
    child = int(boss.stdout.readline())
    boss.kill()
    boss.wait()
    boss.stdout.close()
    assert wait_for(lambda: not alive(child))
