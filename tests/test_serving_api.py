"""The API over real servers: lists, streams, queries, reports, and that nobody sees what is not theirs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.runtime.reference_writer import append, credential_row, new_token, token_digest
from reference.rows import make_row
from schemas.base import LOCAL
from schemas.reference_rows import CredentialData
from serving.queries import ARRIVALS, QUERIES
from tests.serving_kit import arrival, by_rail, event_id, feverish, publish, quiet
from tests.serving_stack import CREDENTIALS, Stack, running_stack, same

TOWN, VILLAGE, ELSEWHERE = "411426101", "411426101201", "411481100"
DAY = "2020-02-18"


@pytest.fixture(scope="module")
def stack(
    kafka_server: KafkaServer, clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    with running_stack(kafka_server, clickhouse_server, tmp_path_factory.mktemp("api"), "api.") as running:
        running.store(first_day())
        yield running


def first_day() -> list[dict[str, object]]:
    """Numbers 1 to 120 in the town, one a minute; the others in another county, at desks, at night."""
    town = [quiet(n, VILLAGE if n % 2 else TOWN, minutes=n) for n in range(1, 118)]
    town += [arrival(118, TOWN, 118), feverish(119, VILLAGE, 119), by_rail(120, TOWN, 120)]
    elsewhere = [quiet(n, ELSEWHERE, minutes=n - 200, site_county="411481") for n in range(201, 211)]
    desk = [
        quiet(301, "411426", 10, desk_reason="county_only"),
        quiet(302, "4114", 11, desk_reason="unresolved", site_county=None),
    ]
    before_midnight = 17 * 60 + 59.5
    night = [quiet(401, ELSEWHERE, before_midnight), quiet(402, ELSEWHERE, before_midnight + 1)]
    return [*town, *elsewhere, *desk, *night]


def numbers(arrivals: list[dict[str, str]]) -> list[int]:
    return [int(a["event_id"][-12:], 16) for a in arrivals]


def test_a_unit_sees_its_own_people_newest_first(stack: Stack) -> None:
    page = stack.get(f"/v1/units/{TOWN}/arrivals?limit=200", f"unit:{TOWN}").json()
    assert numbers(page["arrivals"]) == list(range(120, 0, -1))
    assert page["next_cursor"] is None
    assert page["unit_name"] == "夏邑县 会亭镇"
    villagers = stack.get(f"/v1/units/{VILLAGE}/arrivals?limit=200", f"unit:{VILLAGE}").json()["arrivals"]
    assert numbers(villagers) == list(range(119, 0, -2))
    county = stack.get("/v1/units/411426/arrivals?limit=200", "county:411426").json()["arrivals"]
    assert set(numbers(county)) == {*range(1, 121), 301}
    health = stack.get("/v1/units/411426-health/arrivals", "health_desk:411426").json()["arrivals"]
    assert numbers(health) == [119, 118]
    city_desk = stack.get("/v1/units/4114/arrivals", "administrator:*").json()["arrivals"]
    assert numbers(city_desk) == [302]


def test_pages_neither_skip_nor_repeat_while_people_arrive(stack: Stack) -> None:
    seen: list[int] = []
    cursor = ""
    for turn in range(20):
        page = stack.get(f"/v1/units/{ELSEWHERE}/arrivals?limit=3{cursor}", f"unit:{ELSEWHERE}").json()
        seen += numbers(page["arrivals"])
        if turn == 1:
            stack.store([quiet(220, ELSEWHERE, 17 * 60 + 65)])
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [402, 401, *range(210, 200, -1)]


def test_filters_and_wrong_parameters(stack: Stack) -> None:
    high = stack.get(f"/v1/units/{TOWN}/arrivals?risk=high", f"unit:{TOWN}").json()["arrivals"]
    assert numbers(high) == [119, 118]
    for wrong in ("state=gone", "risk=*", "limit=0", "limit=201", "cursor=x"):
        answer = stack.get(f"/v1/units/{TOWN}/arrivals?{wrong}", f"unit:{TOWN}")
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert [e["field"] for e in answer.json()["errors"]] == [wrong.partition("=")[0]]


def test_what_is_not_yours_answers_like_what_does_not_exist(stack: Stack) -> None:
    paths = ("/v1/units/{}/arrivals", "/v1/units/{}/stream", "/v1/units/{}/arrivals?limit=9", "/units/{}")
    missing = {stack.get(path.format("411499999"), f"unit:{TOWN}").content for path in paths}
    assert len(missing) == 1
    for role, scope in CREDENTIALS:
        for unit in ("4114", "411426", TOWN, VILLAGE, "411481", ELSEWHERE, "411426-health", "4114-health", "411426101-x"):
            for path in paths[:2]:
                answer = probe(stack, path.format(unit), f"{role}:{scope}")
                if answer is not None:
                    assert (answer.status_code, answer.content) == (404, *missing), (role, scope, unit)
                else:
                    assert role == "administrator" or unit.startswith(scope), (role, scope, unit)


def probe(stack: Stack, path: str, who: str) -> httpx.Response | None:
    """The refusal, or None when the credential is let in (a stream is left at once)."""
    request = stack.client.build_request("GET", path, headers={"Authorization": f"Bearer {stack.tokens[who]}"})
    answer = stack.client.send(request, stream=True)
    try:
        if answer.status_code == 200:
            return None
        answer.read()
        return answer
    finally:
        answer.close()


def test_every_route_asks_for_a_credential(stack: Stack) -> None:
    paths = stack.get("/openapi.json").json()["paths"]
    assert len(paths) >= 10
    for path, operations in paths.items():
        place = path.format(unit=TOWN, name="flows-by-hour", event_id=event_id(1), login="nobody")
        for method in operations:
            answer = stack.client.request(method, place)
            assert answer.status_code == (200 if path in ("/healthz", "/readyz", "/metrics") else 401), (method, path)
    for token in ("x", "sq_unit_x", "a" * 5_000):
        answer = stack.client.get("/v1/queries", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("who", ["device:CP-411426-01", f"unit:{TOWN}", "health_desk:411426"])
@pytest.mark.parametrize("path", ["/v1/queries", "/v1/queries/flows-by-hour", "/v1/flows", "/v1/reports/daily", "/v1/overview"])
def test_counts_are_for_analysts(stack: Stack, who: str, path: str) -> None:
    assert stack.get(path, who).status_code == 403


def test_the_stream_tells_the_same_as_the_list(stack: Stack) -> None:
    with stack.stream(f"/v1/units/{TOWN}/stream", f"unit:{TOWN}") as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        assert stream.response.headers["x-accel-buffering"] == "no"
        stream.settle()
        sent = [arrival(501, TOWN, 1_000), feverish(502, VILLAGE, 1_001), by_rail(503, TOWN, 1_002)]
        stack.store([*sent, quiet(504, ELSEWHERE, 1_003)])
        live = {a["event_id"]: a for a in stream.until(3)}
    listed = stack.get(f"/v1/units/{TOWN}/arrivals?limit=3", f"unit:{TOWN}").json()["arrivals"]
    assert sorted(live) == sorted(a["event_id"] for a in listed) == [event_id(n) for n in (501, 502, 503)]
    assert all(same(live[a["event_id"]], a) for a in listed)


def test_a_reader_who_was_cut_off_misses_nothing_and_sees_nothing_twice(stack: Stack) -> None:
    path, who = f"/v1/units/{VILLAGE}/stream", f"unit:{VILLAGE}"
    with stack.stream(path, who) as stream:
        stream.settle()
        publish(stack.settings, [quiet(n, VILLAGE, 1_010) for n in range(601, 604)])
        seen = numbers(stream.until(2))
        position = stream.position
    publish(stack.settings, [quiet(n, VILLAGE if n % 2 else ELSEWHERE, 1_011) for n in range(604, 610)])
    with stack.stream(path, who, position) as stream:
        publish(stack.settings, [quiet(611, VILLAGE, 1_012)])
        seen += numbers(stream.until(5))
    assert seen == [601, 602, 603, 605, 607, 609, 611]


def test_a_list_and_the_stream_after_it_leave_nothing_out(stack: Stack) -> None:
    who = f"unit:{VILLAGE}"
    before = stack.get(f"/v1/units/{VILLAGE}/arrivals?limit=200", who).json()
    publish(stack.settings, [quiet(701, VILLAGE, 1_020)])
    with stack.stream(f"/v1/units/{VILLAGE}/stream", who, before["position"]) as stream:
        seen = numbers(before["arrivals"])
        while 701 not in seen:
            seen += numbers(stream.until(1))
    everything = stack.get(f"/v1/units/{VILLAGE}/arrivals?limit=200", who).json()
    stack.wait(lambda: 701 in numbers(stack.get(f"/v1/units/{VILLAGE}/arrivals", who).json()["arrivals"]))
    assert set(numbers(everything["arrivals"])) <= set(seen)


@pytest.mark.parametrize("position", ["x", "0:1;1:2", "1582000000", "0:1,0:1"])
def test_a_position_that_is_none_is_a_bad_request(stack: Stack, position: str) -> None:
    answer = stack.get(f"/v1/units/{TOWN}/stream", f"unit:{TOWN}", headers={"Last-Event-ID": position})
    assert (answer.status_code, answer.json()["code"]) == (400, "position_invalid")


@pytest.mark.parametrize("position", ["0:999999999", "77:1"])
def test_a_position_from_the_future_resets(stack: Stack, position: str) -> None:
    with stack.stream(f"/v1/units/{TOWN}/stream", f"unit:{TOWN}", position) as stream:
        assert stream.until(1, "reset") == [{"unit": TOWN}]


def test_another_units_position_shows_only_own_rows(stack: Stack) -> None:
    with stack.stream(f"/v1/units/{ELSEWHERE}/stream", f"unit:{ELSEWHERE}") as stream:
        stream.settle()
        position = stream.position
    publish(stack.settings, [quiet(801, ELSEWHERE, 1_030), quiet(802, TOWN, 1_030)])
    with stack.stream(f"/v1/units/{TOWN}/stream", f"unit:{TOWN}", position) as stream:
        assert numbers(stream.until(1)) == [802]


def test_a_withdrawn_credential_ends_its_streams_and_requests(stack: Stack) -> None:
    token = new_token("unit")
    stack.tokens["leaver"] = token
    append(stack.settings, [credential_row(token, "unit", "leaver", TOWN, "test")])
    stack.wait(lambda: stack.get(f"/v1/units/{TOWN}/arrivals", "leaver").status_code == 200)
    with stack.stream(f"/v1/units/{TOWN}/stream", "leaver") as stream:
        digest = token_digest(token)
        data = CredentialData(kind="credential", token_sha256=digest, role="unit", subject="leaver", scope=TOWN)
        append(stack.settings, [make_row(data, key=digest, author="test", reason="left", withdrawn=True)])
        assert stream.until(1, "farewell") == [{"reason": "revoked"}]
    assert stack.get(f"/v1/units/{TOWN}/arrivals", "leaver").status_code == 401


@pytest.mark.parametrize("name", [query.name for query in QUERIES if query.source is ARRIVALS])
def test_every_named_query_answers_in_every_format(stack: Stack, name: str) -> None:
    answer = stack.get(f"/v1/queries/{name}?from={DAY}&to=2020-02-19", "analyst:*")
    assert answer.status_code == 200, answer.text
    assert answer.json()["rows"]
    for extension, begins in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK"), ("parquet", b"PAR1")):
        file = stack.get(f"/v1/queries/{name}?from={DAY}&to=2020-02-19&format={extension}", "analyst:*")
        assert file.content.startswith(begins)
        assert f"{name}_{DAY}_2020-02-19.{extension}" in file.headers["content-disposition"]


def test_days_are_beijing_days_wherever_the_host_stands(stack: Stack) -> None:
    rows = {
        day: stack.get(f"/v1/queries/flows-by-hour?from={day}&to={day}&county=411481", "analyst:*").json()["rows"]
        for day in (DAY, "2020-02-19")
    }
    assert rows[DAY][-1]["hour"] == f"{DAY}T23:00:00.000+08:00"
    assert rows["2020-02-19"][0]["hour"] == "2020-02-19T00:00:00.000+08:00"
    csv = stack.get(f"/v1/flows?by=hour&from={DAY}&to={DAY}&format=csv", "analyst:*").content.decode("utf-8-sig")
    assert csv.startswith("hour [+08:00],")
    assert f"\r\n{DAY} 23:00:00," in csv


def test_a_county_counts_its_own_only(stack: Stack) -> None:
    def counties(who: str, more: str = "") -> set[str]:
        return {row["county_code"] for row in stack.get(f"/v1/flows?by=county{more}", who).json()["rows"]}

    everybody = f"&from={DAY}&to={DAY}"
    assert counties("analyst:*", everybody) == {"4114", "411426", "411481"}
    assert counties("county:411481", everybody) == {"411481"}
    assert counties("county:411481", f"{everybody}&county=411426") == set()


@pytest.mark.parametrize(
    "query", ["sort=name_masked", "group_by=person_key", "county=411426'--", "format=html", "from=2020-02-30"]
)
def test_queries_take_no_other_words(stack: Stack, query: str) -> None:
    answer = stack.get(f"/v1/queries/flows-by-hour?{query}", "analyst:*")
    assert (answer.status_code, answer.json()["code"]) == (400, "parameters_invalid")


def test_the_report_as_known_then_and_as_known_now(stack: Stack) -> None:
    later = datetime(2020, 2, 21, 9, tzinfo=LOCAL)
    first = quiet(901, "411424101", 30)
    again = quiet(
        901, "411424101", 30, revision=99, cause="reference", risk="high", recorded_at=later.isoformat(timespec="milliseconds")
    )
    late = quiet(902, "411424101", 31, recorded_at=(later - timedelta(days=1)).isoformat(timespec="milliseconds"))
    stack.store([first, again, late])

    def report(more: str = "") -> list[tuple[int, int]]:
        rows = stack.get(f"/v1/reports/daily?county=411424&day={DAY}{more}", "analyst:*").json()["rows"]
        return [(row["arrivals"], row["high"]) for row in rows]

    assert report() == [(2, 1)]
    assert report("&as_of=2020-02-19T00:00:00%2B08:00") == [(1, 0)]
    assert report("&as_of=2020-02-20T12:00:00%2B08:00") == [(2, 0)]
    assert report("&as_of=2020-02-21T01:00:00Z") == [(2, 1)]
    assert report("&as_of=2020-02-01T00:00:00%2B08:00") == []


def test_the_overview_counts_and_follows(stack: Stack) -> None:
    who = "county:411481"
    with stack.stream("/v1/overview/stream", who) as stream:
        first = stream.until(1, "overview")[0]
        assert [county["code"] for county in first["counties"]] == ["411481"]
        stack.store([feverish(1_001, ELSEWHERE, 18 * 60 + 30)])
        wanted = first["counters"]["fever"] + 1
        section: dict[str, Any] = {}
        while section.get("counters", {}).get("fever") != wanted:
            section = stream.until(1, "overview")[0]
        assert section["alerts"][0]["event_id"] == event_id(1_001)
    assert stack.get("/v1/overview", who).json()["counters"] == section["counters"]
