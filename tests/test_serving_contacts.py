"""Contacts over the real engine: what the keys find, before and after merges, corrections, and who may ask."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clickhouse_driver import Client

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.runtime.clickhouse_client import connect
from reference.gazetteer import load_gazetteer
from reference.snapshot import Snapshot
from schemas.reference_rows import Role
from schemas.seats import coach_number
from serving.access import EVERYONE, Principal, tracing_restriction
from serving.contact_search import COLUMNS
from serving.contact_ties import rules_in_force, ties_between, traveller
from serving.contacts import Contacts
from serving.database import Database
from sinks.columns import Columns, Raw
from sinks.migrate import load_migrations
from sinks.tables import ARRIVALS
from sinks.writer import RangeWriter
from tests.clickhouse_kit import database_settings
from tests.serving_kit import by_rail, event_id, feverish, quiet

OURS, THEIRS = "411426101201", "411481100"


class Store:
    """The product's schema with arrivals put in as the sink does."""

    def __init__(self, server: ClickHouseServer, folder: Path) -> None:
        self.settings = database_settings(server, folder)
        self.client: Client = connect(self.settings)
        self.database = Database(self.settings)
        snapshot = Snapshot.empty(load_gazetteer())
        self.contacts = Contacts(self.database, lambda: snapshot)

    def put(self, arrivals: list[dict[str, Any]], into: str = ARRIVALS.inserts_into) -> None:
        records: list[Raw] = [(0, n, 0, json.dumps(arrival).encode()) for n, arrival in enumerate(arrivals)]
        batch = Columns(ARRIVALS).batch(records)
        assert not batch.poison
        RangeWriter(lambda: self.client).insert(into, batch, random.randbytes(8).hex())

    def found(self, number: int, who: Principal | None = None) -> dict[str, Any] | None:
        return self.contacts.of(event_id(number), tracing_restriction(who) if who else EVERYONE)

    def joined(self, number: int) -> dict[int, tuple[str, ...]]:
        """Numbers of the contacts of an arrival with their rules."""
        told = self.found(number)
        assert told is not None
        return {int(c["event_id"][-12:], 16): tuple(tie["rule"] for tie in c["ties"]) for c in told["contacts"]}


def person(number: int) -> dict[str, Any]:
    return {"key": f"{number:032x}", "name_masked": "张*", "document_type": "resident_id", "document_last4": "0012"}


def rail(number: int, unit: str = OURS, minutes: float = 0, **leg: str | None) -> dict[str, Any]:
    at = {"train": "K1235", "train_pair": "K1234", "service_date": "2020-02-17", "coach": "05", "seat": "05A"}
    return by_rail(number, unit, minutes, person=person(number), rail=at | leg, party_id=None)


def road(number: int, unit: str = OURS, minutes: float = 0, vehicle: str = "0", **more: Any) -> dict[str, Any]:
    by = {"key": vehicle * 32, "region": "豫N", "role": "private", "seat": None, "pass_id": None}
    return quiet(number, unit, minutes, person=person(number), vehicle=by | more.pop("by", {}), **{"party_id": None, **more})


