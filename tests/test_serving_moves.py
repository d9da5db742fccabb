"""Moves of duties on the streams: who is told, the same from the topic and from the database, joined without a seam."""

from __future__ import annotations

import asyncio
import random
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
from serving import unit_stream
from serving.access import Principal
from serving.database import Database
from serving.duties.changes import event_of
from serving.hub import Hub
from serving.live import Placed, decode_move
from serving.moves import move_of, moves_sql, told_move, units_told
from serving.positions import ACTIONS, decode, encode
from serving.stream import Ring
from serving.unit_stream import UnitStreams
from sinks.columns import Columns
from sinks.ranges import OffsetRange, range_set
from sinks.tables import UNIT_ACTIONS
from sinks.writer import Entry, RangeWriter
from tests.clickhouse_kit import database_settings
from tests.duties_kit import ABROAD, CITY, CLERK, COUNTY, FAR, SISTER, SISTER_CLERK, TOWN, VILLAGE, after, do, new_duty
from tests.serving_stack import frames_of

SNAPSHOT = Snapshot.empty(load_gazetteer())
UNITS = (VILLAGE, SISTER, FAR, ABROAD, TOWN, COUNTY, CITY, f"{VILLAGE}-01", "411481")
READERS = (*UNITS, FAR[:9], f"{COUNTY}-health", "411481-health", f"{CITY}-health", "411426104299")


def record(number: int, unit: str, before: str | None, offset: int) -> Any:
    """A record of the topic: a move when there was another unit before, a task when it was the same, else another change."""
    offered = after(new_duty(number=number), CLERK, {"action": "transfer", "to": SISTER})
    event = event_of(do(offered, SISTER_CLERK, "accept", 2))
    action = "note" if before is None else "accept"
    if before == unit:
        action, before = "traced", None
    risk = "high" if number % 2 else "medium"
    changed = event.model_copy(
        update={"risk": risk, "unit": unit, "unit_before": before, "duty_version": 3 + offset, "action": action}
    )
    return Placed(0, offset, changed.model_dump_json().encode())


def some(count: int, seed: int) -> list[Any]:
    chance = random.Random(seed)
    made = []
    for offset in range(count):
        unit, before = chance.sample(UNITS, 2)
        before = unit if chance.random() < 0.2 else before
        made.append(record(offset + 1, unit, before if chance.random() < 0.7 else None, offset))
    return made


RECORDS = some(40, 3)


def told(reader: str, position: int = -1) -> list[int]:
    """Offsets of the moves a reader is told of after a position."""
    found = []
    for one in RECORDS:
        move = move_of(one.value)
        if move is not None and reader in units_told(move) and one.offset > position:
            found.append(one.offset)
    return found


@pytest.fixture(scope="module")
def settings(clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The first 30 records are stored."""
    made = database_settings(clickhouse_server, tmp_path_factory.mktemp("moves"))
    client = connect(made)
    writer = RangeWriter(lambda: client)
    batch = Columns(UNIT_ACTIONS).batch([(0, one.offset, 0, one.value) for one in RECORDS[:30]])
    assert not batch.poison
    ranges = range_set("unit-actions", "topic-1", [OffsetRange(0, 0, 29)])
    entry = Entry(ranges, {0: 30}, {0: 0})
    writer.begin([entry])
    writer.insert(UNIT_ACTIONS.inserts_into, batch, ranges.token)
    writer.finish([entry])
    client.disconnect()
    return made


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    made = Database(settings)
    yield made
    made.close()


@pytest.mark.parametrize("reader", READERS)
def test_the_database_tells_whom_the_stream_tells_in_the_same_words(database: Database, reader: str) -> None:
    rows = database.ask_now(*moves_sql(reader, {ACTIONS: 4}, {0: 9_999, ACTIONS: 29}, 100)).records()
    assert [row["kafka_offset"] for row in rows] == [offset for offset in told(reader, 4) if offset < 30]
    for row in rows:
        live = decode_move(RECORDS[row["kafka_offset"]], SNAPSHOT)
        assert live is not None
        assert orjson.loads(live.body) == orjson.loads(orjson.dumps(told_move(row, SNAPSHOT)))
        assert row["partition"] == live.partition == ACTIONS


def test_nothing_of_the_person_is_in_a_move_and_other_changes_only_move_the_position() -> None:
    live = decode_move(record(1, SISTER, VILLAGE, 7), SNAPSHOT)
    assert live is not None
    assert set(orjson.loads(live.body)) == {
        *("event_id", "duty_version", "action", "unit", "unit_name", "unit_before", "unit_before_name", "state", "risk"),
        *("recorded_at", "due_at"),
    }
    other = decode_move(record(1, SISTER, None, 8), SNAPSHOT)
    assert other is not None
    assert (other.units, other.partition, other.offset) == (frozenset(), ACTIONS, 8)
    ring = Ring(10, {ACTIONS: 6})
    assert (ring.append(live) is not None, ring.append(other)) == (True, None)
    assert ring.position == {ACTIONS: 8}
    assert decode_move(Placed(partition=0, offset=1, value=b'{"unit_before":"x'), SNAPSHOT) is None


async def opened(database: Database, reader: str, capacity: int, after: str, read: int) -> list[dict[str, str]]:
    """The frames of a stream until it is told to end, over a ring that remembers `capacity` moves of the first `read` records."""
    hub = Hub(Metrics())
    hub.begin(Ring(capacity, {0: -1, ACTIONS: -1}))
    known = [event for one in RECORDS if (event := decode_move(one, SNAPSHOT)) is not None]
    await hub.publish(known[:read])
    who = Principal("unit", "somebody", reader, "0" * 64)
    response = await UnitStreams(hub, database, lambda: SNAPSHOT).open(reader, who, after)
    await hub.publish(known[read:])
    sent: list[dict[str, Any]] = []
    enough = asyncio.Event()

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == 3:
            enough.set()

    async def receive() -> Any:
        await asyncio.sleep(3600)

    serving = asyncio.ensure_future(response({"type": "http"}, receive, send))
    await enough.wait()
    hub.close()
    await serving
    return frames_of(b"".join(message.get("body", b"") for message in sent))


@pytest.mark.parametrize("reader", [VILLAGE, COUNTY, FAR])
@pytest.mark.parametrize("position", [-1, 3, 17, 25, 31, 39])
@pytest.mark.parametrize("read", [40, 33])
def test_database_memory_and_live_join_without_a_gap_or_a_double(
    database: Database, reader: str, position: int, read: int
) -> None:
    position = min(position, read - 1)
    frames = asyncio.run(opened(database, reader, 10, encode({0: -1, ACTIONS: position}), read))
    moves = [orjson.loads(frame["data"]) for frame in frames if frame.get("event") in ("moved", "task")]
    assert [move["duty_version"] - 3 for move in moves] == told(reader, position)
    ids = [decode(frame["id"])[ACTIONS] for frame in frames if "id" in frame]
    assert ids == sorted(ids)
    assert [frame["event"] for frame in frames if frame.get("event") in ("reset", "start")] == []


def test_a_position_of_before_the_moves_begins_with_all_of_them(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = asyncio.run(opened(database, COUNTY, 10, "0:-1", 40))
    assert len([frame for frame in frames if frame.get("event") in ("moved", "task")]) == len(told(COUNTY))
    monkeypatch.setattr(unit_stream, "MOST_BACKFILLED", 3)
    frames = asyncio.run(opened(database, COUNTY, 10, "0:-1", 40))
    assert "reset" in [frame.get("event") for frame in frames]
