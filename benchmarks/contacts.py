"""P9: the contacts of one arrival among ten million, exact and deduplicated, from the question to the answer as the API tells it.

The rows are made inside the engine and enter where the sink inserts, so the tables asked are filled as in service. Some answers
are compared with a search through the whole table.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clickhouse_driver import Client
from rich.console import Console

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.settings import Settings
from reference.gazetteer import load_gazetteer
from reference.snapshot import Snapshot
from serving.access import EVERYONE
from serving.contact_search import COLUMNS, case_sql
from serving.contact_ties import rules_in_force, ties_between, traveller
from serving.contacts import Contacts
from serving.database import Database
from sinks.migrate import migrate

ROWS, BLOCK, DAYS = 10_000_000, 500_000, 90
QUESTIONS, WARM, CHECKED = 400, 50, 5
#: Parties of three, one in twenty a coach of 45; a third by rail: forty trains a day of 16 coaches; sixty checkpoints.
_FILL = """INSERT INTO arrival_versions (event_id, revision, cause, recorded_at, kind, site_id, site_county, device_id,
    occurred_at, received_at, arrived_on, person_key, name_masked, document_type, document_last4, birth_year, phone_last4,
    unit, unit_level, county_code, risk, decision, purpose, lodging, party_id, vehicle_key, plate_region, vehicle_role,
    vehicle_seat, train, train_pair, service_date, coach, seat, reference_version, key_id)
WITH
    intDiv(number, 45) AS block, sipHash64('c', block) % 20 = 0 AS by_coach,
    if(by_coach, block + 1000000000000, intDiv(number, 3)) AS party, if(by_coach, number % 45, number % 3) AS member,
    sipHash64(party) AS h, lower(hex(sipHash128(number))) AS own,
    NOT by_coach AND bitShiftRight(h, 8) % 100 < 35 AS rail, toUInt32(h % {days}) AS day,
    toDateTime64('2020-01-06 00:00:00', 3, 'Asia/Shanghai') + toIntervalDay(day)
        + toIntervalSecond(toUInt32(bitShiftRight(h, 16) % 85000)) + toIntervalSecond(member * 12) AS at,
    at + toIntervalMillisecond(900) AS received, lower(hex(toUInt64(toUnixTimestamp64Milli(at)))) AS ms,
    concat('4114', toString(21 + bitShiftRight(h, 20) % 6), toString(100 + bitShiftRight(h, 24) % 20)) AS town,
    'K' || toString(1000 + 2 * (bitShiftRight(h, 32) % 40)) AS pair
SELECT
    concat(substring(ms, 1, 8), '-', substring(ms, 9, 4), '-7', substring(own, 1, 3), '-8', substring(own, 4, 3), '-',
        substring(own, 7, 12)),
    1, 'scan', received, if(rail, 'rail', 'checkpoint'),
    concat(if(rail, 'ST-', 'CP-'), toString(bitShiftRight(h, 36) % if(rail, 9, 60))), substring(town, 1, 6), 'bench',
    at, received, toDate(at), lower(hex(sipHash128('p', number % {people}))), '张*', 'resident_id', substring(own, 20, 4), 1980,
    substring(own, 24, 4), town, 'township', substring(town, 1, 6), if(h % 13 = 0, 'high', 'low'), 'register', 'home', 'own_home',
    concat('p-', toString(party)), if(rail, '', lower(hex(sipHash128('v', party)))), if(rail, '', '豫N'),
    if(rail, '', if(by_coach, 'coach', 'private')), if(rail, '', toString(member + 1)), if(rail, pair, ''), if(rail, pair, ''),
    if(rail, toDate(at) - 1, NULL), if(rail, leftPad(toString(1 + bitShiftRight(h, 40) % 16), 2, '0'), ''),
    if(rail, concat(leftPad(toString(1 + bitShiftRight(h, 44) % 18), 2, '0'), substring('ABC', member + 1, 1)), ''), 1, 'bench'
