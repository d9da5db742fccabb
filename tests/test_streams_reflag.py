"""Re-flagging on the real servers: who was decided without a row is decided again, once, whatever was killed in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import orjson
import pytest
import structlog

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.runtime.kafka_clients import Record
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.reference_writer import append
from reference.history import ReferenceHistory
from reference.rows import row_of
from schemas.errors import Unavailable
from schemas.event_ids import uuid7
from schemas.reference_rows import ReferenceRow
from sinks.run_sink import build_sink
from streams.affected import reach_of
from streams.deciding import Targets, opener, outputs_of
from streams.process import Decided, process
from streams.reflag import Reflag
from streams.reflag_positions import read_status
from streams.run_reflag import build_reflag
from streams.stored_arrivals import StoredArrivals
from tests.rules_kit import HUBEI, PASSES, PLATE, SITE, gazetteer, scan
from tests.sinks_kit import Stand
from tests.streams_kit import until

DAY = "2020-02-18"
WUHAN = {"area": "4201", "grade": "low", "valid_from": f"{DAY}T00:00:00+08:00", "known_from": f"{DAY}T10:00:00+08:00"}


def row(kind: str, values: dict[str, Any]) -> ReferenceRow:
    return row_of(kind, dict(values), gazetteer().known)


class Town:
    """A sink at work, and scans decided as a router would under the rows it knows."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.settings = stand.settings
        self.history = ReferenceHistory(gazetteer())
        self.keys = KeyStore.open(stand.settings.keys_file or Path(), create=False)
        self.scans: dict[str, bytes] = {}

    def know(self, *rows: ReferenceRow) -> int:
        """Appends rows; the version of the last one."""
        self.history.add(list(zip(append(self.settings, rows), rows, strict=True)))
        return self.history.version

    def arrive(self, count: int, version: int | None = None, **changes: Any) -> list[str]:
        """Scans decided under a version, by default the newest; their ids."""
        snapshot, records, ids = self.history.at(self.history.version if version is None else version), [], []
        for _ in range(count):
            ids.append(uuid7(1_582_000_000_000, len(self.scans).to_bytes(10, "big")))
            raw = self.scans[ids[-1]] = self._scan(ids[-1], changes)
            outcome = process(raw, snapshot, opener(self.keys))
            assert isinstance(outcome, Decided)
            for topic, key, value, _ in outputs_of(outcome, Targets.of(self.settings)):
                records.append(Record(topic, key, value))
        self.stand.publisher.publish(records)
        return ids

    def _scan(self, event_id: str, changes: dict[str, Any]) -> bytes:
        value = json.loads(scan(**changes)) | {"event_id": event_id}
        if value["destination_code"] is None:
            text = json.dumps({"destination": "河南省商丘市夏邑县火店镇火店村"}).encode()
            address = self.keys.seal_for_writing(DAY, "address").close(text, event_id, b"%012d" % len(self.scans))
            value["sealed"] |= {"key_id": DAY, "address": address}
        return orjson.dumps(value)

    def versions(self) -> dict[str, list[tuple[int, str]]]:
        """Of every event the versions as the sink stored them: (revision, cause)."""
        found: dict[str, list[tuple[int, str]]] = {}
        for event_id, revision, cause in self.stand.ask(
            "SELECT event_id, revision, cause FROM v_arrival_history ORDER BY event_id, revision"
        ):
            found.setdefault(str(event_id), []).append((revision, cause))
        return found

    def on_topic(self, name: str = "arrivals") -> list[dict[str, Any]]:
        """Every record of a topic."""
        from sinks.log_reader import LogReader
        from sinks.ranges import OffsetRange, range_set

        reader = LogReader(self.settings)
        bounds = reader.bounds(name, reader.partitions(name))
        spans = [OffsetRange(p, first, end - 1) for p, (first, end) in bounds.items() if end > first]
        values = [orjson.loads(value or b"") for _, _, _, value in reader.read(range_set(name, "", spans))] if spans else []
        reader.close()
        return values


@pytest.fixture
def town(kafka_server: KafkaServer, clickhouse_server: ClickHouseServer, tmp_path: Path, topic_prefix: str) -> Iterator[Town]:
    stand = Stand(kafka_server, clickhouse_server, tmp_path, topic_prefix)
    stop = Event()
    sink, _ = build_sink(stand.settings, stand.metrics, stop)
    working = Thread(target=sink.run)
    working.start()
    made = Town(stand)
    made.know(row(*SITE), row(*HUBEI), *(row(*one) for one in PASSES))
    yield made
    stop.set()
    working.join(30)
    stand.close()


@contextmanager
def reflag(town: Town, metrics: Metrics | None = None) -> Iterator[Reflag]:
    with ExitStack() as closing:
        part, _ = build_reflag(town.settings, metrics or Metrics(), structlog.stdlib.get_logger("test"), closing)
        part.begin()
        yield part


def work(part: Reflag, town: Town) -> None:
    """Steps until every row known to the town is worked on and the tail of `arrivals` was read."""

    turn_until(part, lambda: read_status(town.settings).next_version > town.history.version)
    for _ in range(3):
        part.step(Event())


def turn_until(part: Reflag, true: Callable[[], bool], stop: Event | None = None) -> None:
    def turn() -> bool:
        part.step(stop or Event())
        return true()

    until(turn)


