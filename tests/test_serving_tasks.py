"""From a case to every responsible unit, over HTTP with real servers: tasks, who read what, moves live, notes, rosters, heirs."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from clickhouse_driver import Client

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.reference_writer import append
from reference.rows import make_row
from schemas.areas import SuccessionData
from schemas.sealing import NONCE_BYTES
from tests.cli_kit import call
from tests.serving_kit import by_rail, event_id, quiet
from tests.serving_stack import Stack, running_stack

TOWN, VILLAGE, ELSEWHERE, COUNTY = "411426101", "411426101201", "411481100", "411426"
SISTER = "411426101202"
CLERK, TOWN_CLERK, OTHER, DESK, THEIR_DESK, HEALTH, ADMINISTRATOR = (
    *(f"unit:{unit}" for unit in (VILLAGE, TOWN, ELSEWHERE)),
    f"county:{COUNTY}",
    "county:411481",
    f"health_desk:{COUNTY}",
    "administrator:*",
)
DAY = "2020-02-18"
CASE = 1
HOSTILE = ("=1+1", "+86", "-1", "@x")


@pytest.fixture(scope="module")
def stack(
    kafka_server: KafkaServer, clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A case in a coach of a train, five fellow passengers in two counties, and people of a village."""
    folder = tmp_path_factory.mktemp("tasks")
    with running_stack(kafka_server, clickhouse_server, folder, "tasks.", ("sink", "desk", "api")) as running:
        keys = KeyStore.open(running.settings.secret_path("keys.json", None), create=False)
        people = [rail(CASE, VILLAGE, "05A"), rail(2, VILLAGE, "06C"), rail(3, TOWN, "07F"), rail(4, ELSEWHERE, "08A")]
        people += [rail(5, VILLAGE, "19F"), rail(6, SISTER, "06A"), rail(7, VILLAGE, "05A", coach="09")]
        people += [quiet(n, VILLAGE, 30 + n, person=person(n), sealed=sealed(keys, n)) for n in range(20, 32)]
        people += [quiet(n, ELSEWHERE, n, person=person(n)) for n in range(40, 42)]
        running.store(people)
        running.wait(lambda: running.counts(COUNTY, DESK)["pending"] == 18)
        running.wait(lambda: running.counts(ELSEWHERE, OTHER)["pending"] == 3)
        yield running


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[Client]:
    made = connect(stack.settings)
    yield made
    made.disconnect()


def person(number: int) -> dict[str, Any]:
    name = HOSTILE[number % 4] if 24 <= number < 28 else "王*"
    return {"key": f"{number:032x}", "name_masked": name, "document_type": "resident_id", "document_last4": "0012"}


def rail(number: int, unit: str, seat: str, coach: str = "05") -> dict[str, Any]:
    leg = {"train": "K1235", "train_pair": "K1234", "service_date": "2020-02-17", "coach": coach, "seat": seat}
    return by_rail(number, unit, number, person=person(number), rail=leg, party_id=None)


def sealed(keys: KeyStore, number: int) -> dict[str, Any]:
    name = {28: "=2+5", 29: "@SUM(1)"}.get(number, f"测试{number}")
    texts: dict[str, Any] = {
        "identity": {"name": name, "document_type": "resident_id", "document_number": f"110101199001010{number:03d}"},
        "address": {"origin": "武汉", "destination": f"会亭镇{number}号", "stays": []},
    }
    texts["identity"] |= {"phone": f"+861380000{number:04d}", "plate": None}
    closed = {
        purpose: keys.seal_for_writing(DAY, purpose).close(orjson.dumps(text), event_id(number), os.urandom(NONCE_BYTES))  # type: ignore[arg-type]
        for purpose, text in texts.items()
    }
    return {"key_id": DAY, **closed}


def listed(stack: Stack, unit: str, who: str, state: str) -> list[int]:
    page = stack.get(f"/v1/units/{unit}/arrivals?state={state}&limit=200", who).json()
    return sorted(int(told["event_id"][-12:], 16) for told in page["arrivals"])