@pytest.fixture(scope="module")
def store(clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = Store(clickhouse_server, tmp_path_factory.mktemp("contacts"))
    made.put(
        [
            rail(1),
            rail(2, seat="07F", train="K1234"),  # the other number of the pair
            rail(3, THEIRS, coach="5车", seat="08C"),
            rail(4, coach="06"),
            rail(5, service_date="2020-02-18"),
            rail(6, coach=None, seat=None),
            rail(7, seat="05A") | {"person": person(1)},  # the same person, scanned again
            rail(8, seat="11A"),
            rail(8, seat="11A") | {"revision": 99_999, "cause": "reference", "risk": "high"},
            rail(9, seat="05B"),
            rail(9, coach="12") | {"revision": 99_999, "cause": "correction"},
            rail(10, coach="13"),
            rail(10, seat="05D") | {"revision": 99_999, "cause": "correction"},
            road(21, vehicle="a", party_id="p-1"),
            road(22, THEIRS, minutes=3, vehicle="a"),
            road(23, minutes=30, vehicle="b", party_id="p-1"),
            road(24, minutes=4.9, vehicle="c"),
            road(25, minutes=5.1, vehicle="d"),
            road(26, minutes=400, vehicle="a", site_id="CP-411402-02"),
            road(27, minutes=4, vehicle="e", site_id="CP-411402-02"),
            feverish(31, OURS, 600, person=person(31), party_id=None, vehicle=None),
        ]
    )
    yield made
    made.database.close()
    made.client.disconnect()


def test_fellow_passengers_of_a_train(store: Store) -> None:
    rows, coach = "train-rows", "train-sealed-coach"
    assert store.joined(1) == {2: (rows, coach), 3: (rows, coach), 10: (rows, coach), 8: (coach,), 6: ("train-coach-unknown",)}
    assert store.joined(3)[2] == (rows, coach)
    assert set(store.joined(6)) == {1, 2, 3, 4, 8, 9, 10}


def test_companions_on_the_road(store: Store) -> None:
    assert store.joined(21) == {
        22: ("vehicle", "vehicle-elsewhere", "checkpoint-minutes"),
        23: ("party",),
        26: ("vehicle-elsewhere",),
        24: ("checkpoint-minutes",),
    }


def test_merges_and_repeated_inserts_change_nothing(store: Store) -> None:
    before = {number: store.found(number) for number in (1, 6, 8, 21)}
    store.put([rail(2, seat="07F", train="K1234"), road(22, THEIRS, minutes=3, vehicle="a")])
    assert {number: store.found(number) for number in before} == before
    store.client.execute("OPTIMIZE TABLE contact_keys FINAL")
    assert {number: store.found(number) for number in before} == before


def test_the_newest_version_counts(store: Store) -> None:
    told = store.found(1)
    assert told is not None
    assert [c["risk"] for c in told["contacts"] if c["event_id"] == event_id(8)] == ["high"]
    assert store.joined(9) == {6: ("train-coach-unknown",)}
    assert 1 in store.joined(10)


def test_what_was_stored_before_the_migration_is_found_as_well(store: Store) -> None:
    before = store.client.execute("SELECT * EXCEPT revision FROM contact_keys FINAL ORDER BY key, slot, event_id")
    store.client.execute("TRUNCATE TABLE contact_keys")
    store.client.execute(
        next(m for m in load_migrations(store.settings.clickhouse_database) if m.name == "contacts").statements[-1]
    )
    after = store.client.execute("SELECT * EXCEPT revision FROM contact_keys FINAL ORDER BY key, slot, event_id")
    stale = [row for row in before if row not in after]
    assert {str(row[2]) for row in stale} <= {event_id(n) for n in (9, 10)}
    assert len(after) >= len(before) - len(stale) > 20


@pytest.mark.parametrize("coach", ["5", "05", "０５", "5车", "加1", "加 12", "餐车", "", "A7", "0"])
def test_the_feed_and_the_question_number_a_carriage_alike(store: Store, coach: str) -> None:
    number = 900 + len(coach) + sum(map(ord, coach)) % 97
    store.put([rail(number, train_pair="T1000", coach=coach or None)])
    slot = store.client.execute(
        "SELECT slot FROM contact_keys WHERE event_id = %(id)s AND startsWith(key, 'train/T1000')", {"id": event_id(number)}
    )
    assert slot == [(coach_number(coach),)]


def crowd(chance: random.Random, count: int) -> list[dict[str, Any]]:
    """People on few trains, coaches, cars and sites within two days, so that many are joined."""
    made = []
    for number in range(1_000, 1_000 + count):
        minutes = 5_000 + chance.choice((0, 1, 4, 5.5, 9.9, 119, 121, 700, 721, 1_440))
        if chance.random() < 0.5:
            seat = chance.choice(("05A", "08F", "09C", "058", "003", "03下", "04上", "软卧04上", None))
            leg: dict[str, Any] = {
                "train_pair": chance.choice(("G8", "K8", "6902")),
                "coach": chance.choice(("5", "05", "加5", "6", None)),
                "seat": seat,
            }
            made.append(rail(number, minutes=minutes, service_date=chance.choice(("2020-02-20", "2020-02-21")), **leg))
        else:
            by = {"role": chance.choice(("coach", "private")), "seat": chance.choice(("1", "9", "40", None))}
            site, party = chance.choice(("CP-1", "CP-2")), chance.choice((None, "P-7"))
            made.append(road(number, minutes=minutes, vehicle=chance.choice("789"), by=by, site_id=site, party_id=party))
    return made


def test_the_keys_find_exactly_whom_a_search_through_everybody_finds(store: Store) -> None:
    store.put(crowd(random.Random(11), 120))
    everybody = store.database.ask_now(f"SELECT {', '.join(COLUMNS)} FROM v_arrivals ORDER BY event_id", {}).records()
    snapshot = Snapshot.empty(load_gazetteer())
    joined = 0
    for case in everybody[::3]:
        rules = rules_in_force(snapshot, case["occurred_at"])
        wanted = {row["person_key"] for row in everybody if ties_between(traveller(case), traveller(row), rules)}
        told = store.contacts.of(str(case["event_id"]), EVERYONE)
        assert told is not None
        assert told["total"] == len(wanted), case["event_id"]
        joined += len(wanted)
    assert joined > 300


def who(role: Role, scope: str) -> Principal:
    return Principal(role, "t", scope, "")


def test_only_desks_that_see_the_arrival_are_told_and_others_people_are_masked(store: Store) -> None:
    ours = store.found(1, who("county", "411426"))
    assert ours is not None
    foreign = [c for c in ours["contacts"] if not c["yours"]]
    assert [(c["unit"], c["event_id"], c["document_last4"], c["phone_last4"]) for c in foreign] == [(THEIRS, None, None, None)]
    assert {c["unit"] for c in ours["contacts"] if c["yours"]} == {OURS}
    assert store.found(31, who("health_desk", "411426")) is not None
    for nobody in (
        who("county", "411481"), who("unit", OURS), who("unit", OURS[:9]), who("health_desk", "411426"), who("analyst", "*"),
        who("device", "CP-1"), who("administrator", "411426"),
    ):  # fmt: skip
        assert store.found(1, nobody) is None, nobody
    assert store.found(77) is None
    assert store.contacts.of("x", EVERYONE) is None


def test_a_question_reads_few_rows_whatever_there_is(store: Store) -> None:
    store.client.execute(
        "INSERT INTO contact_keys (key, slot, event_id, received_at, occurred_at) SELECT concat('site/X-', toString(number)), "
        "0, generateUUIDv4(), '2020-02-18 08:00:00', '2020-02-18 08:00:00' FROM numbers(300000)"
    )
    told = store.found(21)
    assert told is not None
    store.client.execute("SELECT count() FROM contact_keys WHERE key = 'site/X-7' AND slot = 0")
    assert store.client.last_query.progress.rows <= 4 * 1024