def test_a_grade_known_late_changes_those_it_reaches_and_nobody_else(town: Town) -> None:
    base = town.history.version
    coded, written = town.arrive(3), town.arrive(3, destination_code=None)
    other = town.arrive(2, origin_code="440300")
    later = town.arrive(1, at="2020-02-17")
    version = town.know(row("grade", WUHAN))
    with reflag(town) as part:
        work(part, town)
        until(lambda: len(town.versions()) == 9 and sum(map(len, town.versions().values())) == 9 + 6)
    versions = town.versions()
    assert all(versions[i] == [(base, "scan"), (version, "reference")] for i in (*coded, *written))
    assert all(versions[i] == [(base, "scan")] for i in (*other, *later))
    again = [a for a in town.on_topic() if a["revision"] == version]
    assert {a["recorded_at"] for a in again} == {f"{DAY}T10:00:00.000+08:00"}
    grade = town.history.row(version)
    assert grade is not None
    for arrival in again:  # byte for byte what the scan itself gives under that row
        told = process(town.scans[arrival["event_id"]], town.history.at(version), opener(town.keys))
        assert isinstance(told, Decided)
        assert orjson.loads(told.arrival.value) | {"cause": "reference", "recorded_at": arrival["recorded_at"]} == arrival


def test_what_became_of_an_area_reaches_those_who_went_there_and_those_from_there(town: Town) -> None:
    day = {"valid_from": "2020-02-18T00:00:00+08:00"}
    moved = town.arrive(2, origin_code="310101", destination_code="411426101201")
    from_there, others = town.arrive(2, origin_code="420106"), town.arrive(2, origin_code="310101")
    town.know(row("succession", {"unit": "411426101201", "successors": ["411426101202"]} | day))
    town.know(row("succession", {"unit": "420106", "successors": ["420102"]} | day))
    town.know(row("grade", {"area": "420102", "grade": "medium"} | day))
    with reflag(town) as part:
        work(part, town)
        until(lambda: sum(map(len, town.versions().values())) == 6 + 4)
    versions = town.versions()
    assert {name: [cause for _, cause in versions[name]] for name in versions} == {
        **{key: ["scan", "reference"] for key in [*moved, *from_there]},
        **{key: ["scan"] for key in others},
    }
    # a version for another unit lies in another partition
    last = {arrival["event_id"]: arrival for arrival in sorted(town.on_topic(), key=lambda arrival: int(arrival["revision"]))}
    assert {last[name]["unit"] for name in moved} == {"411426101202"}
    assert {last[name]["risk"] for name in from_there} == {"medium"}


def test_killed_in_the_middle_and_resumed_tells_nobody_twice(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.stored_arrivals.CHUNK", 10)
    town.arrive(60)
    version = town.know(row("grade", WUHAN | {"grade": "medium"}))
    with reflag(town) as part:
        original = part._told

        def dies(progress: Any) -> None:
            original(progress)
            if progress.done >= 30:
                raise RuntimeError

        monkeypatch.setattr(part, "_told", dies)
        with pytest.raises(RuntimeError):
            work(part, town)
    half = sum(a["revision"] == version for a in town.on_topic())
    assert 0 < half < 60
    assert read_status(town.settings).next_version <= version
    with reflag(town) as part:
        work(part, town)
    seen = [(a["event_id"], a["revision"]) for a in town.on_topic()]
    assert len(seen) == len(set(seen)) == 120
    alerts = [a["alert_id"] for a in town.on_topic("alerts")]
    assert len(alerts) == len(set(alerts)) == 60
    status = read_status(town.settings)
    assert (status.waiting, status.last and status.last["total"]) == (0, 60 - half)


def test_an_arrival_decided_without_a_row_already_worked_on_is_mended(town: Town) -> None:
    base = town.history.version
    version = town.know(row("grade", WUHAN))
    with reflag(town) as part:
        work(part, town)
        stale = town.arrive(2, version=base)
        fresh = town.arrive(1)
        turn_until(part, lambda: sum(map(len, town.versions().values())) == 5)
    versions = town.versions()
    assert all(versions[i] == [(base, "scan"), (version, "reference")] for i in stale)
    assert versions[fresh[0]] == [(version, "scan")]


def test_a_pass_used_for_a_second_trip_is_flagged_also_when_scanned_first(town: Town) -> None:
    def shown(at: str) -> str:
        return town.arrive(1, at=f"{at}.000+08:00", vehicle={"pass_id": "A-1", "key": PLATE})[0]

    first = shown("2020-02-05T08:00:00")
    second = shown("2020-02-09T08:00:00")
    with reflag(town) as part:
        turn_until(part, lambda: len(town.versions().get(second, ())) == 2)
    latest = {str(i): state for i, state in town.stand.ask("SELECT event_id, findings FROM v_arrivals")}
    assert '"pass_state":"misused"' in latest[second].replace(" ", "")
    assert '"misused"' not in latest[first]


def test_the_service_stops_when_told_so_in_the_middle(town: Town) -> None:
    town.arrive(5)
    town.know(row("grade", WUHAN))
    stop = Event()
    stop.set()
    with reflag(town) as part, pytest.raises(Unavailable, match="Stopped"):
        turn_until(part, lambda: False, stop)


def test_what_lies_behind_the_offsets_worked_on_is_left_to_the_follower(town: Town) -> None:
    ids = town.arrive(4)
    grade = row("grade", WUHAN)
    version = town.know(grade)
    reach = reach_of(grade, town.history.at(version))
    assert reach is not None
    stored = StoredArrivals(town.settings)
    until(lambda: sum(last + 1 for last in stored.position().values()) == 4)
    everything = stored.position()
    found = [arrival["event_id"] for chunk in stored.select(reach, version, everything) for arrival in chunk]
    assert sorted(found) == sorted(ids)
    assert stored.count(reach, version) == 4
    assert list(stored.select(reach, version, dict.fromkeys(everything, -1))) == []
    first = dict.fromkeys(everything, 0)
    assert sum(map(len, stored.select(reach, version, first))) == len(everything)
    stored.close()
