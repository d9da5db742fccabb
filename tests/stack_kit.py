"""The whole embedded stack after a small sample day, as the demonstration leaves it, to be looked at from outside."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from rich.console import Console

from arrivals.demo.day import all_tokens, play_day
from arrivals.demo.stack import embedded_stack
from arrivals.demo.story import wait_until_settled
from arrivals.embedded.ports import free_port
from arrivals.runtime.settings import Settings

DAY = date(2020, 2, 18)


class Day:
    """The running stack, what was posted to it, and its reconciliation when all was stored."""

    def __init__(self, settings: Settings, posted: dict[str, Any], audit: Any) -> None:
        self.settings, self.posted, self.audit = settings, posted, audit
        self.tokens = all_tokens(settings)

    def get(self, path: str, token: str) -> tuple[int, Any]:
        """Status and JSON of a GET at the API with the token of that name."""
        connection = HTTPConnection("127.0.0.1", self.settings.api_port, timeout=20)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.tokens[token]}"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


def stack_settings(folder: Path, **more: Any) -> Settings:
    """Settings of an embedded stack in `folder`, on free ports."""
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
        **more,
    )


@contextmanager
def sample_day(folder: Path, people: int = 400) -> Iterator[Day]:
    """Starts everything on free ports in `folder`, plays the day and waits until it is stored; stops everything at the end."""
    settings = stack_settings(folder, simulated_clock=True)
    with embedded_stack(settings, Console(file=io.StringIO())):
        posted = play_day(settings, day=DAY, rate=200, people=people, seed=7, history=None)
        yield Day(settings, posted.as_dict(), wait_until_settled(settings, 60, lambda _: None))
