"""Who may see what: the rule in code, and the same rule in SQL against the real engine."""

from __future__ import annotations

import random
from typing import Any

import pytest

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from schemas.errors import Refused
from schemas.reference_rows import Role
from serving.access import (
    Principal,
    home_unit,
    may_view,
    query_restriction,
    unit_restriction,
    units_seeing,
)
from tests.clickhouse_kit import plain_client

UNITS = ["4114", "411426", "411481", "411426101", "411426104", "411426101001", "411426101001-01", "411426-health", "4114-health"]


def who(role: Role, scope: str) -> Principal:
    return Principal(role, "somebody", scope, "0" * 64)


def visible(role: Role, scope: str) -> set[str]:
    return {unit for unit in UNITS if may_view(who(role, scope), unit)}


def test_each_role_sees_its_own_units_and_nothing_else() -> None:
    assert visible("administrator", "*") == set(UNITS)
    assert visible("administrator", "411426") == set()
    assert visible("county", "411426") == {"411426", "411426101", "411426104", "411426101001", "411426101001-01"}
    assert visible("county", "*") == visible("county", "4114") == set()
    assert visible("unit", "411426101") == {"411426101", "411426101001", "411426101001-01"}
    assert visible("unit", "411426101001-01") == {"411426101001-01"}
    assert visible("unit", "4114") == {"4114"}
    assert visible("unit", "411426") == {"411426"}
    assert visible("unit", "") == visible("unit", "41142") == set()
    assert visible("health_desk", "411426") == {"411426-health"}
    assert visible("health_desk", "*") == {"411426-health", "4114-health"}
    assert visible("analyst", "*") == visible("device", "CP-411426-01") == set()


def test_pages_to_land_on() -> None:
    assert home_unit(who("unit", "411426101")) == "411426101"
    assert home_unit(who("health_desk", "*")) == "4114-health"
    assert home_unit(who("county", "411426")) is None


def test_queries_are_confined_or_refused() -> None:
    assert query_restriction(who("analyst", "*")).sql == "1"
    county = query_restriction(who("county", "411426"))
    assert county.values == {"scope_county": "411426"}
    assert query_restriction(who("analyst", "nonsense")).sql == "0"
    for role in ("device", "unit", "health_desk"):
        with pytest.raises(Refused) as refused:
            query_restriction(who(role, "*"))
        assert refused.value.status == 403


def random_arrival(chance: random.Random) -> dict[str, Any]:
    unit = chance.choice([u for u in UNITS if not u.endswith("-health")])
    return {
        "unit": unit,
        "county_code": unit[:6],
        "site_county": chance.choice(["", "411426", "411481"]),
        "risk": chance.choice(["high", "medium", "low", "unknown"]),
        "symptoms": chance.choice([[], ["cough"]]),
    }


def test_the_database_and_the_stream_show_a_unit_the_same_arrivals(clickhouse_server: ClickHouseServer) -> None:
    chance = random.Random(3)
    arrivals = [random_arrival(chance) for _ in range(300)]
    client = plain_client(clickhouse_server)
    client.execute(
        "CREATE TEMPORARY TABLE a (n UInt32, unit String, county_code String, site_county String, risk String,"
        " symptoms Array(String))"
    )
    rows = [(n, a["unit"], a["county_code"], a["site_county"], a["risk"], a["symptoms"]) for n, a in enumerate(arrivals)]
    client.execute("INSERT INTO a VALUES", rows)
    for unit in [*UNITS, "411499", "411481-health"]:
        allowed = unit_restriction(unit)
        found = {n for (n,) in client.execute(f"SELECT n FROM a WHERE {allowed.sql}", dict(allowed.values))}
        assert found == {n for n, a in enumerate(arrivals) if unit in units_seeing(a)}, unit
    client.disconnect()
