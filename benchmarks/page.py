"""The pages of the units among a million arrivals: milliseconds and bytes of every request a phone or a desk makes.

The engine makes the arrivals, the desk has a duty for each (`benchmarks.duty_filling`), and the API runs as a process of its own
beside the real Kafka. Requests are made one after the other on one connection, the routes taking turns, over units that change
from one to the next. With Chromium there, the page of duties is opened as on a phone as well.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from arrivals.demo.stack import as_environment, prepare_desk
from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.ports import free_port
from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.desk_engine import make_engine
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.reference_writer import append, credential_row, new_token
from arrivals.runtime.settings import Settings
from arrivals.runtime.topic_admin import ensure_topics
from benchmarks.arrival_filling import Filling, fill
from benchmarks.duty_filling import DeskFilling
from benchmarks.page_browser import on_a_phone
from reference.gazetteer import Gazetteer, load_gazetteer
from reference.snapshot import CITY, Snapshot
from schemas.base import LOCAL
from schemas.reference_rows import Role
from serving.access import HEALTH
from serving.duty_views import tab_names
from sinks.migrate import migrate

ROWS, DAYS, ROUNDS, WARM = 1_000_000, 90, 40, 3
EXAMPLE = Path(__file__).parent.parent / "schemas/examples/arrivals/v1/checkpoint-high-risk.json"
BEHIND, TIMES = "411426110201", 9
_VILLAGES = (BEHIND, "411426110202", "411481100001", "411402001001", "411424100001", "411421101201")
_TOWNS = (BEHIND[:9], "411481100", "411424100", "411421101")
_COUNTIES = ("411426", "411481", "411424", "411421")


@dataclass
class Route:
    """What is asked: by whom, and the addresses that take turns."""

    name: str
    role: str
    paths: Sequence[str]
    milliseconds: list[float] = field(default_factory=list)
    size: int = 0

    def figures(self) -> str:
        """One line."""
        ordered = sorted(self.milliseconds)
        shares = [ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] for percent in (50, 95)]
        return f"p50 {shares[0]:.0f} p95 {shares[1]:.0f} ms, {self.size / 1000:.0f} kB"


def run(*, peers: bool = False, rows: int = ROWS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Figures by route. There are no peers; the argument is there for the runner."""
    del peers
    gazetteer, notes = load_gazetteer(), Console(stderr=True, highlight=False)
    with tempfile.TemporaryDirectory(prefix="bench-page-") as folder, _servers(Path(folder)) as settings:
        tokens = _credentials(settings)
        sizes = _fill(settings, rows, gazetteer, notes)
        people = [str(one) for (one,) in connect(settings).execute(_SOME)]
        with _api(settings, tokens["administrator"]):
            routes = _routes(people)
            _measure(settings, tokens, routes, rounds)
            phone = on_a_phone(settings.api_port, tokens["unit"], f"/units/{BEHIND}/duties?state=pending")
        worst = max(sorted(route.milliseconds)[len(route.milliseconds) * 95 // 100] for route in routes)
        told = {f"{route.name} ({route.role})": route.figures() for route in routes}
        return {"arrivals": rows, **sizes, "worst_p95_ms": round(worst), **told, "phone": phone}


_SOME = f"SELECT event_id FROM arrivals_latest WHERE county_code = '{_COUNTIES[0]}' ORDER BY sipHash64(event_id) LIMIT 40"


def _routes(people: Sequence[str]) -> list[Route]:
    """Every list of a village, a township, a county and a health desk; pages, rosters, one person; the command view."""
    routes = []
    for level, units in (("village", _VILLAGES), ("township", _TOWNS), ("county", _COUNTIES), ("city", (CITY,))):
        role = "administrator"
        for tab in tab_names(units[0]):
            routes.append(Route(f"duties {tab}, {level}", role, [f"/units/{unit}/duties?state={tab}" for unit in units]))
        routes.append(Route(f"counts, {level}", role, [f"/v1/units/{unit}/duties" for unit in units]))
        routes.append(Route(f"list all, {level}", role, [f"/v1/units/{unit}/arrivals" for unit in units]))
        routes.append(Route(f"list high, {level}", role, [f"/v1/units/{unit}/arrivals?risk=high" for unit in units]))
        routes.append(Route(f"list open, {level}", role, [f"/v1/units/{unit}/arrivals?state=open" for unit in units]))
        routes.append(Route(f"unit page, {level}", role, [f"/units/{unit}" for unit in units]))
        routes.append(Route(f"roster, {level}", role, [f"/units/{unit}/roster?state=open" for unit in units]))
        routes.append(Route(f"observations, {level}", role, [f"/v1/units/{unit}/observations" for unit in units]))
    for unit in (f"{_COUNTIES[0]}{HEALTH}", f"{CITY}{HEALTH}"):
        for tab in tab_names(unit):
            routes.append(Route(f"duties {tab}, {unit}", "health_desk", [f"/units/{unit}/duties?state={tab}"]))
        routes.append(Route(f"list all, {unit}", "health_desk", [f"/v1/units/{unit}/arrivals"]))
    routes.append(Route("duties pending, own village", "unit", [f"/units/{BEHIND}/duties"]))
    for name, path in (("person", "/arrivals/{}"), ("contacts", "/arrivals/{}/contacts")):
        routes.append(Route(f"{name} page", "county", [path.format(one) for one in people]))
    routes.append(Route("person, duty", "county", [f"/v1/arrivals/{one}/duty" for one in people]))
    routes.append(Route("person, explanation", "county", [f"/v1/arrivals/{one}/explanation" for one in people]))
    for role in ("administrator", "county"):
        routes += [Route("command view", role, ["/"]), Route("overview", role, ["/v1/overview"])]
    return routes


def _measure(settings: Settings, tokens: dict[str, str], routes: Sequence[Route], rounds: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", settings.api_port, timeout=120)
    for number in range(WARM + rounds):
        for route in routes:
            path = route.paths[number % len(route.paths)]
            began = time.perf_counter()
            connection.request("GET", path, headers={"Authorization": f"Bearer {tokens[route.role]}"})
            answer = connection.getresponse()
            body = answer.read()
            spent = (time.perf_counter() - began) * 1000
            assert answer.status == 200, (path, answer.status, body[:300])
            if number >= WARM:
                route.milliseconds.append(spent)
                route.size = max(route.size, len(body))
    connection.close()


@contextmanager
def _servers(folder: Path) -> Iterator[Settings]:
    password = folder / "password"
    password.write_text("bench", "utf-8")
    with KafkaServer(folder / "kafka") as kafka, ClickHouseServer(folder / "clickhouse", password="bench") as clickhouse:
        settings = Settings(
            data_dir=folder,
            kafka_bootstrap=kafka.bootstrap,
            clickhouse_port=clickhouse.native_port,
            clickhouse_password_file=password,
            api_port=free_port(),
        )
        KeyStore.open(settings.secret_path("keys.json", None), create=True)
        ensure_topics(settings)
        migrate(connect(settings, database=""), settings.clickhouse_database)
        prepare_desk(settings)
        yield settings


def _credentials(settings: Settings) -> dict[str, str]:
    scopes: dict[Role, str] = {"administrator": "*", "county": _COUNTIES[0], "unit": BEHIND, "health_desk": "*"}
    tokens = {role: new_token(role) for role in scopes}
    append(settings, [credential_row(tokens[role], role, f"bench-{role}", scope, "bench") for role, scope in scopes.items()])
    return {str(role): token for role, token in tokens.items()}


def _fill(settings: Settings, rows: int, gazetteer: Gazetteer, notes: Console) -> dict[str, Any]:
    now, client, engine = datetime.now(LOCAL), connect(settings, patience_seconds=1_200), make_engine(settings)
    villages = [area.code for area in gazetteer.below(CITY, "village")] + [BEHIND] * TIMES
    began = time.perf_counter()
    fill(client, Filling(rows, now - timedelta(days=DAYS), DAYS, villages), notes.print)
    between = time.perf_counter()
    arrival = json.loads(EXAMPLE.read_text("utf-8"))
    DeskFilling(Snapshot.empty(gazetteer), now, BEHIND, arrival).fill(client, engine, notes.print)
    client.disconnect()
    engine.dispose()
    desk = (settings.data_dir / "desk.sqlite").stat().st_size
    ended = time.perf_counter()
    return {"filled_in_s": f"{between - began:.0f} arrivals, {ended - between:.0f} duties", "desk_mb": round(desk / 1e6)}


@contextmanager
def _api(settings: Settings, token: str) -> Iterator[None]:
    """The API, ready and knowing the credentials."""
    log = (settings.data_dir / "api.log").open("ab")
    environment = os.environ | dict(as_environment(settings))
    process = subprocess.Popen([sys.executable, "-m", "arrivals", "api"], env=environment, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        while not _answers(settings, token):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((settings.data_dir / "api.log").read_text("utf-8")[-2_000:])
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(60)
        log.close()


def _answers(settings: Settings, token: str) -> bool:
    wanted = urllib.request.Request(
        f"http://127.0.0.1:{settings.api_port}/v1/queries", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(wanted, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False
