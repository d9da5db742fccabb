"""P9: the contacts of one arrival among ten million, exact and deduplicated, from the question to the answer as the API tells it.

The rows are made inside the engine and enter the table the sink's records are decoded into, so everything asked is filled as in
service: a sample goes through the sink's own code as well, and the keys of contacts are compared. Some answers are compared with
a search through the whole table.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from clickhouse_driver import Client
from rich.console import Console

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.settings import Settings
from benchmarks.arrival_filling import Filling, fill
from benchmarks.stored_by_the_sink import compare
from reference.gazetteer import load_gazetteer
from reference.snapshot import CITY, Snapshot
from schemas.base import LOCAL
from serving.access import EVERYONE
from serving.contact_search import COLUMNS, case_sql
from serving.contact_ties import rules_in_force, ties_between, traveller
from serving.contacts import Contacts
from serving.database import Database
from sinks.migrate import migrate

ROWS, START, DAYS = 10_000_000, datetime(2020, 1, 6, tzinfo=LOCAL), 90
QUESTIONS, WARM, CHECKED, SAMPLE = 400, 50, 5, 500


@dataclass(frozen=True, slots=True)
class Bench:
    """A filled database and ways to ask it."""

    settings: Settings
    client: Client
    database: Database
    snapshot: Snapshot
    seconds: float


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
        taken = {"rows": rows, "filled_in_s": round(bench.seconds), "checked_against_the_table": CHECKED}
        taken["keys_as_the_sink_makes_them"] = compare(bench.settings, bench.client, SAMPLE)
        return _figures(spent, people) | taken | _sizes(bench)


@contextmanager
def _filled(folder: Path, rows: int) -> Iterator[Bench]:
    password, gazetteer = folder / "password", load_gazetteer()
    password.write_text("bench", "utf-8")
    with ClickHouseServer(folder / "clickhouse", password="bench") as server:
        settings = Settings(data_dir=folder, clickhouse_port=server.native_port, clickhouse_password_file=password)
        migrate(connect(settings, database=""), settings.clickhouse_database)
        client, notes = connect(settings, patience_seconds=1_200), Console(stderr=True, highlight=False)
        began = time.perf_counter()
        fill(client, Filling(rows, START, DAYS, [area.code for area in gazetteer.below(CITY, "village")]), notes.print)
        seconds = time.perf_counter() - began
        database = Database(settings)
        yield Bench(settings, client, database, Snapshot.empty(gazetteer), seconds)
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
        "toDate(%(day)s) - 1 AND toDate(%(day)s) + 1)"
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