FROM numbers({first}, {count})
SETTINGS max_partitions_per_insert_block = 0"""


@dataclass(frozen=True, slots=True)
class Bench:
    """A filled database and ways to ask it."""

    settings: Settings
    client: Client
    database: Database
    snapshot: Snapshot


def run(*, peers: bool = False, rows: int = ROWS) -> dict[str, Any]:
    """Milliseconds of a question among `rows` arrivals. There are no peers; the argument is there for the runner."""
    del peers
    with tempfile.TemporaryDirectory(prefix="bench-contacts-") as folder, _filled(Path(folder), rows) as bench:
        contacts = Contacts(bench.database, lambda: bench.snapshot)
        ids = _some(bench.client, QUESTIONS + WARM)
        for event_id in ids[:WARM]:
            contacts.of(event_id, EVERYONE)
        spent, people = [], []
        for event_id in ids[WARM:]:
            began = time.perf_counter()
            told = contacts.of(event_id, EVERYONE)
            spent.append((time.perf_counter() - began) * 1000)
            assert told is not None
            people.append(told["total"])
        assert all(_exact(bench, contacts, event_id) for event_id in ids[:CHECKED]), "an answer differs from the whole table"
        return _figures(spent, people) | {"rows": rows, "checked_against_the_table": CHECKED} | _sizes(bench)


@contextmanager
def _filled(folder: Path, rows: int) -> Iterator[Bench]:
    password = folder / "password"
    password.write_text("bench", "utf-8")
    with ClickHouseServer(folder / "clickhouse", password="bench") as server:
        settings = Settings(data_dir=folder, clickhouse_port=server.native_port, clickhouse_password_file=password)
        migrate(connect(settings, database=""), settings.clickhouse_database)
        client, notes = connect(settings, patience_seconds=1_200), Console(stderr=True, highlight=False)
        client.execute("DROP VIEW arrival_versions_feed")  # the history of versions is not asked, and half of the work
        for first in range(0, rows, BLOCK):
            people = max(1, rows * 9 // 10)
            client.execute(_FILL.format(first=first, count=min(BLOCK, rows - first), days=DAYS, people=people))
            notes.print(f"{min(first + BLOCK, rows):,} rows")
        database = Database(settings)
        yield Bench(settings, client, database, Snapshot.empty(load_gazetteer()))
        database.close()
        client.disconnect()


def _some(client: Client, count: int) -> list[str]:
    sql = "SELECT toString(event_id) FROM arrivals_latest WHERE modulo(cityHash64(event_id), 1000) = 0 LIMIT %(count)s"
    ids = [event_id for (event_id,) in client.execute(sql, {"count": 10 * count})]
    return random.Random(5).sample(ids, count)


def _exact(bench: Bench, contacts: Contacts, event_id: str) -> bool:
    """Whether an answer names the people that a search through every arrival finds."""
    case = bench.database.ask_now(*case_sql(event_id, (), EVERYONE)).records()[0]
    rules = rules_in_force(bench.snapshot, case["occurred_at"])
    sql = (
        f"SELECT {', '.join(COLUMNS)} FROM v_arrivals WHERE (train_pair != '' AND train_pair = %(train_pair)s) OR vehicle_key = "
        "%(vehicle_key)s AND vehicle_key != '' OR party_id = %(party_id)s OR (site_id = %(site_id)s AND arrived_on BETWEEN "
        "%(day)s - 1 AND %(day)s + 1)"
    )
    values = {name: case[name] for name in ("train_pair", "vehicle_key", "party_id", "site_id")} | {
        "day": case["occurred_at"].date()
    }
    everybody = bench.database.ask_now(sql, values).records()
    wanted = {row["person_key"] for row in everybody if ties_between(traveller(case), traveller(row), rules)}
    told = contacts.of(event_id, EVERYONE)
    return told is not None and told["total"] == len(wanted)


def _sizes(bench: Bench) -> dict[str, Any]:
    sql = (
        "SELECT table, sum(rows), round(sum(bytes_on_disk) / 1e6), count() FROM system.parts WHERE active AND database = "
        "currentDatabase() AND table IN ('contact_keys', 'arrivals_latest') GROUP BY table"
    )
    return {f"{table}": f"{rows:,} rows, {size:.0f} MB, {parts} parts" for table, rows, size, parts in bench.client.execute(sql)}


def _figures(spent: Sequence[float], people: Sequence[int]) -> dict[str, Any]:
    ordered = sorted(spent)
    shares = {
        f"p{percent}_ms": round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 1) for percent in (50, 95, 99)
    }
    return shares | {
        "worst_ms": round(ordered[-1], 1),
        "contacts_mean": round(sum(people) / len(people), 1),
        "contacts_most": max(people),
    }
