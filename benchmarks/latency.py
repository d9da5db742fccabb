"""P6 and P7: from POST to the unit's SSE event, and from POST to the row in `v_arrivals`, at a steady rate.

Starts the whole embedded stack in a temporary folder and uses its own doors: the gateway, the API's stream, ClickHouse. Scans are
posted one by one, open-loop; all clocks are this machine's monotonic one.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console

from arrivals.demo.day import all_tokens
from arrivals.demo.stack import embedded_stack
from arrivals.embedded.ports import free_port
from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.settings import Settings
from benchmarks.http_load import request
from benchmarks.steady_load import Steady, post_steadily
from reference.gazetteer import Gazetteer, load_gazetteer
from schemas.base import LOCAL, format_instant
from schemas.event_ids import uuid7

_EVENT = re.compile(rb'"event_id":\s*"([0-9a-f-]{36})"')
#: All scans go to one county, whose stream is watched: the most that one subscriber can get.
COUNTY, SITE = "411426", "CP-411402-01"
#: Scans of the first seconds warm the parts up and are not counted: Kafka's compiler works for half a minute.
_WARM_SECONDS = 45
#: How often the table is asked. A question costs the server as much as storing ten scans; asking seldom makes what is seen look
#: later, never sooner.
_WATCH_SECONDS = 0.25
_PATIENCE_SECONDS = 30.0
_TEXT_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Run:
    """Where to post, and as whom to watch."""

    settings: Settings
    device_token: str
    county_token: str


def run(*, peers: bool = False, rate: int = 500, seconds: int = 30) -> dict[str, Any]:
    """Latencies at `rate` scans per second over `seconds`. There are no peers; the argument is there for the runner."""
    del peers
    with tempfile.TemporaryDirectory(prefix="bench-latency-") as folder, _stack(Path(folder)) as bench:
        requests, ids = _requests(bench.device_token, rate * (seconds + _WARM_SECONDS))
        with _watched_table(bench.settings) as table:
            posted, streamed, load = uvloop.run(_measure(bench, requests, ids, rate))
            stored = table(set(ids))
    counted = ids[rate * _WARM_SECONDS :]
    return {
        "rate_per_second": rate,
        "answers": {str(status): number for status, number in load.statuses.items()},
        "posts_left_late_ms_p99": _share(sorted(load.late_ms), 0.99),
        "post_to_answer": _figures(counted, posted, {ids[number]: at for number, at in load.answered.items()}),
        "post_to_sse": _figures(counted, posted, streamed),
        "post_to_table": _figures(counted, posted, stored),
    }


@contextmanager
def _stack(folder: Path) -> Iterator[Run]:
    settings = Settings(
        data_dir=folder,
        kafka_bootstrap=f"127.0.0.1:{free_port()}",
        clickhouse_port=free_port(),
        clickhouse_http_port=free_port(),
        gateway_port=free_port(),
        api_port=free_port(),
        router_metrics_port=free_port(),
        sink_metrics_port=free_port(),
        notify_metrics_port=free_port(),
        desk_metrics_port=free_port(),
    )
    with embedded_stack(settings, Console(stderr=True, highlight=False)):
        tokens = all_tokens(settings)
        yield Run(settings, tokens[f"device:{SITE}"], tokens[f"county:{COUNTY}"])


def _requests(token: str, count: int) -> tuple[list[bytes], list[str]]:
    """Single posts and their event ids; the documents are synthetic."""
    source, gazetteer = random.Random(11), load_gazetteer()
    villages = [code for code in gazetteer.areas if code.startswith(COUNTY) and len(code) == len("411426001001")]
    now = datetime.now(LOCAL)
    scans = [_scan(source, gazetteer, villages, now, number) for number in range(count)]
    return [request(token, json.dumps(scan).encode()) for scan in scans], [scan["event_id"] for scan in scans]


def _scan(source: random.Random, gazetteer: Gazetteer, villages: Sequence[str], now: datetime, number: int) -> dict[str, Any]:
    village = source.choice(villages)
    texts = "".join(gazetteer.areas[village[:size]].name for size in (6, 9, 12))
    return {
        "version": 1,
        "kind": "checkpoint",
        "event_id": uuid7(int(now.timestamp() * 1000), source.randbytes(10)),
        "site_id": SITE,
        "sequence": number,
        "occurred_at": format_instant(now),
        "person": {"name": "测试", "document_type": "passport", "document_number": f"E{source.randrange(10**8):08d}"},
        "origin": {"code": "420100"},
        "destination": {"text": texts} if source.random() < _TEXT_SHARE else {"code": village},
        "temperature_c": 36.5,
    }


async def _measure(
    bench: Run, requests: Sequence[bytes], ids: Sequence[str], rate: int
) -> tuple[dict[str, float], dict[str, float], Steady]:
    posted: dict[str, float] = {}
    streamed: dict[str, float] = {}

    def sent(number: int) -> None:
        posted[ids[number]] = time.perf_counter()

    watching = asyncio.create_task(_watch_stream(bench, len(ids), streamed))
    await asyncio.sleep(1)
    load = await post_steadily(bench.settings.gateway_port, requests, rate, sent)
    with suppress(TimeoutError):
        await asyncio.wait_for(watching, _PATIENCE_SECONDS)
    return posted, streamed, load


async def _watch_stream(bench: Run, wanted: int, seen: dict[str, float]) -> None:
    """Notes the moment at which each event's line is here, until all are."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.settings.api_port, limit=1 << 20)
    head = f"GET /v1/units/{COUNTY}/stream HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {bench.county_token}\r\n"
    writer.write(f"{head}Accept: text/event-stream\r\n\r\n".encode())
    if b" 200 " not in await reader.readline():
        raise RuntimeError("the API refused the stream")
    while len(seen) < wanted and (line := await reader.readline()):
        now = time.perf_counter()
        for found in _EVENT.findall(line):
            seen.setdefault(found.decode(), now)
    writer.close()