def lines(stack: Stack, kind: str, number: int | None = None) -> list[dict[str, Any]]:
    asked = f"&event_id={event_id(number)}" if number is not None else ""
    found = stack.get(f"/v1/audit-trail?limit=200{asked}", ADMINISTRATOR).json()["lines"]
    return [line for line in found if line["kind"] == kind]


def order(stack: Stack, who: str, number: int = CASE, **body: Any) -> Any:
    return stack.post(f"/v1/arrivals/{event_id(number)}/contact-tasks", who, {"reason": "confirmed"} | body)


def test_reading_contacts_is_a_line_of_the_trail(stack: Stack) -> None:
    assert stack.get(f"/v1/contacts?arrival={event_id(CASE)}", DESK).json()["total"] == 5
    assert stack.get(f"/arrivals/{event_id(CASE)}/contacts", HEALTH, headers={"Accept": "text/html"}).status_code == 404
    assert stack.get(f"/arrivals/{event_id(CASE)}/contacts", ADMINISTRATOR).status_code == 200
    assert stack.get(f"/v1/contacts?arrival={event_id(CASE)}", CLERK).status_code == 404
    assert [(line["actor"], line["scope"], line["detail"]) for line in lines(stack, "contacts", CASE)] == [
        ("administrator-all", "*", {"found": 5}),
        ("county-411426", COUNTY, {"found": 5}),
    ]


def test_nobody_else_may_make_tasks_and_wrong_orders_are_refused(stack: Stack) -> None:
    missing = order(stack, ADMINISTRATOR, 99)
    for who in (CLERK, TOWN_CLERK, THEIR_DESK, "analyst:*", "device:CP-411426-01", HEALTH):
        answer = order(stack, who)
        assert (answer.status_code, answer.content) == (404, missing.content), who
    wrong: list[dict[str, Any]] = [{"reason": "张三"}, {"ties": []}, {"ties": ["all"]}, {"reason": None}]
    for body in wrong:
        answer = order(stack, DESK, **body)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert lines(stack, "trace") == []


def test_from_a_confirmed_case_to_a_task_for_every_responsible_unit(stack: Stack, client: Client) -> None:
    assert stack.act(3, TOWN_CLERK, "acknowledge", 1).status_code == 200
    with stack.stream(f"/v1/units/{ELSEWHERE}/stream", OTHER) as stream:
        stream.settle()
        told = order(stack, DESK).json()
        [task] = stream.until(1, "task")
        assert (task["event_id"], task["unit"], task["unit_before"], task["risk"]) == (event_id(4), ELSEWHERE, None, "high")
    assert {name: told[name] for name in ("found", "tasks", "known", "closed", "absent")} == {
        **{"found": 5, "tasks": 5, "known": 0, "closed": 0, "absent": 0}
    }
    assert {(row["unit"], row["tasks"]) for row in told["units"]} == {(VILLAGE, 2), (TOWN, 1), (ELSEWHERE, 1), (SISTER, 1)}
    assert listed(stack, VILLAGE, CLERK, "contact") == [2, 5]
    assert listed(stack, TOWN, TOWN_CLERK, "contact") == [2, 3, 5, 6]
    seen = stack.get(f"/v1/arrivals/{event_id(4)}/duty", OTHER)
    duty = seen.json()
    [task] = duty["tasks"]
    assert (duty["risk"], duty["decision"], task["rule"], task["strength"]) == ("high", "isolate", "train-rows", "close")
    assert (task["text_zh"], task["distance"], bool(task["source_zh"])) == ("同一车厢前后三排以内", 3, True)
    assert event_id(CASE) not in seen.text
    assert stack.get(f"/v1/arrivals/{event_id(4)}/duty", THEIR_DESK).json()["tasks"][0]["case"] == event_id(CASE)
    assert event_id(CASE) in stack.get(f"/v1/arrivals/{event_id(4)}/duty", THEIR_DESK).text
    page = stack.get(f"/units/{ELSEWHERE}/duties?state=contact", OTHER, headers={"Accept": "text/html"}).text
    assert "与病例有接触，须隔离、检测：同一车厢前后三排以内 相隔 3 排（间）" in page
    assert event_id(CASE) not in page
    again = order(stack, DESK, ties=["close", "general", "weak"]).json()
    assert (again["tasks"], again["known"]) == (0, 5)
    sql = "SELECT event_id, unit, action, reason, role, risk FROM v_unit_actions WHERE action = 'traced' ORDER BY event_id"
    stack.wait(lambda: len(client.execute(sql)) == 5)
    rows = client.execute(sql)
    assert {row[1:] for row in rows if str(row[0]) == event_id(4)} == {
        (ELSEWHERE, "traced", "close_contact", "county", "high"),
    }
    orders = lines(stack, "trace", CASE)
    assert [line["detail"].get("task", 0) for line in orders] == [0, 5]
    assert len([line for line in lines(stack, "act") if line["detail"]["action"] == "traced"]) == 5


