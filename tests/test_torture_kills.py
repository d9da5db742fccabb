"""The whole stack under a sample day while its parts are killed at random moments: nothing lost, nothing twice."""

from __future__ import annotations

import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from random import Random
from time import sleep

import pytest
from rich.console import Console

from arrivals.demo.day import play_day
from arrivals.demo.stack import embedded_stack
from arrivals.demo.story import wait_until_settled
from arrivals.embedded.ports import free_port
from arrivals.embedded.supervisor import Supervisor
from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.settings import Settings

PARTS = ("gateway", "router", "sink", "kafka", "clickhouse")
KILLS = int(os.environ.get("TORTURE_KILLS", "20"))
PEOPLE = int(os.environ.get("TORTURE_PEOPLE", "20000"))
RATE = 500


def free_settings(folder: Path) -> Settings:
    """Settings of an embedded stack on free ports."""
    return Settings(
        data_dir=folder,
        kafka_bootstrap=f"127.0.0.1:{free_port()}",
        clickhouse_port=free_port(),
        clickhouse_http_port=free_port(),
        gateway_port=free_port(),
        api_port=free_port(),
        router_metrics_port=free_port(),
        sink_metrics_port=free_port(),
        reflag_metrics_port=free_port(),
        notify_metrics_port=free_port(),
        desk_metrics_port=free_port(),
        simulated_clock=True,
    )


def kill_one(supervisor: Supervisor, name: str) -> None:
    """Kills a part and waits until the supervisor has started it again; one that is down already is waited for first."""
    while True:
        before = supervisor.restarts()[name]
        try:
            os.kill(supervisor.pid(name), signal.SIGKILL)
        except ProcessLookupError:
            sleep(0.2)
            continue
        while supervisor.restarts()[name] == before:
            sleep(0.2)
        return


@pytest.mark.torture
@pytest.mark.timeout(3_000)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # kafka-python: sockets of refused connections
def test_parts_killed_twenty_times_during_a_day_lose_and_repeat_nothing(tmp_path: Path) -> None:
    seed = int(os.environ.get("TORTURE_SEED", "1"))
    settings, random = free_settings(tmp_path), Random(seed)
    with embedded_stack(settings, Console(stderr=True)) as supervisor, ThreadPoolExecutor(1) as pool:
        day = pool.submit(play_day, settings, day=date(2020, 2, 18), rate=RATE, people=PEOPLE, seed=seed, history=None)
        killed: Counter[str] = Counter()
        for number in range(KILLS):
            sleep(random.uniform(0.5, 4.0))
            name = PARTS[number % len(PARTS)]
            kill_one(supervisor, name)
            killed[name] += 1
        summary = day.result(1_500)
        report = wait_until_settled(settings, 300, lambda _: None)
        client = connect(settings)
        rows, ids = client.execute("SELECT count(), uniqExact(event_id) FROM v_arrivals")[0]
        client.disconnect()
    print(f"seed {seed}, killed {dict(killed)}, {summary.as_dict()['http_errors']}, {report}")
    assert sum(killed.values()) == KILLS
    assert summary.unconfirmed == 0
    assert (report.missing, report.extra) == (0, 0)
    assert rows == ids == report.accepted - report.dead
