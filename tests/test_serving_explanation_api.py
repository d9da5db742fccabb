"""Explanation and contacts over real servers: for whoever may ask, in words; for everybody else they do not exist."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.runtime.reference_writer import append
from reference.rows import row_of
from reference.shipped import shipped_rows
from tests.serving_kit import arrival, event_id, feverish, quiet
from tests.serving_stack import CREDENTIALS, ROOT, Stack, running_stack

VILLAGE = "411426101201"
SEEING = {"administrator:*", "county:411426", "unit:411426101", f"unit:{VILLAGE}"}


@pytest.fixture(scope="module")
def stack(
    kafka_server: KafkaServer, clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    with running_stack(kafka_server, clickhouse_server, tmp_path_factory.mktemp("why"), "why.") as running:
        companion = quiet(4, "411481100", 2)
        companion["person"] |= {"key": "4" * 32, "name_masked": "赵*"}
        running.store([arrival(1, VILLAGE), feverish(2, VILLAGE), quiet(3, VILLAGE), companion])
        yield running


@pytest.mark.parametrize("number", [1, 2, 3])
def test_whoever_sees_the_arrival_is_told_why_and_for_all_others_there_is_nothing(stack: Stack, number: int) -> None:
    path = f"/v1/arrivals/{event_id(number)}/explanation"
    missing = stack.get(f"/v1/arrivals/{event_id(99)}/explanation", "administrator:*")
    assert missing.status_code == 404
    for role, scope in CREDENTIALS:
        who = f"{role}:{scope}"
        answer = stack.get(path, who)
        if who in SEEING or (role == "health_desk" and number != 3):
            assert answer.status_code == 200, who
            assert answer.json()["event_id"] == event_id(number)
        else:
            assert (answer.status_code, answer.content) == (404, missing.content), who
    assert stack.get(path).status_code == 401


@pytest.mark.parametrize(
    "wrong", ["x", "0" * 32, "01705656C5A070018000000000000001", "%27", "01705656-c5a0-7001-8000-00000000000g"]
)
def test_what_is_no_event_id_does_not_exist(stack: Stack, wrong: str) -> None:
    assert stack.get(f"/v1/arrivals/{wrong}/explanation", "administrator:*").status_code == 404


def test_the_explanation_names_the_rule_that_decided_in_both_languages(stack: Stack) -> None:
    told = stack.get(f"/v1/arrivals/{event_id(2)}/explanation", "health_desk:411426").json()
    assert [rule["rule"] for rule in told["rules"] if rule["decided"]] == ["fever"]
    assert "1. 体温 38.2 ℃，达到 37.3 ℃，移交卫健部门 → 移交卫健（高风险）【决定】" in told["text_zh"]
    assert any(line.startswith("1. Temperature 38.2 °C") for line in told["text_en"])
    assert "name_masked" not in told


def test_the_page_says_it_to_people_and_the_list_leads_there(stack: Stack) -> None:
    cookie = {"Authorization": f"Bearer {stack.tokens['unit:411426101']}", "Accept": "text/html"}
    page = stack.client.get(f"/arrivals/{event_id(2)}", headers=cookie)
    assert page.status_code == 200
    assert "【决定】" in page.text
    assert f'href="/arrivals/{event_id(2)}"' in stack.client.get("/units/411426101", headers=cookie).text
    english = stack.client.get(f"/arrivals/{event_id(2)}?lang=en", headers=cookie).text
    assert "[decided]" in english
    assert stack.client.get(f"/arrivals/{event_id(2)}", follow_redirects=False).status_code == 303
    other = {"Authorization": f"Bearer {stack.tokens['unit:411481100']}"}
    assert stack.client.get(f"/arrivals/{event_id(2)}", headers=other).status_code == 404


def test_the_grades_of_an_arrivals_places_are_told_to_those_who_see_it(stack: Stack) -> None:
    path = f"/v1/arrivals/{event_id(1)}/grades"
    told = stack.get(path, "county:411426").json()
    assert [place["place"] for place in told["places"]] == ["origin", "stay", "destination"]
    assert {place["at"] for place in told["places"]} == {arrival(1, VILLAGE)["occurred_at"]}
    missing = stack.get(f"/v1/arrivals/{event_id(99)}/grades", "administrator:*")
    for role, scope in CREDENTIALS:
        answer, why = stack.get(path, f"{role}:{scope}"), stack.get(f"/v1/arrivals/{event_id(1)}/explanation", f"{role}:{scope}")
        assert answer.status_code == why.status_code, (role, scope)
        assert answer.status_code == 200 or answer.content == missing.content, (role, scope)
    assert stack.get(path).status_code == 401


def test_contacts_are_for_the_desks_that_trace_and_show_others_people_masked(stack: Stack) -> None:
    path = f"/v1/contacts?arrival={event_id(2)}"
    missing = stack.get(f"/v1/contacts?arrival={event_id(99)}", "administrator:*")
    assert missing.status_code == 404
    for role, scope in CREDENTIALS:
        answer = stack.get(path, f"{role}:{scope}")
        if (role, scope) in {("administrator", "*"), ("county", "411426"), ("health_desk", "411426")}:
            assert answer.status_code == 200, (role, scope)
        else:
            assert (answer.status_code, answer.content) == (404, missing.content), (role, scope)
    assert stack.get(path).status_code == 401
    assert stack.get("/v1/contacts", "county:411426").status_code == 400
    told = stack.get(path, "county:411426").json()
    assert [(c["name_masked"], c["unit"], c["event_id"], c["strength"]) for c in told["contacts"]] == [
        ("赵*", "411481100", None, "close")
    ]
    assert "4" * 32 not in stack.get(path, "county:411426").text


def test_the_page_of_contacts_names_rule_source_and_responsible_unit(stack: Stack) -> None:
    def page(path: str, who: str) -> httpx.Response:
        return stack.client.get(path, headers={"Authorization": f"Bearer {stack.tokens[who]}", "Accept": "text/html"})

    path = f"/arrivals/{event_id(2)}/contacts"
    shown = page(f"{path}?lang=zh", "health_desk:411426")
    assert shown.status_code == 200
    assert all(text in shown.text for text in ("密切接触", "赵*", "永城市", "同乘一辆车经过同一卡点（相差 2 分钟）", "依据："))
    assert f'{path}"' in page(f"/arrivals/{event_id(2)}", "county:411426").text
    assert f'{path}"' not in page(f"/arrivals/{event_id(2)}", f"unit:{VILLAGE}").text
    assert page(path, f"unit:{VILLAGE}").status_code == 404
    assert stack.client.get(path, follow_redirects=False).status_code == 303


def test_the_command_lists_contacts(stack: Stack) -> None:
    told = json.loads(run(stack, "contacts", event_id(2), "--json").stdout)
    assert [c["event_id"] for c in told["contacts"]] == [event_id(4)]
    text = run(stack, "contacts", event_id(2))
    assert "close" in text.stdout, text.stderr
    assert "1 people" in text.stdout


def run(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    values = stack.settings.model_dump(exclude_defaults=True).items()
    environment = {f"ARRIVALS_{name}".upper(): str(value) for name, value in values}
    command = [sys.executable, "-m", "arrivals", *arguments]
    return subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90)


def test_the_command_prints_both_languages_and_json(stack: Stack) -> None:
    text = run(stack, "explain", event_id(2))
    assert text.returncode == 0, text.stderr
    assert "【决定】" in text.stdout
    assert "[decided]" in text.stdout
    told = json.loads(run(stack, "explain", event_id(2), "--json").stdout)
    assert told["decided_by"] == "fever"
    gone = run(stack, "explain", event_id(99))
    assert gone.returncode == 1
    assert "arrival_unknown" in gone.stderr


def test_the_shipped_rules_are_appended_once_and_a_file_of_rules_whole_or_not_at_all(stack: Stack, tmp_path: Path) -> None:
    first, second = run(stack, "reference", "load"), run(stack, "reference", "load")
    assert first.stdout.startswith(f"{len(shipped_rows())} rows appended"), first.stderr
    assert second.stdout.startswith("0 rows appended")
    listed = json.loads(run(stack, "reference", "list", "rule", "--json").stdout)
    assert {"fever", "key-vehicle"} <= {row["data"]["rule"] for row in listed}
    own = tmp_path / "own.toml"
    own.write_text('[[rule]]\nrule = "own"\nrule_version = 1\nconditions = [{ type = "magic" }]\n', "utf-8")
    refused = run(stack, "reference", "load", str(own))
    assert refused.returncode == 1
    assert "reference_row" in refused.stderr


def test_a_county_corrects_its_own_and_everybody_else_finds_nothing(stack: Stack) -> None:
    path, said = f"/v1/arrivals/{event_id(3)}/corrections", {"destination": "411481100", "reason": "电话核实"}
    missing = stack.post(f"/v1/arrivals/{event_id(99)}/corrections", "administrator:*", said)
    for role, scope in CREDENTIALS:
        answer = stack.post(path, f"{role}:{scope}", said)
        if (role, scope) in {("administrator", "*"), ("county", "411426")}:
            assert answer.status_code == 202, answer.text
        elif role == "county":
            assert (answer.status_code, answer.content) == (404, missing.content)
        else:
            assert answer.status_code == 403, role
    assert stack.post(path, None, said).status_code == 401


WRONG: list[dict[str, str]] = [
    {"destination": "411426999", "reason": "r"},
    {"origin": "99", "reason": "r"},
    {"destination": "x", "reason": "r"},
    {"destination": "411426101", "reason": ""},
    {"destination": "411426101"},
    {"reason": "r", "unit": "4114"},
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_correction_that_names_no_place_or_no_reason_is_refused(stack: Stack, wrong: dict[str, str]) -> None:
    answer = stack.post(f"/v1/arrivals/{event_id(1)}/corrections", "county:411426", wrong)
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_versions_tell_what_changed_and_who_changed_it(stack: Stack) -> None:
    path, said = f"/v1/arrivals/{event_id(5)}", {"destination": "411426102", "reason": "本人电话更正"}
    stack.store([arrival(5, VILLAGE) | {"revision": 0}])
    version = stack.post(f"{path}/corrections", "county:411426", said).json()["reference_version"]
    changed = {"revision": version, "cause": "correction", "recorded_at": "2020-02-18T11:00:00.000+08:00"}
    with stack.stream("/v1/units/411426102/stream", "county:411426") as stream:
        stack.store([arrival(5, "411426102") | changed])
        [event] = stream.until(1)
    assert (event["changed_by"], event["change_reason"]) == ("county-411426", "本人电话更正")
    assert event["reason_zh"].endswith("人工更正（更正；county-411426：本人电话更正）")
    told = stack.get(f"{path}/explanation", "county:411426").json()
    first, second = told["versions"]
    assert (first["by"], first["changes"]) == (None, [])
    assert (second["revision"], second["cause"], second["by"]["author"]) == (version, "correction", "county-411426")
    assert "unit" in {change["field"] for change in second["changes"]}
    assert any("本人电话更正" in line for line in told["text_zh"])
    asking = {"Authorization": f"Bearer {stack.tokens['county:411426']}", "Accept": "text/html"}
    assert said["reason"] in stack.client.get(f"/arrivals/{event_id(5)}", headers=asking).text


def test_a_unit_that_was_merged_has_an_heir_and_its_codes_end(stack: Stack) -> None:
    """Last of this file: the village is gone afterwards."""
    path, heir, village = f"/v1/arrivals/{event_id(3)}/explanation", "unit:411481100", f"unit:{VILLAGE}"
    assert (stack.get(path, heir).status_code, stack.get(path, village).status_code) == (404, 200)
    row = {"unit": VILLAGE, "successors": ["411481100"], "valid_from": "2020-03-03T00:00:00+08:00"}
    with stack.stream(f"/v1/units/{VILLAGE}/stream", village) as stream:
        append(stack.settings, [row_of("succession", row, lambda _: True)])
        stack.wait(lambda: stack.get(path, village).status_code == 401)
        assert [name for name, _ in stream.events()][-1] == "farewell"
    assert stack.get(path, heir).status_code == 200
    assert len(stack.get(f"/v1/units/{VILLAGE}/arrivals", heir).json()["arrivals"]) == 3
    page = stack.client.get("/units/411481100", headers={"Authorization": f"Bearer {stack.tokens[heir]}"}).text
    assert f'href="/units/{VILLAGE}"' in page
    assert stack.get(f"/v1/units/{VILLAGE}/arrivals", "county:411481").status_code == 200