def test_the_unit_acknowledges_its_task(stack: Stack) -> None:
    before = stack.get(f"/v1/arrivals/{event_id(3)}/duty", TOWN_CLERK).json()
    assert (before["state"], before["actions"][0], bool(before["due_at"])) == ("acknowledged", "acknowledge", True)
    done = stack.act(3, TOWN_CLERK, "acknowledge", before["version"]).json()
    assert (done["state"], done["due_at"], bool(done["tasks"][0]["seen_at"])) == ("acknowledged", None, True)
    assert listed(stack, TOWN, TOWN_CLERK, "contact") == [2, 5, 6]


def test_the_page_orders_after_a_confirmation_and_from_our_own_page_only(stack: Stack) -> None:
    path = f"/arrivals/{event_id(CASE)}/contacts"
    shown = stack.get(path, DESK, headers={"Accept": "text/html"}).text
    assert "向责任单元下达密接任务" in shown
    assert shown.count(" required") == 2
    form = {"data": {"reason": "confirmed", "ties": ["close", "weak"]}}
    assert stack.post(path, DESK, headers={"Sec-Fetch-Site": "cross-site"}, **form).status_code == 403
    own = {"Sec-Fetch-Site": "same-origin"}
    done = stack.post(path, DESK, headers=own, **form)
    assert (done.status_code, "已下达 0 项任务" in done.text, "此前已下达 5 人" in done.text) == (200, True, True)
    assert stack.post(path, DESK, headers=own, data={"reason": ""}).status_code == 400
    assert stack.post(path, CLERK, headers=own, **form).status_code == 404


def test_the_command_makes_tasks(stack: Stack) -> None:
    done = call(stack.settings, "contacts", event_id(CASE), "--task", "confirmed", "--json")
    assert (done.returncode, orjson.loads(done.stdout)["known"]) == (0, 5)
    told = call(stack.settings, "contacts", event_id(CASE), "--task", "suspected", "--tie", "weak")
    assert (told.returncode, b"0 people" in told.stdout) == (0, True)
    assert [line["actor"] for line in lines(stack, "trace", CASE)][:1] == ["operator"]


def moved(stream: Any) -> dict[str, Any]:
    [move] = stream.until(1, "moved")
    found: dict[str, Any] = move
    return found


def test_a_transfer_is_announced_to_both_and_nothing_is_lost_or_told_twice(stack: Stack) -> None:
    paths = {OTHER: f"/v1/units/{ELSEWHERE}/stream", CLERK: f"/v1/units/{VILLAGE}/stream"}
    with stack.stream(paths[OTHER], OTHER) as theirs, stack.stream(paths[CLERK], CLERK) as ours:
        theirs.settle()
        ours.settle()
        hand_over(stack, 20)
        first = moved(theirs)
        assert {name: first[name] for name in ("event_id", "unit", "unit_before", "action", "state")} == {
            **{"event_id": event_id(20), "unit": ELSEWHERE, "unit_before": VILLAGE, "action": "accept", "state": "acknowledged"}
        }
        assert first["unit_name"].startswith("永城市")
        assert 20 in listed(stack, ELSEWHERE, OTHER, "acknowledged")
        assert moved(ours) == first
        position = theirs.position
    hand_over(stack, 21)
    for path, who in ((paths[OTHER], OTHER), (f"/v1/units/{TOWN}/stream", TOWN_CLERK)):
        with stack.stream(path, who, position) as stream:
            assert moved(stream)["event_id"] == event_id(21)
            if who == OTHER:
                hand_over(stack, 22)
            assert moved(stream)["event_id"] == event_id(22)


