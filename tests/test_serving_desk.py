"""The desk over HTTP with its own part, its database, Kafka and ClickHouse: from assigned to released, and who may not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from clickhouse_driver import Client

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.desk_engine import make_engine
from arrivals.runtime.keys import KeyStore
from schemas.sealing import NONCE_BYTES
from serving.desk import trail
from serving.scopes import SCOPES
from tests.cli_kit import call
from tests.serving_kit import arrival, event_id, quiet
from tests.serving_stack import CREDENTIALS, Stack, running_stack

TOWN, VILLAGE, ELSEWHERE, COUNTY = "411426101", "411426101201", "411481100", "411426"
CLERK, TOWN_CLERK, OTHER, DESK, HEALTH = (
    *(f"unit:{unit}" for unit in (VILLAGE, TOWN, ELSEWHERE)),
    f"county:{COUNTY}",
    f"health_desk:{COUNTY}",
)
DAY, ERASED = "2020-02-18", "2020-02-17"
PERSON = {"name": "测试甲", "document_type": "resident_id", "document_number": "11010119900101001X", "phone": "+8613800000001"}


@pytest.fixture(scope="module")
def stack(
    kafka_server: KafkaServer, clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("desk")
    with running_stack(kafka_server, clickhouse_server, folder, "desk.", ("sink", "desk", "api")) as running:
        keys = KeyStore.open(running.settings.secret_path("keys.json", None), create=False)
        high = {"decision": "observe"}
        people = [arrival(n, VILLAGE, n, sealed=sealed(keys, n), **high) for n in range(1, 7)]
        people += [quiet(n, VILLAGE, n) for n in range(100, 400)]
        people += [quiet(n, ELSEWHERE, n, site_county="411481") for n in range(400, 403)]
        people += [arrival(500, VILLAGE, 500, sealed=sealed(keys, 500, ERASED), **high)]
        keys.destroy(ERASED)
        running.store(people)
        running.wait(lambda: running.counts(COUNTY, DESK)["pending"] == 307)
        running.wait(lambda: running.counts(ELSEWHERE, OTHER)["pending"] == 3)
        yield running


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[Client]:
    made = connect(stack.settings)
    yield made
    made.disconnect()


def sealed(keys: KeyStore, number: int, day: str = DAY) -> dict[str, Any]:
    """The seal of a person and an address, as the gateway makes it."""
    texts = {
        "identity": PERSON | {"operator": "x"},
        "address": {"origin": "武汉", "destination": f"会亭镇{number}号", "stays": []},
    }
    closed = {
        purpose: keys.seal_for_writing(day, purpose).close(orjson.dumps(text), event_id(number), os.urandom(NONCE_BYTES))  # type: ignore[arg-type]
        for purpose, text in texts.items()
    }
    return {"key_id": day, **closed}


def listed(stack: Stack, unit: str, who: str, state: str) -> list[int]:
    page = stack.get(f"/v1/units/{unit}/arrivals?state={state}&limit=200", who).json()
    assert set(page["duties"]) == {told["event_id"] for told in page["arrivals"]}
    return [int(told["event_id"][-12:], 16) for told in page["arrivals"]]


def test_from_assigned_to_released(stack: Stack, client: Client) -> None:
    assert stack.act(1, CLERK, "acknowledge", 1).json()["state"] == "acknowledged"
    late = stack.act(1, TOWN_CLERK, "decline", 1, reason="not_here")
    assert (late.status_code, late.json()["code"], late.json()["present"]["version"]) == (409, "version_passed", 2)
    assert (late.headers["content-type"], late.json()["detail_zh"]) == ("application/problem+json", "已有人先处理，请看最新状态")
    stack.act(1, CLERK, "transfer", 2, to=ELSEWHERE)
    assert (listed(stack, ELSEWHERE, OTHER, "offered"), 1 in listed(stack, VILLAGE, CLERK, "acknowledged")) == ([1], True)
    taken = stack.act(1, OTHER, "accept", 3).json()
    assert (taken["unit"], taken["actions"]) == (ELSEWHERE, ["decline", "register", "transfer", "release", "note", "undo"])
    assert stack.act(1, CLERK, "register", 4).status_code == 404
    assert stack.get(f"/v1/arrivals/{event_id(1)}/explanation", OTHER).json()["decision"] == "observe"
    assert listed(stack, ELSEWHERE, OTHER, "acknowledged") == [1]
    for version, (action, fields) in enumerate([("register", {}), ("observe", {}), ("temperature", {"temperature_c": 38.2})], 4):
        assert stack.act(1, OTHER, action, version, **fields).status_code == 200
    assert stack.act(1, OTHER, "release", 7, reason="hospital").json()["code"] == "health_alert_open"
    assert listed(stack, f"{COUNTY}-health", HEALTH, "alert") == [1]
    assert stack.act(1, HEALTH, "acknowledge", 7).status_code == 200
    assert stack.act(1, OTHER, "release", 8, reason="hospital", note="已送县医院").json()["state"] == "released"
    told = stack.get(f"/v1/arrivals/{event_id(1)}/duty", OTHER).json()
    assert [line["detail"]["action"] for line in reversed(told["history"])] == [
        *("acknowledge", "transfer", "accept", "register", "observe", "temperature", "acknowledge", "release"),
    ]
    sql = "SELECT action, unit, state FROM v_unit_actions WHERE event_id = %(id)s ORDER BY duty_version"
    stack.wait(lambda: len(client.execute(sql, {"id": event_id(1)})) == 9)
    rows = client.execute(sql, {"id": event_id(1)})
    assert rows[0] == ("assigned", VILLAGE, "pending")
    assert rows[3] == ("accept", ELSEWHERE, "acknowledged")
    assert rows[-1] == ("release", ELSEWHERE, "released")
    alerts = "SELECT rule, unit, temperature_c FROM v_alerts WHERE event_id = %(id)s"
    stack.wait(lambda: client.execute(alerts, {"id": event_id(1)}))
    assert [(rule, unit, float(degrees)) for rule, unit, degrees in client.execute(alerts, {"id": event_id(1)})] == [
        ("observation-fever", ELSEWHERE, 38.2)
    ]


def test_three_hundred_in_one_request(stack: Stack) -> None:
    items = [{"event_id": event_id(n), "command": {"action": "acknowledge", "version": 1}} for n in range(100, 399)]
    items.append({"event_id": event_id(401), "command": {"action": "acknowledge", "version": 1}})
    answer = stack.post("/v1/arrivals/actions", CLERK, {"items": items})
    print(f"300 acts answered in {answer.elapsed.total_seconds():.2f} s")
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [200] * 299 + [404]
    assert results[0]["duty"]["state"] == "acknowledged"
    assert results[-1] == {**results[-1], "code": "not_found", "detail_zh": "没有找到"}
    too_many = stack.post("/v1/arrivals/actions", CLERK, {"items": [items[0]] * 301})
    assert (too_many.status_code, too_many.json()["errors"][0]["field"]) == (400, "items")


def test_who_it_is_only_for_the_responsible_unit_and_never_untold(stack: Stack) -> None:
    path = f"/v1/arrivals/{event_id(2)}/reveal"
    listing = stack.get(f"/v1/units/{VILLAGE}/arrivals?state=pending", CLERK).text
    assert PERSON["name"] not in listing
    for who, status in ((OTHER, 404), ("administrator:*", 403), (HEALTH, 403), ("analyst:*", 404)):
        assert stack.post(path, who, {"reason": "call"}).status_code == status
    assert stack.post(path, CLERK, {"reason": "curious"}).status_code == 400
    opened = stack.post(path, CLERK, {"reason": "call"})
    assert {name: opened.json()[name] for name in PERSON} == PERSON
    assert (opened.json()["address"], opened.headers["cache-control"]) == ("会亭镇2号", "no-store")
    assert "operator" not in opened.json()
    lines = stack.get(f"/v1/audit-trail?event_id={event_id(2)}", "administrator:*").json()["lines"]
    assert [(line["kind"], line["actor"], line["detail"]["reason"], line["line"]) for line in lines] == [
        ("reveal", f"unit-{VILLAGE}", "call", opened.json()["trail_line"])
    ]
    gone = stack.post(f"/v1/arrivals/{event_id(500)}/reveal", CLERK, {"reason": "call"})
    assert (gone.status_code, gone.json()["code"]) == (410, "identity_erased")
    noted = stack.act(500, CLERK, "note", 1, note="x")
    assert noted.status_code == 400


#: Nothing is foreign to an administrator; what he may not do is in `test_duties_acts`.
BODIES = {
    "actions": {"action": "acknowledge", "version": 1},
    "reveal": {"reason": "call"},
    "notes": {"reason": "call"},
    "contact-tasks": {"reason": "confirmed"},
    "corrections": {"destination": "411481100", "reason": "call"},
}
STRANGERS = [f"{role}:{scope}" for role, scope in CREDENTIALS if role != "administrator"]


@pytest.mark.parametrize("who", STRANGERS)
def test_no_route_shows_a_foreign_arrival_or_tells_that_there_is_one(stack: Stack, who: str) -> None:
    """Every route of an arrival × every role × a foreign arrival and one that does not exist: the same bytes."""
    role, _, scope = who.partition(":")
    foreign = event_id(400) if scope.startswith("411426") or role in ("analyst", "device") else event_id(3)
    for (method, path), declared in SCOPES.items():
        if declared != "arrival" or not path.startswith("/v1"):
            continue
        answers = []
        for which in (foreign, event_id(9_999)):
            place = path.format(event_id=which) + (f"?arrival={which}" if path == "/v1/contacts" else "")
            answer = stack.get(place, who) if method == "GET" else stack.post(place, who, BODIES[path.rpartition("/")[2]])
            answers.append((answer.status_code, answer.content))
        assert answers[0] == answers[1], path
        assert answers[0][0] == (403 if path.endswith("corrections") and role != "county" else 404), path
    items = [
        {"event_id": which, "command": {"action": "note", "version": 1, "note": "x"}} for which in (foreign, event_id(9_999))
    ]
    one, other = stack.post("/v1/arrivals/actions", who, {"items": items}).json()["results"]
    assert one | {"event_id": ""} == other | {"event_id": ""}
    assert one["status"] == 404


def test_a_countys_first_page_leads_to_its_duties(stack: Stack) -> None:
    for who, leads in (("county:411426", True), ("administrator:*", False)):
        page = stack.get("/", who, headers={"Accept": "text/html"})
        assert page.status_code == 200
        assert ('href="/units/411426/duties"' in page.text) is leads


def test_a_session_acts_from_our_own_page_only(stack: Stack) -> None:
    login = stack.client.post("/login", data={"code": stack.tokens[CLERK]}, headers={"Sec-Fetch-Site": "same-origin"})
    cookie = {"Cookie": login.headers["set-cookie"].partition(";")[0]}
    body = {"action": "acknowledge", "version": 1}
    path = f"/v1/arrivals/{event_id(4)}/actions"
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil"}, {}):
        assert stack.post(path, None, body, headers=cookie | headers).status_code == 403
    assert stack.post(path, None, body, headers=cookie | {"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_a_wrong_body_is_a_problem_in_chinese(stack: Stack) -> None:
    for body in (b"", b"{}", b'{"action": "acknowledge", "version": "1"}', b"x" * 9_000):
        answer = stack.post(f"/v1/arrivals/{event_id(5)}/actions", CLERK, content=body)
        assert answer.status_code in (400, 413)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["title_zh"]


def test_progress_and_households(stack: Stack) -> None:
    for version, (action, fields) in enumerate([("acknowledge", {}), ("register", {"proxy": event_id(6)}), ("observe", {})], 1):
        assert stack.act(5, CLERK, action, version, **fields).status_code == 200
    assert stack.act(5, CLERK, "register", 4, proxy=event_id(400)).json()["code"] == "proxy_unknown"
    told = stack.get(f"/v1/units/{VILLAGE}/observations", CLERK).json()
    assert (told["expected"], told["reported"], [h["answers"] for h in told["households"]]) == (1, 0, [event_id(6)])
    assert stack.act(5, CLERK, "temperature", 4, temperature_c=36.4).status_code == 200
    assert stack.get(f"/v1/units/{VILLAGE}/observations", CLERK).json()["missing"] == 0
    below = stack.get(f"/v1/units/{COUNTY}/duties", DESK).json()["below"]
    assert [(row["unit"], row["unit_name"], row["observing"]) for row in below] == [(TOWN, "夏邑县 会亭镇", 1)]


def test_wrong_states_are_refused_and_pages_go_on(stack: Stack) -> None:
    wrong = stack.get(f"/v1/units/{VILLAGE}/arrivals?state=gone", CLERK)
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "state")
    seen: list[str] = []
    cursor = ""
    while True:
        page = stack.get(f"/v1/units/{VILLAGE}/arrivals?state=open&limit=120{cursor}", CLERK).json()
        seen += [told["event_id"] for told in page["arrivals"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen)) == stack.counts(VILLAGE, CLERK)["open"]
    everything = stack.get(f"/v1/units/{VILLAGE}/arrivals?limit=10", CLERK).json()
    assert set(everything["duties"]) == {told["event_id"] for told in everything["arrivals"]}


def test_the_trail_is_whole_and_agrees_with_what_was_published(stack: Stack, client: Client) -> None:
    answer = stack.get("/v1/audit-trail/verification", "administrator:*").json()
    assert (answer["problem"], answer["lines"] > 300) == ("", True)
    engine = make_engine(stack.settings)
    lines = trail.verify(engine).lines
    engine.dispose()
    stack.wait(lambda: client.execute("SELECT max(trail_line) FROM v_unit_actions")[0][0] >= lines - 1)
    done = call(stack.settings, "audit-trail", "verify", "--json")
    assert (done.returncode, orjson.loads(done.stdout)) == (0, {"lines": lines, "wrong_line": None, "problem": ""})
    shown = orjson.loads(call(stack.settings, "audit-trail", "list", "--limit", "3", "--json").stdout)
    assert [line["line"] for line in shown] == [lines, lines - 1, lines - 2]
