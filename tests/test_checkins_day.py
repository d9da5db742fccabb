"""Three days of check-ins from the post to the answer: gateway, Kafka, sink, ClickHouse, API and command line, all real."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from clickhouse_driver import Client

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.reference_writer import append, credential_row
from serving.queries import CHECKINS, QUERIES
from sinks.audit import audit
from tests.checkins_kit import PATH, checkin, enterprise, resident
from tests.cli_kit import call
from tests.serving_stack import Stack, running_stack

TOKENS = {county: f"sq_device_test-{county}" for county in ("411426", "411481")}
DAYS = ("2020-02-16", "2020-02-17", "2020-02-18")
OURS, THEIRS = enterprise(), enterprise("E-411481-0001", "411481")
TOWN = "411426101"
HEAD = "姓名,身份证号,企业代码,企业名称,打卡时间,体温,症状,在岗情况\r\n"


@pytest.fixture(scope="module")
def stack(
    kafka_server: KafkaServer, clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    folder, parts = tmp_path_factory.mktemp("checkins"), ("gateway", "sink", "api")
    with running_stack(kafka_server, clickhouse_server, folder, "cd.", parts, simulated_clock=True) as running:
        append(running.settings, [credential_row(t, "device", f"device:{c}", c, "test") for c, t in TOKENS.items()])
        for day in DAYS:
            for county, body in posts(day).items():
                running.wait(lambda b=body, c=county, d=day: accepted(running, b, c, d))
        running.wait(lambda: count(running, "v_checkins") == 36)
        yield running


def posts(day: str) -> dict[str, list[dict[str, Any]]]:
    """Ten employees of ours; on the last day two are missing, two have fever, one is new. Two of theirs, one missing at last.

    A township of ours has a health form and a gate on the last day.
    """
    last = day == DAYS[-1]
    changes: dict[int, dict[str, Any]] = {3: {"temperature_c": 38.0}, 4: {"symptoms": ["fever"]}, 5: {"temperature_c": None}}
    people = [*range(1, 9), 11] if last else range(1, 11)
    ours = [checkin(n, day, **(changes.get(n, {}) if last else {})) for n in people]
    ours += [resident(31, TOWN), resident(32, TOWN, kind="gate_in")] if last else []
    theirs = [checkin(n, day, enterprise=THEIRS) for n in ((21,) if last else (21, 22))]
    return {"411426": ours, "411481": theirs}


def accepted(stack: Stack, body: list[dict[str, Any]], county: str, day: str) -> bool:
    headers = {"authorization": f"Bearer {TOKENS[county]}", "x-simulated-now": f"{day}T08:00:00+08:00"}
    url = f"http://127.0.0.1:{stack.settings.gateway_port}{PATH}"
    try:
        answer = httpx.post(url, content=json.dumps(body).encode(), headers=headers, timeout=30)
    except httpx.TransportError:
        return False
    return answer.status_code == 202 and {r["status"] for r in answer.json()["results"]} <= {"accepted", "duplicate"}


def ask(stack: Stack, sql: str) -> list[tuple[Any, ...]]:
    client: Client = connect(stack.settings)
    rows: list[tuple[Any, ...]] = client.execute(sql)
    client.disconnect()
    return rows


def count(stack: Stack, table: str) -> int:
    return int(ask(stack, f"SELECT count() FROM {table}")[0][0])


def answer(stack: Stack, name: str, who: str = "analyst:*", day: str | None = DAYS[-1]) -> list[dict[str, Any]]:
    days = f"?from={day}&to={day}" if day else ""
    rows: list[dict[str, Any]] = stack.get(f"/v1/queries/{name}{days}", who).json()["rows"]
    return rows


def test_a_check_in_is_in_the_view_once_masked_and_a_fever_is_a_fever(stack: Stack) -> None:
    fevers = "SELECT checked_on, temperature_c, symptoms, county_code FROM v_checkins WHERE fever ORDER BY temperature_c"
    found = [(day.isoformat(), degrees, symptoms, county) for day, degrees, symptoms, county in ask(stack, fevers)]
    assert [(day, float(degrees), symptoms) for day, degrees, symptoms, _ in found] == [
        (DAYS[-1], 36.4, ["fever"]),
        (DAYS[-1], 38.0, []),
    ]
    assert ask(stack, "SELECT countIf(isNull(temperature_c)), countIf(temperature_c = 0) FROM v_checkins") == [(1, 0)]
    names = {column[0] for column in ask(stack, "DESCRIBE TABLE v_checkins")}
    assert not any("sealed" in name or name in ("name", "document_number", "phone") for name in names)
    assert {row[0] for row in ask(stack, "SELECT name_masked FROM v_checkins")} == {"测**"}


def test_the_same_posts_again_are_duplicates_and_change_nothing(stack: Stack) -> None:
    body = [checkin(1, enterprise=OURS)]
    for _ in range(3):
        assert accepted(stack, body, "411426", "2020-02-18")
    stack.wait(lambda: count(stack, "duplicates") >= 2)
    [(rows,)] = ask(stack, f"SELECT count() FROM v_checkins WHERE event_id = '{body[0]['event_id']}'")
    assert rows == 1


def test_who_is_missing_and_who_has_fever_by_enterprise(stack: Stack) -> None:
    ours, theirs = answer(stack, "checkins-by-enterprise")
    assert {name: ours[name] for name in ("enterprise_code", "county_name", "expected", "reported", "missing", "fever")} == {
        **{"enterprise_code": OURS["code"], "county_name": "夏邑县", "expected": 10, "reported": 9, "missing": 2, "fever": 2}
    }
    assert (theirs["enterprise_code"], theirs["missing"], theirs["fever"]) == (THEIRS["code"], 1, 0)
    [first, _] = answer(stack, "checkins-by-enterprise", day=DAYS[0])
    assert (first["expected"], first["reported"], first["missing"]) == (0, 10, 0)
    missing = answer(stack, "checkins-missing")
    assert [row["enterprise_code"] for row in missing] == [OURS["code"]] * 2 + [THEIRS["code"]]
    assert {row["last_checked_on"] for row in missing} == {DAYS[1]}
    assert {row["name"] for row in missing} == {"测**"}
    assert all(len(row["person"]) == 6 for row in missing)
    keys = {key for (key,) in ask(stack, "SELECT DISTINCT person_key FROM v_checkins")}
    assert not keys & {row["person"] for row in missing}
    assert [row["highest_c"] for row in answer(stack, "checkins-fever")] == [38.0, 36.4]


def test_somebody_missing_is_expected_for_seven_days(stack: Stack) -> None:
    for day, expected in (("2020-02-24", 11), ("2020-02-25", 9), ("2020-02-26", 0)):
        rows = answer(stack, "checkins-by-enterprise", "county:411426", day)
        assert [row["missing"] for row in rows] == ([expected] if expected else []), day


@pytest.mark.parametrize("name", [query.name for query in QUERIES if query.source is CHECKINS])
def test_a_county_counts_its_own_only_and_others_nothing(stack: Stack, name: str) -> None:
    assert {row["county_code"] for row in answer(stack, name, "county:411481")} <= {"411481"}
    assert {row["county_code"] for row in answer(stack, name, "county:411426")} == {"411426"}
    for who in ("unit:411426101", "health_desk:411426", "device:CP-411426-01"):
        assert stack.get(f"/v1/queries/{name}", who).status_code in (401, 403)
    newest = answer(stack, name, day=None)
    assert {row["day"] for row in newest} == {DAYS[-1]}
    for extension, begins in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK"), ("parquet", b"PAR1")):
        assert stack.get(f"/v1/queries/{name}?format={extension}", "analyst:*").content.startswith(begins)


def test_a_county_sees_the_forms_and_gates_of_its_units(stack: Stack) -> None:
    [row] = [row for row in answer(stack, "checkins-by-unit", "county:411426") if row["unit"] == TOWN]
    assert (row["unit_name"], row["forms"], row["gate_in"], row["fevers"]) == ("夏邑县 会亭镇", 1, 1, 0)


def test_the_command_line_shows_the_same(stack: Stack) -> None:
    days = ("--param", f"from={DAYS[-1]}", "--param", f"to={DAYS[-1]}")
    told = call(stack.settings, "query", "checkins-missing", *days, "--format", "json")
    assert told.returncode == 0, told.stderr.decode()
    assert [row["name"] for row in orjson.loads(told.stdout)] == ["测**"] * 3


def test_a_list_is_imported_once_and_wrong_rows_come_back_to_be_corrected(stack: Stack, tmp_path: Path) -> None:
    path, token = tmp_path / "list.csv", tmp_path / "token"
    token.write_text(TOKENS["411426"], "utf-8")
    rows = [f"测试{n},T-{100 + n},E-411426-0002,示例食品厂,2020-02-18 07:30,36.{n},,在岗" for n in range(5)]
    rows += [
        "测试五,T-105,E-411426-0002,示例食品厂,2020-02-18 07:30,三十八,,在岗",
        "测试六,T-106,E-411426-0002,,07:30,38.1,,在岗",
    ]
    path.write_text(HEAD + "\r\n".join(rows) + "\r\n", "gb18030")

    def imported(file: Path, code: int) -> dict[str, Any]:
        command = ("import", str(file), "--kind", "checkins", "--site", "411426", "--token-file", str(token), "--json")
        done = call(stack.settings, *command)
        assert done.returncode == code, done.stderr.decode()
        report: dict[str, Any] = orjson.loads(done.stdout)
        return report

    first, second = imported(path, 1), imported(path, 1)
    assert (first["accepted"], first["rejected"]) == (5, 2)
    assert (second["accepted"], second["duplicates"], second["rejected"]) == (0, 5, 2)
    rejected = Path(first["rejected_file"])
    told = list(csv.DictReader(io.StringIO(rejected.read_text("utf-8-sig"), newline="")))
    assert "体温" in told[0]["原因"]
    assert "企业名称" in told[1]["原因"]
    text = rejected.read_text("utf-8-sig").replace("三十八", "38.0").replace('"E-411426-0002",""', '"E-411426-0002","示例食品厂"')
    rejected.write_text(text.replace('"07:30"', '"2020-02-18 07:30"'), "utf-8-sig")
    assert imported(rejected, 0)["accepted"] == 2
    food = "SELECT countIf(fever), count() FROM v_checkins WHERE enterprise_code = 'E-411426-0002' AND whereabouts = 'at_work'"
    stack.wait(lambda: ask(stack, food) == [(2, 7)])


def test_residents_need_no_column_when_their_village_reports(stack: Stack, tmp_path: Path) -> None:
    path, token = tmp_path / "village.csv", tmp_path / "token"
    token.write_text(TOKENS["411426"], "utf-8")
    path.write_text(
        "姓名,身份证号,打卡类型,时间\r\n测试甲,T-201,,2020-02-18 07:30\r\n测试乙,T-202,出,2020-02-18 07:31\r\n", "utf-8"
    )
    command = ("import", str(path), "--kind", "checkins", "--site", "411426101201", "--token-file", str(token))
    assert call(stack.settings, *command).returncode == 0
    village = "SELECT kind, temperature_c FROM v_checkins WHERE unit = '411426101201' ORDER BY kind"
    stack.wait(lambda: ask(stack, village) == [("gate_out", None), ("resident", None)])


def test_every_check_in_is_accounted_for(stack: Stack) -> None:
    assert accepted(stack, [resident(300)], "411426", "2020-02-18")
    stack.wait(lambda: audit(stack.settings).missing == 0)
    report = audit(stack.settings)
    assert (report.missing, report.extra) == (0, 0)
    assert report.accepted == report.stored == count(stack, "v_checkins")
    assert report.posted == report.accepted + report.duplicates_dropped