def hand_over(stack: Stack, number: int) -> None:
    assert stack.act(number, CLERK, "transfer", 1, to=ELSEWHERE).status_code == 200
    assert stack.act(number, OTHER, "accept", 2).status_code == 200


def test_a_list_and_the_stream_after_it_leave_no_move_out(stack: Stack) -> None:
    page = stack.get(f"/v1/units/{ELSEWHERE}/arrivals?state=open", OTHER).json()
    hand_over(stack, 23)
    with stack.stream(f"/v1/units/{ELSEWHERE}/stream", OTHER, page["position"]) as stream:
        while moved(stream)["event_id"] != event_id(23):
            pass


def test_a_re_routed_arrival_leaves_the_unit_that_had_it(stack: Stack) -> None:
    with stack.stream(f"/v1/units/{TOWN}/stream", TOWN_CLERK) as stream:
        stream.settle()
        stack.store([quiet(30, ELSEWHERE, 60, person=person(30), revision=99_999, cause="reference")])
        assert (moved(stream)["action"], listed(stack, VILLAGE, CLERK, "open").count(30)) == ("rerouted", 0)


def test_notes_are_read_by_those_who_may_write_them_and_never_untold(stack: Stack) -> None:
    path = f"/v1/arrivals/{event_id(24)}/notes"
    assert stack.act(24, CLERK, "note", 1, note="家中有老人").status_code == 200
    assert stack.act(24, DESK, "note", 2, note="已电话联系").status_code == 200
    for who, status in ((OTHER, 404), (THEIR_DESK, 404), (ADMINISTRATOR, 403), (HEALTH, 404), ("analyst:*", 404)):
        assert stack.post(path, who, {"reason": "call"}).status_code == status
    assert stack.post(path, CLERK, {"reason": "curious"}).status_code == 400
    answer = stack.post(path, CLERK, {"reason": "visit"})
    assert [(note["version"], note["author"], note["text"]) for note in answer.json()["notes"]] == [
        (2, f"unit-{VILLAGE}", "家中有老人"),
        (3, "county-411426", "已电话联系"),
    ]
    [line] = lines(stack, "notes", 24)
    assert (line["line"], line["actor"]) == (answer.json()["trail_line"], f"unit-{VILLAGE}")
    assert line["detail"] == {"reason": "visit", "unit": VILLAGE, "count": 2}


def roster(stack: Stack, unit: str, who: str, query: str = "") -> Any:
    return stack.get(f"/v1/units/{unit}/roster?state=pending{query}", who)


def test_a_roster_is_masked_until_there_is_a_reason_which_is_one_line(stack: Stack) -> None:
    masked = roster(stack, VILLAGE, CLERK)
    assert masked.json()["columns"][-1] == "signature"
    assert "测试31" not in masked.text
    assert (masked.json()["trail_line"], len(lines(stack, "roster"))) == (None, 0)
    opened = roster(stack, VILLAGE, CLERK, "&reason=visit").json()
    row = next(row for row in opened["rows"] if row["name"] == "测试31")
    assert (row["document"], row["phone"], row["signature"]) == ("110101199001010031", "13800000031", "")
    assert "会亭镇31号" in row["stays"]
    [line] = lines(stack, "roster")
    assert (line["line"], line["event_id"], line["actor"]) == (opened["trail_line"], "", f"unit-{VILLAGE}")
    detail = line["detail"]
    assert (detail["reason"], detail["count"], detail["list"], detail["unit"]) == (
        "visit",
        len(opened["rows"]),
        "pending",
        VILLAGE,
    )
    assert event_id(31) in detail["arrivals"]
    assert roster(stack, VILLAGE, CLERK, "&reason=curious").status_code == 400