@contextmanager
def _watched_table(settings: Settings) -> Iterator[Any]:
    """Watches the view from a process of its own; yields a function that waits for ids and returns when each was seen."""
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    watcher = context.Process(target=_watch_table, args=(settings.model_dump_json(), stop, results))
    watcher.start()

    def collected(wanted: set[str]) -> dict[str, float]:
        client, deadline = connect(settings), time.monotonic() + _PATIENCE_SECONDS
        while client.execute("SELECT count() FROM v_arrivals")[0][0] < len(wanted) and time.monotonic() < deadline:
            time.sleep(0.1)
        client.disconnect()
        time.sleep(0.5)
        stop.set()
        found: dict[str, float] = results.get()
        return found

    try:
        yield collected
    finally:
        stop.set()
        watcher.join()


def _watch_table(settings: str, stop: Event, results: Queue[dict[str, float]]) -> None:
    """Asks the view, as an analyst would, for what arrived in the last seconds; the question's own time counts."""
    client = connect(Settings.model_validate_json(settings))
    seen: dict[str, float] = {}
    sql = "SELECT toString(event_id) FROM v_arrivals WHERE received_at >= %(since)s"
    while not stop.is_set():
        since = datetime.now(LOCAL) - timedelta(seconds=5)
        rows = client.execute(sql, {"since": since.replace(microsecond=0)})
        now = time.perf_counter()
        for (event_id,) in rows:
            seen.setdefault(event_id, now)
        time.sleep(_WATCH_SECONDS)
    client.disconnect()
    results.put(seen)


def _figures(ids: Sequence[str], posted: Mapping[str, float], seen: Mapping[str, float]) -> dict[str, float | int]:
    """Milliseconds at the usual shares, and how many were never seen."""
    waits = sorted((seen[event_id] - posted[event_id]) * 1000 for event_id in ids if event_id in seen)
    missing = len(ids) - len(waits)
    if not waits:
        return {"seen": 0, "never_seen": missing}
    shares = {f"p{percent}_ms": _share(waits, percent / 100) for percent in (50, 95, 99)}
    return {"seen": len(waits), "never_seen": missing, **shares, "worst_ms": round(waits[-1], 1)}


def _share(ordered: Sequence[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)
