"""Grades over HTTP and as a page: then and now, who changed what and why, what the counts propose; and units that ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from arrivals.runtime.reference_writer import credential_row, token_digest
from reference.rows import row_of
from reference.snapshot import Snapshot
from schemas.base import LOCAL
from schemas.reference_rows import ReferenceRow
from serving.access import Principal, arrival_restriction
from serving.api import create_app
from serving.authentication import by_digest
from serving.grade_view import arrival_view
from serving.names import counties, place_name, short_name
from serving.routes_units import admit
from serving.services import Services
from tests.rules_kit import Row, gazetteer
from tests.test_serving_console import Browser, services

VILLAGE, HEIR = "411426101201", "411426101202"
MERGED = "2020-03-03T00:00:00+08:00"
GRADES: tuple[Row, ...] = (
    ("grade", {"area": "42", "grade": "high", "valid_from": "2020-02-17", "author": "国务院", "reason": "分级名单"}),
    (
        "grade",
        {"area": "420106", "grade": "medium", "valid_from": "2020-02-28", "known_from": "2020-02-28T20:00", "author": "湖北"},
    ),
    ("succession", {"unit": "420106", "successors": "420101", "names": "武汉市城区", "valid_from": "2020-03-03"}),
    ("grade", {"area": "420101", "grade": "low", "valid_from": "2020-03-03", "author": "湖北", "reason": "<b>合并</b>"}),
    ("case-count", {"area": "420106", "day": "2020-02-13", "confirmed": "60", "clusters": "0"}),
    ("case-count", {"area": "420106", "day": "2020-02-27", "confirmed": "61", "clusters": "1"}),
    ("case-count", {"area": "4114", "day": "2020-02-27", "confirmed": "91"}),
)


def with_rows(*rows: Row, credentials: tuple[ReferenceRow, ...] = ()) -> Snapshot:
    from reference.listed_rows import read_line

    snapshot = Snapshot.empty(gazetteer()).with_rows(list(enumerate(credentials)))
    for kind, values in rows:
        snapshot = snapshot.with_rows([(snapshot.version + 1, read_line(kind, values, snapshot))])
    return snapshot


TOKENS = {"analyst": "sq_analyst_test", VILLAGE: "sq_unit_village", HEIR: "sq_unit_heir"}
CREDENTIALS = (
    credential_row(TOKENS["analyst"], "analyst", "analyst", "*", "test"),
    credential_row(TOKENS[VILLAGE], "unit", "village", VILLAGE, "test"),
    credential_row(TOKENS[HEIR], "unit", "heir", HEIR, "test"),
)
SNAPSHOT = with_rows(*GRADES, credentials=CREDENTIALS)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Services:
    return replace(services(tmp_path_factory.mktemp("grades")), snapshot=lambda: SNAPSHOT)


@pytest.fixture(scope="module")
def browser(parts: Services) -> Iterator[Browser]:
    with Browser(create_app(parts), "http://console") as client:
        yield client


def get(browser: Browser, path: str, who: str | None = "analyst", **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {TOKENS[who]}"} if who else {}
    return browser.get(path, headers=headers | more)


def test_an_area_is_told_as_then_known_and_as_now_known_with_the_rows_behind_it(browser: Browser) -> None:
    told = get(browser, "/v1/reference/grades?area=420106&at=2020-02-28T12:00:00%2B08:00").json()
    assert (told["as_then_known"]["grade"], told["as_now_known"]["grade"], told["changed_since"]) == ("high", "medium", True)
    later = get(browser, "/v1/reference/grades?area=武昌区&at=2020-02-28T12:00:00%2B08:00&known_at=2020-02-29").json()
    assert (later["area"], later["as_then_known"]["grade"], later["changed_since"]) == ("420106", "medium", False)
    assert [(row["area"], row["kind"], row["author"]) for row in told["history"]] == [
        ("420101", "grade", "湖北"),
        ("420106", "succession", "arrivals"),
        ("420106", "grade", "湖北"),
        ("42", "grade", "国务院"),
    ]
    assert [row["counts"] for row in told["history"]] == [False, False, True, True]
    assert told["history"][-1]["reason"] == "分级名单"


def test_after_the_merger_the_old_code_finds_the_new_unit(browser: Browser) -> None:
    told = get(browser, "/v1/reference/grades?area=420106&at=2020-03-04").json()
    assert (told["as_now_known"]["area"], told["as_now_known"]["grade"]) == ("420101", "low")
    assert told["became"] == [{"area": "420101", "name": "湖北省 武汉市 武汉市城区"}]
    found = get(browser, "/v1/reference/grades?area=武汉市城区&at=2020-03-04").json()
    assert [row["area"] for row in found["history"]] == ["420101", "420106", "420106", "42"]


def test_without_an_area_the_rows_in_force_are_listed(browser: Browser) -> None:
    told = get(browser, "/v1/reference/grades?at=2020-02-29").json()["grades"]
    assert [(row["area"], row["grade"]) for row in told] == [("42", "high"), ("420106", "medium")]
    before = get(browser, "/v1/reference/grades?at=2020-02-29&known_at=2020-02-27").json()["grades"]
    assert [row["area"] for row in before] == ["42"]


def test_what_the_counts_propose_stands_beside_what_was_decided(browser: Browser) -> None:
    told = get(browser, "/v1/reference/proposals").json()
    assert told["day"] == "2020-02-27"
    shangqiu, wuchang = told["proposals"]
    assert (wuchang["proposed"], wuchang["possible"], wuchang["decided"], wuchang["agrees"]) == (
        "high",
        ["high"],
        "medium",
        False,
    )
    assert (wuchang["new_at_least"], wuchang["new_at_most"], wuchang["clusters"]) == (1, 1, 1)
    assert (shangqiu["certain"], shangqiu["clusters"], shangqiu["decided"], shangqiu["agrees"]) == (False, None, None, None)
    assert get(browser, "/v1/reference/proposals?day=2020-02-26").json()["proposals"][0]["proposed"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("grades?area=假县", "area"),
        ("grades?area=999999", "area"),
        ("grades?area=", "area"),
        ("grades?area=鼓楼区", "area"),
        ("grades?area=42&at=noon", "at"),
        ("grades?at=2020-02-30", "at"),
        ("grades?area=42&known_at=20200228", "known_at"),
        ("proposals?day=2020-2-1", "day"),
    ],
)
def test_what_is_wrong_is_named_in_both_languages(browser: Browser, query: str, field: str) -> None:
    answer = get(browser, f"/v1/reference/{query}")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert answer.json()["errors"][0]["message_zh"]


def test_strangers_are_told_nothing(browser: Browser) -> None:
    for path in ("/v1/reference/grades", "/v1/reference/proposals", "/v1/arrivals/x/grades"):
        assert get(browser, path, None).status_code == 401
    assert (page := browser.get("/grades")).status_code == 303
    assert page.headers["location"] == "/login"
    assert get(browser, "/v1/arrivals/x/grades").status_code == 404


def test_the_page_says_it_in_chinese_and_english_and_escapes_what_people_wrote(browser: Browser) -> None:
    page = get(browser, "/grades?area=420106&at=2020-02-28T12:00:00%2B08:00").text
    for text in (
        "当时所知",
        "现在所知",
        "后来有更正",
        "分级名单",
        "国务院",
        "湖北省 武汉市 武昌区",
        "按病例数建议的等级",
        "已并入或更名为",
    ):
        assert text in page
    assert "<b>合并</b>" not in page
    assert "&lt;b&gt;合并&lt;/b&gt;" in page
    english = get(browser, "/grades?lang=en").text
    assert "Grades in force at that time" in english
    assert "counts incomplete; possible:" in english
    wrong = get(browser, "/grades?area=假县&lang=zh")
    assert (wrong.status_code, "没有此地区" in wrong.text) == (400, True)


def test_the_grades_of_an_arrivals_places_are_asked_for_the_moment_of_the_scan_and_of_its_receipt() -> None:
    noon = datetime(2020, 2, 28, 12, tzinfo=LOCAL)
    row = {
        "event_id": "e",
        "occurred_at": noon,
        "origin_code": "420106",
        "stay_codes": ["", "42"],
        "destination_county": "411426",
        "destination_outside": "",
    }
    at_once, late = (arrival_view(SNAPSHOT, row | {"received_at": noon.replace(hour=hour)}) for hour in (12, 21))
    origin, stay, destination = at_once["places"]
    assert (origin["as_then_known"]["grade"], origin["as_now_known"]["grade"]) == ("high", "medium")
    assert (stay["place"], stay["changed_since"]) == ("stay", False)
    assert (destination["area"], destination["as_then_known"], destination["as_now_known"]) == ("411426", None, None)
    assert late["places"][0]["as_then_known"]["grade"] == "medium"


def merged(parts: Services, *successors: str) -> Services:
    values = {"unit": VILLAGE, "successors": list(successors), "valid_from": MERGED}
    row = row_of("succession", values, gazetteer().known)
    after = SNAPSHOT.with_rows([(SNAPSHOT.version + 1, row)])
    return replace(parts, snapshot=lambda: after)


@pytest.mark.parametrize("successors", [(HEIR,), (HEIR, "411426101203"), ()], ids=["merged", "split", "dissolved"])
def test_the_codes_of_a_unit_that_ended_open_nothing_any_more(parts: Services, successors: tuple[str, ...]) -> None:
    digests = {name: token_digest(token) for name, token in TOKENS.items()}
    assert all(by_digest(parts, digest) for digest in digests.values())
    after = merged(parts, *successors)
    assert [name for name, digest in digests.items() if by_digest(after, digest)] == ["analyst", HEIR]
    with Browser(create_app(after), "http://console") as client:
        assert get(client, f"/v1/units/{VILLAGE}/arrivals", VILLAGE).status_code == 401


def test_a_renamed_units_codes_go_on(parts: Services) -> None:
    assert by_digest(merged(parts, VILLAGE), token_digest(TOKENS[VILLAGE]))


def test_the_heir_of_a_unit_sees_its_list_and_nobody_else_does(parts: Services) -> None:
    heir, other = (Principal("unit", "x", scope, "0") for scope in (HEIR, "411426101203"))

    def opened(parts: Services, who: Principal) -> bool:
        from schemas.errors import Refused

        try:
            admit(parts, who, VILLAGE)
        except Refused:
            return False
        return True

    assert not opened(parts, heir)
    assert (opened(merged(parts, HEIR), heir), opened(merged(parts, HEIR), other)) == (True, False)
    assert not opened(merged(parts, HEIR, "411426101203"), heir)
    allowed = arrival_restriction(heir, merged(parts, HEIR).snapshot().former(HEIR, parts.now()))
    assert allowed.values["former"] == [VILLAGE]
    assert "former" not in arrival_restriction(heir).values


def test_a_county_made_since_is_counted_and_named_among_the_others() -> None:
    values = {"unit": "411402", "successors": ["411404"], "names": ["商丘区"], "valid_from": MERGED}
    snapshot = SNAPSHOT.with_rows([(SNAPSHOT.version + 1, row_of("succession", values, gazetteer().known))])
    assert "411404" not in counties(SNAPSHOT)
    assert counties(snapshot)[:4] == ["411402", "411403", "411404", "411421"]
    assert (short_name(snapshot, "411404"), place_name(snapshot, "411404")) == ("商丘区", "商丘区")