def test_nobody_gets_the_roster_of_a_foreign_unit(stack: Stack) -> None:
    for more in ("", "&reason=visit", "&format=xlsx"):
        for who in (OTHER, THEIR_DESK, HEALTH, "analyst:*", "device:CP-411426-01"):
            assert roster(stack, VILLAGE, who, more).status_code == 404
            assert stack.get(f"/units/{VILLAGE}/roster", who).status_code == 404
            assert stack.post(f"/units/{VILLAGE}/roster", who, data={"reason": "visit"}).status_code == 404
    assert stack.client.get(f"/units/{VILLAGE}/roster", follow_redirects=False).status_code == 303


def test_a_desk_that_may_look_but_not_reveal_sees_masked_names_only(stack: Stack) -> None:
    told = stack.get(f"/v1/units/{COUNTY}-health/roster?state=open&reason=health", HEALTH).json()
    assert told["rows"]
    assert all("测试" not in row["name"] for row in told["rows"])
    answer = stack.get(f"/v1/units/{VILLAGE}/roster?state=pending&reason=report", ADMINISTRATOR).json()
    assert all("测试" not in row["name"] for row in answer["rows"])
    assert [line["detail"]["count"] for line in lines(stack, "roster")][:2] == [0, 0]


def test_a_spreadsheet_holds_the_same_and_no_formula(stack: Stack) -> None:
    for more, wanted in (("", "@x"), ("&reason=visit", "@SUM(1)")):
        answer = roster(stack, VILLAGE, CLERK, f"&format=xlsx{more}")
        assert answer.headers["content-disposition"] == f'attachment; filename="roster_{VILLAGE}_pending.xlsx"'
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            sheet, strings = book.read("xl/worksheets/sheet1.xml").decode(), book.read("xl/sharedStrings.xml").decode()
        assert "<f>" not in sheet
        assert "externalLink" not in str(book.namelist())
        assert 'orientation="landscape"' in sheet
        assert f">{wanted}<" in strings


def test_the_page_bears_unit_person_and_time(stack: Stack) -> None:
    page = stack.get(f"/units/{VILLAGE}/roster?state=pending", CLERK, headers={"Accept": "text/html"})
    assert page.text.count(f"冉石庄村委会 · unit-{VILLAGE} · 20") > 10
    assert "测试31" not in page.text
    assert "签名" in page.text
    cross = stack.post(f"/units/{VILLAGE}/roster", None, data={"reason": "visit"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert cross.status_code == 403
    named = stack.post(f"/units/{VILLAGE}/roster", CLERK, data={"state": "pending", "reason": "visit"})
    assert (named.status_code, "测试31" in named.text) == (200, True)


def test_the_heir_of_a_unit_that_ended_acts_on_what_it_left(stack: Stack, client: Client) -> None:
    """At last, because the village is gone afterwards."""
    data = SuccessionData(kind="succession", unit=SISTER, successors=(VILLAGE,))
    with stack.stream(f"/v1/units/{VILLAGE}/stream", CLERK) as stream:
        stream.settle()
        append(stack.settings, [make_row(data, key=SISTER, author="test", reason="merged")])
        move = moved(stream)
    assert (move["action"], move["event_id"], move["unit"], move["unit_before"]) == ("inherited", event_id(6), VILLAGE, SISTER)
    duty = stack.get(f"/v1/arrivals/{event_id(6)}/duty", CLERK).json()
    assert (duty["unit"], duty["actions"][0], duty["history"][0]["detail"]["action"]) == (VILLAGE, "acknowledge", "inherited")
    assert stack.act(6, CLERK, "acknowledge", duty["version"]).json()["state"] == "acknowledged"
    sql = "SELECT unit_before, unit, actor FROM v_unit_actions WHERE action = 'inherited'"
    stack.wait(lambda: client.execute(sql))
    assert client.execute(sql) == [(SISTER, VILLAGE, "desk")]
    assert stack.get("/v1/audit-trail/verification", ADMINISTRATOR).json()["problem"] == ""
