"""A reader who comes back after what the memory holds: the older part from the database, or a reset."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.settings import Settings
from reference.gazetteer import load_gazetteer
from reference.snapshot import Snapshot
from serving import hub as hub_module
from serving import unit_stream
from serving.access import Principal
from serving.database import Database
from serving.hub import Hub
from serving.live import Placed, decode
from serving.stream import Ring
from serving.unit_stream import UnitStreams
from sinks.columns import Columns
from sinks.ranges import OffsetRange, range_set
from sinks.tables import ARRIVALS
from sinks.writer import Entry, RangeWriter
from tests.clickhouse_kit import database_settings
from tests.serving_kit import as_raw, quiet
from tests.serving_stack import frames_of

UNIT = "411426101"
WHO = Principal("unit", "somebody", UNIT, "0" * 64)
SNAPSHOT = Snapshot.empty(load_gazetteer())
RECORDS = [quiet(n, UNIT if n % 3 else "411481100", minutes=n) for n in range(30)]
#: Messages until the backlog is out: head, opening, backlog.
_OPENED = 3
OWN = [n for n in range(30) if n % 3]


@pytest.fixture(scope="module")
def settings(clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = database_settings(clickhouse_server, tmp_path_factory.mktemp("backfill"))
    client = connect(made)
    writer = RangeWriter(lambda: client)
    raw = [(partition, offset, 0, value) for partition, offset, value in as_raw(RECORDS)]
    ranges = range_set("arrivals", "topic-1", [OffsetRange(0, 0, 24)])
    entry = Entry(ranges, {0: 25}, {0: 0})
    writer.begin([entry])
    writer.insert(ARRIVALS.inserts_into, Columns(ARRIVALS).batch(raw[:25]), ranges.token)
    writer.finish([entry])
    client.disconnect()
    return made


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    made = Database(settings)
    yield made
    made.close()


def numbers(frames: list[dict[str, str]]) -> list[int]:
    return [int(orjson.loads(f["data"])["event_id"][-12:], 16) for f in frames if f.get("event") == "arrival"]


async def opened(database: Database, capacity: int, after: str | None, read: int = 30) -> list[dict[str, str]]:
    """The frames of a stream until it is told to end, over a ring that remembers `capacity` of the first `read` records."""
    hub = Hub(Metrics())
    hub.begin(Ring(capacity, {0: -1}))
    fresh = [decode(Placed(p, o, v), SNAPSHOT) for p, o, v in as_raw(RECORDS)]
    known = [event for event in fresh if event is not None]
    await hub.publish(known[:read])
    opening = asyncio.ensure_future(UnitStreams(hub, database, lambda: SNAPSHOT).open(UNIT, WHO, after))
    await asyncio.sleep(0)
    await hub.publish(known[read:])
    response = await opening
    sent: list[dict[str, Any]] = []
    enough = asyncio.Event()

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == _OPENED:
            enough.set()

    async def receive() -> Any:
        await asyncio.sleep(3600)

    serving = asyncio.ensure_future(response({"type": "http"}, receive, send))
    await enough.wait()
    hub.close()
    await serving
    return frames_of(b"".join(message.get("body", b"") for message in sent))


@pytest.mark.parametrize("after", [-1, 0, 5, 16, 19, 20, 24, 29])
@pytest.mark.parametrize("read", [30, 27])
def test_backfill_memory_and_live_join_without_a_seam(database: Database, after: int, read: int) -> None:
    frames = asyncio.run(opened(database, 12, f"0:{after}", read))
    assert numbers(frames) == [n for n in OWN if n > after]
    ids = [int(f["id"].removeprefix("0:")) for f in frames if "id" in f]
    assert ids == sorted(ids)
    assert frames[-1]["event"] == "farewell"


def test_what_the_database_does_not_hold_yet_is_no_basis(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ring has forgotten everything but the last two, and only 0 to 24 are stored: 25 to 27 can be had nowhere yet."""
    monkeypatch.setattr(unit_stream, "_WAIT_SECONDS", 0.001)
    frames = asyncio.run(opened(database, 2, "0:20"))
    assert [f["event"] for f in frames if "event" in f] == ["reset", "arrival", "arrival", "farewell"]
    assert numbers(frames) == [28, 29]


def test_too_much_to_catch_up_with_is_a_reset(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_stream, "MOST_BACKFILLED", 3)
    frames = asyncio.run(opened(database, 12, "0:-1"))
    assert frames[1]["event"] == "reset"
    assert numbers(frames) == [n for n in OWN if n > 24], "what the list may not hold yet"


def test_a_first_visit_gets_what_the_list_may_not_hold_yet(database: Database) -> None:
    frames = asyncio.run(opened(database, 12, None))
    assert frames[1]["event"] == "start"
    assert numbers(frames) == [n for n in OWN if n > 24]


def test_a_slow_reader_is_closed_and_the_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "BUFFER_BYTES", 5_000)
    metrics = Metrics()

    async def run() -> tuple[Any, Any, bytes]:
        hub = Hub(metrics)
        hub.begin(Ring(100, {0: -1}))
        slow, quick = hub.join(UNIT, WHO), hub.join(UNIT, WHO)
        got = b""
        for p, o, v in as_raw(RECORDS):
            event = decode(Placed(p, o, v), SNAPSHOT)
            assert event is not None
            await hub.publish([event])
            got += await quick.take(0)
        assert await slow.take(0) == b"", "what was queued is dropped: the reader comes back with its last id"
        return slow, quick, got

    slow, quick, got = asyncio.run(run())
    assert (slow.closed, quick.closed) == ("slow", None)
    assert numbers(frames_of(got)) == OWN
    assert "arrivals_api_streams_dropped_total 1.0" in metrics.exposition().decode()
