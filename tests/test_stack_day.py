"""A small sample day through the whole stack: reconciled, readable with foreign tools, each unit sees its own only; then decided
again, by a grade known late and by a person, and replayed byte by byte.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arrivals.runtime.clickhouse_client import connect
from tests.cli_kit import call
from tests.stack_kit import Day, sample_day
from tests.streams_kit import until


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


def told(day: Day, *arguments: str, code: int = 0) -> Any:
    """The JSON a command prints; its exit code is looked at."""
    done = call(day.settings, *arguments, "--json")
    assert done.returncode == code, (done.stdout[-2_000:], done.stderr.decode())
    return json.loads(done.stdout)


def ask(day: Day, sql: str) -> Any:
    client = connect(day.settings)
    try:
        return client.execute(sql)
    finally:
        client.disconnect()


ON_THE_DAY = ("--from", "2020-02-18", "--to", "2020-02-18")


def test_every_decision_of_the_day_is_replayed_byte_by_byte(day: Day) -> None:
    report = told(day, "replay", *ON_THE_DAY)
    assert (report["exact"], report["differences"]) == (True, {})
    assert report["equal"] == report["versions"] >= 400
    assert report["scans"] - report["dead"] == len({event for (event,) in ask(day, "SELECT event_id FROM v_arrivals")})


def test_a_dry_run_of_other_rules_says_who_would_be_decided_differently(day: Day, tmp_path: Path) -> None:
    rules = tmp_path / "new.toml"
    texts = "\n".join(f'{name} = "x"' for name in ("text_zh", "text_en", "source_zh", "source_en"))
    rule = '[[rule]]\nrule = "everybody"\nrule_version = 1\nrisk = "high"\ndecision = "isolate"\n'
    rules.write_text(f'{rule}conditions = [{{type = "destination", statuses = ["ok"]}}]\n{texts}\n', "utf-8")
    found = told(day, "replay", *ON_THE_DAY, "--rules", str(rules), "--dry-run", "--show", "3")
    assert found["then"]["isolate"] > 200
    assert sum(count for change, count in found["changed"].items() if change.endswith("isolate")) > 200
    assert [(one["new_decision"], one["new_rule"]) for one in found["first"]] == [("isolate", "everybody")] * 3
    refused = call(day.settings, "replay", *ON_THE_DAY, "--rules", str(rules))
    assert (refused.returncode, b"dry_run_missing" in refused.stderr) == (1, True)


def test_a_grade_known_at_ten_and_a_correction_change_the_day_and_old_reports_stay(day: Day) -> None:
    asked = ("query", "flows-by-risk", "--param", "from=2020-02-18", "--param", "to=2020-02-18", "--format", "json")
    before = call(day.settings, *asked).stdout
    then = ("report", "--county", "4114", "--day", "2020-02-18", "--as-of", "2020-02-18T09:59:59+08:00", "--format", "json")
    old = call(day.settings, *then).stdout
    graded = (
        "2020-02-18T00:00:00+08:00",
        "--known-from",
        "2020-02-18T10:00:00+08:00",
        "--author",
        "市指挥部",
        "--reason",
        "第9号令",
    )
    done = call(day.settings, "reference", "add-grade", "41", "high", "--from", *graded)
    assert done.returncode == 0, done.stderr.decode()
    until(lambda: told(day, "reflag", "status")["waiting"] == 0)
    until(lambda: call(day.settings, *asked).stdout != before)
    assert call(day.settings, *then).stdout == old
    [(event, destination)] = ask(day, "SELECT event_id, unit FROM v_arrivals WHERE cause = 'reference' ORDER BY event_id LIMIT 1")
    wanted = "411481100" if destination != "411481100" else "411426101"
    told(day, "correct", str(event), "--destination", wanted, "--reason", "电话核实", "--author", "市值班室")
    until(lambda: told(day, "explain", str(event))["unit"]["code"] == wanted)
    said = told(day, "explain", str(event))
    assert [version["cause"] for version in said["versions"]] == ["scan", "reference", "correction"]
    assert [version["by"] and version["by"]["author"] for version in said["versions"]] == [None, "市指挥部", "市值班室"]
    newest = told(day, "reflag", "status")["rows"] - 1
    report = told(day, "replay", *ON_THE_DAY, "--as-of", str(newest))
    assert (report["exact"], report["versions"] > day.audit.routed) == (True, True)
