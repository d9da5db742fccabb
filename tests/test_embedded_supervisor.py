"""The supervisor over small real children: order, restarts, stubborn children, and no orphans."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from arrivals.embedded.child import Child
from arrivals.embedded.process import ended_by_signals, start_child, stop_child
from arrivals.embedded.supervisor import Part, Supervisor
from schemas.errors import Unavailable

WAIT_SECONDS = 20.0
SLEEPS = "flag.touch(); time.sleep(60)"


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


def test_parts_started_together_are_told_one_by_one(supervisor: Supervisor, tmp_path: Path) -> None:
    told: list[str] = []
    parts = [part("slow", "time.sleep(0.6); flag.touch(); time.sleep(60)", tmp_path), part("quick", SLEEPS, tmp_path)]
    supervisor.start_together(parts, told=lambda name, _: told.append(name))
    assert told == ["quick", "slow"]


def test_the_status_file_tells_a_restart_and_its_cause(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(part("steady", SLEEPS, tmp_path))
    os.kill(supervisor.pid("steady"), signal.SIGKILL)

    def status() -> dict[str, object]:
        [found] = json.loads((tmp_path / "run" / "status.json").read_text("utf-8"))
        return dict(found)

    assert wait_for(lambda: status()["state"] == "waiting" and status()["exit_code"] == -signal.SIGKILL)
    assert wait_for(lambda: status()["state"] == "running" and status()["restarts"] == 1)


def test_a_part_that_was_started_again_stops_in_its_turn(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "run")
    order = tmp_path / "order"
    note = f"signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), open({str(order)!r},'a').write(NAME), sys.exit(0)))"
    for name in ("a", "b"):
        supervisor.start(part(name, f"NAME={name!r}; {note}; {SLEEPS}", tmp_path))
    first = supervisor.pid("a")
    (tmp_path / "a.ready").unlink()
    os.kill(first, signal.SIGKILL)
    assert wait_for(lambda: supervisor.states()["a"] == "running" and supervisor.pid("a") != first)
    supervisor.stop(5)
    assert order.read_text("utf-8") == "ba"


def test_a_part_that_keeps_failing_is_started_ever_more_slowly(tmp_path: Path) -> None:
    child = Child(Part("failing", [sys.executable, "-c", "pass"], {}, lambda: False), tmp_path / "failing.log")
    now = 0.0
    starts: list[float] = []
    child.start(now)
    while len(starts) < 7:
        now += 0.5
        before = child.restarts
        child.look_after(now)
        if child.restarts > before:
            starts.append(now)
        assert child.process is not None
        child.process.wait()
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert gaps == sorted(gaps)
    assert gaps[-1] <= 31
    assert gaps[0] >= 2


def test_a_log_stays_below_its_limit_while_the_part_writes(tmp_path: Path) -> None:
    writes = "import sys,time\nwhile True: sys.stdout.write('x' * 999 + '\\n'); sys.stdout.flush()"
    child = Child(Part("talker", [sys.executable, "-c", writes], {}, lambda: True), tmp_path / "talker.log")
    child.start(0.0)
    older = tmp_path / "talker.log.1"

    def cut() -> bool:
        child.look_after(0.0)
        return older.exists()

    assert wait_for(cut)
    child.stop(5)
    assert older.stat().st_size > 10_000_000
    assert b"\0" not in child.log.read_bytes()


def test_a_signal_to_stop_does_what_ctrl_c_does() -> None:
    before = signal.getsignal(signal.SIGTERM)
    for number in (signal.SIGTERM, signal.SIGHUP):
        with pytest.raises(KeyboardInterrupt), ended_by_signals():
            signal.raise_signal(number)
    assert signal.getsignal(signal.SIGTERM) == before


def test_children_may_be_started_from_a_thread_that_ends(tmp_path: Path) -> None:
    started: list[subprocess.Popen[bytes]] = []
    thread = Thread(
        target=lambda: started.append(start_child([sys.executable, "-c", "import time; time.sleep(60)"], cwd=tmp_path))
    )
    thread.start()
    thread.join()
    time.sleep(0.3)
    assert started[0].poll() is None
    assert stop_child(started[0]) == -signal.SIGTERM
