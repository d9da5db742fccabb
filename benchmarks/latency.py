"""P6 and P7: from POST to the unit's SSE event, and from POST to the row in `v_arrivals`, at a steady rate.

Runs against a running stack over its own doors: the gateway, the API's stream and ClickHouse. Scans are posted open-loop (a late
answer does not slow the next post); both clocks are this process's, so no clocks are compared.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Event, Lock, Thread
from typing import Any

from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.settings import Settings, load_settings
from schemas.base import LOCAL, format_instant
from schemas.event_ids import uuid7

_EVENT = re.compile(rb'"event_id":\s*"([0-9a-f-]{36})"')
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Doors:
    """Where to post and to look. `unit` is the code that `unit_token` may see and `destination_code` routes to."""

    gateway_url: str
    device_token: str
    site_id: str
    api_url: str
    unit_token: str
    unit: str
    destination_code: str

    @classmethod
    def from_environment(cls) -> Doors:
        """Reads `BENCH_<FIELD>` variables."""
        return cls(**{name: os.environ["BENCH_" + name.upper()] for name in cls.__dataclass_fields__})


class Stopwatch:
    """When each event was posted, and when it was seen at one door."""

    def __init__(self) -> None:
        self.posted: dict[str, float] = {}
        self.seen: dict[str, dict[str, float]] = {"sse": {}, "table": {}}
        self._lock = Lock()

    def post(self, event_id: str) -> None:
        """Notes the moment before the post is sent."""
        self.posted[event_id] = time.perf_counter()

    def see(self, door: str, event_ids: Sequence[str]) -> None:
        """Notes the first sight of our events."""
        now = time.perf_counter()
        with self._lock:
            for event_id in event_ids:
                if event_id in self.posted:
                    self.seen[door].setdefault(event_id, now)

    def figures(self, door: str) -> dict[str, float | int]:
        """Milliseconds at the usual shares, and how many were never seen."""
        waits = sorted((at - self.posted[event_id]) * 1000 for event_id, at in self.seen[door].items())
        if not waits:
            return {"seen": 0, "never_seen": len(self.posted)}
        share = lambda q: round(waits[min(len(waits) - 1, int(q * len(waits)))], 1)  # noqa: E731
        figures = {"p50_ms": share(0.5), "p95_ms": share(0.95), "p99_ms": share(0.99), "worst_ms": round(waits[-1], 1)}
        return {"seen": len(waits), "never_seen": len(self.posted) - len(waits)} | figures


def run(
    *, peers: bool = False, doors: Doors | None = None, settings: Settings | None = None, rate: int = 500, seconds: int = 20
) -> dict[str, Any]:
    """Latencies at `rate` scans per second over `seconds`. There are no peers; the argument is there for the runner."""
    del peers
    doors, settings = doors or Doors.from_environment(), settings or load_settings()
    watch, stop = Stopwatch(), Event()
    began_at = datetime.now(LOCAL)
    watchers = [
        Thread(target=_watch_stream, args=(doors, watch, stop), daemon=True),
        Thread(target=_watch_table, args=(settings, began_at, watch, stop), daemon=True),
    ]
    for thread in watchers:
        thread.start()
    time.sleep(1)
    refused = _post_steadily(doors, watch, rate, seconds)
    _wait(lambda: all(len(seen) == len(watch.posted) - refused for seen in watch.seen.values()), _PATIENCE_SECONDS)
    stop.set()
    return {
        "rate_per_second": rate,
        "posted": len(watch.posted),
        "refused": refused,
        "post_to_sse": watch.figures("sse"),
        "post_to_table": watch.figures("table"),
    }


def _post_steadily(doors: Doors, watch: Stopwatch, rate: int, seconds: int) -> int:
    """Posts `rate` single scans per second; returns how many were not accepted."""
    source = random.Random(11)
    began = time.perf_counter()
    with ThreadPoolExecutor(max_workers=64) as pool:
        answers = []
        for number in range(rate * seconds):
            time.sleep(max(0.0, began + number / rate - time.perf_counter()))
            answers.append(pool.submit(_post, doors, _scan(doors, source, number), watch))
        return sum(1 for answer in answers if not answer.result())


def _post(doors: Doors, scan: dict[str, Any], watch: Stopwatch) -> bool:
    request = urllib.request.Request(
        f"{doors.gateway_url}/v1/scans",
        json.dumps(scan).encode(),
        {"Authorization": f"Bearer {doors.device_token}", "Content-Type": "application/json"},
    )
    watch.post(scan["event_id"])
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bool(answer.status == 202 and b'"accepted"' in answer.read())
    except OSError:
        return False


def _scan(doors: Doors, source: random.Random, number: int) -> dict[str, Any]:
    now = datetime.now(LOCAL)
    person = {"name": "测试", "document_type": "passport", "document_number": f"E{source.randrange(10**8):08d}"}
    return {
        "version": 1,
        "kind": "checkpoint",
        "event_id": uuid7(int(now.timestamp() * 1000), source.randbytes(10)),
        "site_id": doors.site_id,
        "sequence": number,
        "occurred_at": format_instant(now),
        "person": person,
        "origin": {"code": "420100"},
        "destination": {"code": doors.destination_code},
        "temperature_c": 36.5,
    }


def _watch_stream(doors: Doors, watch: Stopwatch, stop: Event) -> None:
    request = urllib.request.Request(
        f"{doors.api_url}/v1/units/{doors.unit}/stream",
        headers={"Authorization": f"Bearer {doors.unit_token}", "Accept": "text/event-stream"},
    )
    with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS * 2) as stream:
        for line in stream:
            if stop.is_set():
                return
            if line.startswith(b"data:"):
                watch.see("sse", [found.decode() for found in _EVENT.findall(line)])


def _watch_table(settings: Settings, began_at: datetime, watch: Stopwatch, stop: Event) -> None:
    """Asks the view itself, as an analyst would, for what it did not show before; the question's own time counts."""
    client = connect(settings)
    shown: set[str] = set()
    sql = "SELECT toString(event_id) FROM v_arrivals WHERE received_at >= %(since)s"
    while not stop.is_set():
        fresh = {event_id for (event_id,) in client.execute(sql, {"since": began_at.replace(microsecond=0)})} - shown
        watch.see("table", sorted(fresh))
        shown |= fresh
        time.sleep(0.02)
    client.disconnect()


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def main() -> None:
    """Prints the figures as JSON; the doors come from `BENCH_*` variables, the rate from the first argument."""
    print(json.dumps(run(rate=int(sys.argv[1]) if len(sys.argv) > 1 else 500), indent=2))


if __name__ == "__main__":
    main()
