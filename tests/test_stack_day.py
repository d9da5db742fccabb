"""A small sample day through the whole stack: reconciled, readable with foreign tools, and each unit sees its own only."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from arrivals.runtime.clickhouse_client import connect
from tests.stack_kit import Day, sample_day


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    with sample_day(tmp_path_factory.mktemp("stack")) as made:
        yield made


def test_the_day_is_stored_without_a_gap(day: Day) -> None:
    assert day.audit.accepted >= 400
    assert (day.audit.missing, day.audit.extra) == (0, 0)
    client = connect(day.settings)
    stored = client.execute("SELECT count(), uniqExact(event_id) FROM v_arrivals")[0]
    client.disconnect()
    assert stored == (day.audit.stored, day.audit.stored)


def test_kcat_reads_arrivals_with_their_headers(day: Day) -> None:
    kcat = shutil.which("kcat")
    if kcat is None:
        pytest.skip("kcat is not installed")
    said = subprocess.run(
        [kcat, "-b", day.settings.kafka_bootstrap, "-C", "-t", "arrivals", "-e", "-q", "-f", "%k\t%h\t%s\n"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    records = [line.split("\t") for line in said.stdout.splitlines()]
    assert len(records) == day.audit.routed
    for unit, headers, value in records:
        arrival, told = json.loads(value), dict(pair.split("=", 1) for pair in headers.split(","))
        assert unit == arrival["unit"]
        assert told == {"event_id": arrival["event_id"], "schema": "arrival/1", "revision": str(arrival["revision"])}


def test_a_unit_sees_its_own_people_and_nobody_elses(day: Day) -> None:
    counties = {name.partition(":")[2] for name in day.tokens if name.startswith("county:")}
    seen: dict[str, set[str]] = {}
    for county in sorted(counties):
        status, page = day.get(f"/v1/units/{county}/arrivals?state=all&limit=200", f"county:{county}")
        assert status == 200
        assert all(arrival["unit"].startswith(county) for arrival in page["arrivals"])
        seen[county] = {arrival["event_id"] for arrival in page["arrivals"]}
    assert sum(map(len, seen.values())) > 300
    unknown = day.get("/v1/units/411499/arrivals", "county:411426")
    for county in sorted(counties - {"411426"}):
        status, problem = day.get(f"/v1/units/{county}/arrivals", "county:411426")
        assert status == 404
        assert (status, problem | {"instance": ""}) == (unknown[0], unknown[1] | {"instance": ""})
