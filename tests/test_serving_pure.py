"""The pure parts of serving: parameters, queries, lists, words, sessions, exports, the overview."""

from __future__ import annotations

import csv
import io
import os
import string
import time
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from reference.gazetteer import load_gazetteer
from reference.snapshot import Snapshot
from schemas.base import LOCAL
from schemas.errors import Rejected
from serving.access import Restriction
from serving.answers import Answer
from serving.arrival_json import from_topic, told
from serving.console_views import bars
from serving.county_map import draw
from serving.database import Table
from serving.exports import FORMATS, file_name, sheet_name
from serving.login_codes import VALID_SECONDS, LoginCodes
from serving.names import counties, place_name, short_name, unit_exists
from serving.overview import Cube, changes, classes, fold
from serving.parameters import read_values
from serving.queries import QUERIES, find, render
from serving.reasons import reasons
from serving.texts import LANGUAGES, catalogue, choose
from serving.throttle import MOST_FAILURES, WINDOW_SECONDS, Failures
from serving.units import STRETCHES, first_day, read_cursor, read_limit, worth_asking, write_cursor
from tests.serving_kit import arrival, feverish

SNAPSHOT = Snapshot.empty(load_gazetteer())
DAYS = {"from": "2020-02-18", "to": "2020-02-18"}


def test_each_query_is_confined() -> None:
    assert len({query.name for query in QUERIES}) == len(QUERIES) == 16
    for query in QUERIES:
        assert query.sql.count(query.source.word) == 1
        assert query.sql.count("v_") == query.sql.count(f"FROM {query.source.word}") - 1, "no table but the confined one"
        sql, values = render(
            query, read_values(query.parameters, DAYS), Restriction("county_code = %(mine)s", {"mine": "411426"})
        )
        assert f"(county_code = %(mine)s) AND {query.source.day} BETWEEN" in sql
        assert values["mine"] == "411426"
        assert query.source.word not in sql


NASTY = [
    "' OR 1=1 --",
    "411426'",
    "411426\x00",
    "４１１４２６",
    "4114260",
    "411426) UNION ALL SELECT",
    "url('http://x')",
    "\\",
    "%(county)s",
]


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("name", ["county", "from", "to", "level", "limit"])
def test_parameters_take_nothing_but_their_type(name: str, text: str) -> None:
    with pytest.raises(Rejected) as rejected:
        read_values(find("flows-by-origin").parameters, DAYS | {name: text})
    assert [reason.field for reason in rejected.value.reasons] == [name]
    assert all(text not in reason.message for reason in rejected.value.reasons)


def test_unknown_missing_and_reversed_parameters_are_named() -> None:
    parameters = find("flows-by-hour").parameters
    with pytest.raises(Rejected) as rejected:
        read_values(parameters, {"from": "2020-02-18", "sort": "name_masked"})
    assert {(r.field, r.code) for r in rejected.value.reasons} == {("sort", "parameter_unknown"), ("to", "parameter_missing")}
    for last in ("2020-02-17", "2021-06-01"):
        with pytest.raises(Rejected):
            read_values(parameters, {"from": "2020-02-18", "to": last})


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)), st.uuids())  # noqa: DTZ001
def test_cursors_survive(at: datetime, event: Any) -> None:
    received = at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=LOCAL)
    assert read_cursor(write_cursor(received, str(event))) == (round(received.timestamp() * 1000), str(event))


@pytest.mark.parametrize("text", ["", "abc", "1.2", "zz.00", "-1." + "0" * 32, "zzzzzzzzzz." + "0" * 32, "1." + "0" * 32 + "\n"])
def test_foreign_cursors_are_refused(text: str) -> None:
    with pytest.raises(Rejected):
        read_cursor(text)


@pytest.mark.parametrize("text", ["0", "201", "-1", "1e2", "²", "", "9" * 50])
def test_limits_are_bounded(text: str) -> None:
    with pytest.raises(Rejected):
        read_limit(text)
    assert (read_limit(None), read_limit("200")) == (50, 200)


def test_places_are_named_as_people_say_them() -> None:
    assert place_name(SNAPSHOT, "420106") == "湖北省 武汉市 武昌区"
    assert place_name(SNAPSHOT, "110101") == "北京市 东城区"
    assert place_name(SNAPSHOT, "411426-health") == "夏邑县 卫生健康组"
    assert place_name(SNAPSHOT, "") == ""
    assert place_name(SNAPSHOT, "999999") == "999999"
    assert short_name(SNAPSHOT, "411426") == "夏邑县"
    assert len(counties(SNAPSHOT)) == 12


@pytest.mark.parametrize(
    ("unit", "exists"),
    [
        ("4114", True),
        ("411426", True),
        ("411426-health", True),
        ("411426101-health", False),
        ("411499", False),
        ("420106", False),
    ],
)
def test_units_that_exist(unit: str, exists: bool) -> None:
    assert unit_exists(SNAPSHOT, unit) is exists


def test_the_reason_is_said_in_words() -> None:
    high = told(from_topic(arrival(1)), SNAPSHOT)
    assert high["reason_zh"] == "来自高风险地区 湖北省 武汉市 武昌区"
    assert high["reason_en"] == "From 湖北省 武汉市 武昌区, a high-risk area"
    fever = told(from_topic(feverish(2)), SNAPSHOT)
    assert fever["reason_zh"] == "体温 38.2 ℃，达到 37.3 ℃，移交卫健部门"
    said = reasons([], "county_only", str)
    assert said[0] == "目的地只写到县，请核实到村(社区)"
    assert reasons([{"rule": "brand-new", "evidence": {}}], "", str)[0] == "规则 brand-new"


def test_what_is_told_has_no_key_and_no_sealed_text() -> None:
    record = arrival(1)
    text = str(told(from_topic(record), SNAPSHOT))
    for secret in (record["sealed"]["identity"], record["sealed"]["address"], "sealed", "person_key", record["device_id"]):
        assert secret not in text


def test_both_languages_have_the_same_words() -> None:
    keys = [set(catalogue(language)) for language in LANGUAGES]
    assert keys[0] == keys[1]
    assert all(text.strip() or key == "born_suffix" or key.endswith("_suffix") for key, text in catalogue("en").items())


@pytest.mark.parametrize(
    ("asked", "remembered", "accepted", "chosen"),
    [
        (None, None, None, "zh"),
        ("en", "zh", "zh", "en"),
        ("xx", "en", "zh", "en"),
        (None, None, "fr,en;q=0.8", "en"),
        (None, None, "fr", "zh"),
    ],
)
def test_the_language_of_a_page(asked: str | None, remembered: str | None, accepted: str | None, chosen: str) -> None:
    assert choose(asked, remembered, accepted) == chosen


def test_login_codes_work_once_and_for_ten_minutes(tmp_path: Path) -> None:
    codes = LoginCodes(tmp_path / "login")
    now = time.time()
    code = codes.issue("a" * 64)
    assert codes.redeem("wrong", now) is None
    assert codes.redeem(code.lower(), now) == "a" * 64
    assert codes.redeem(code, now) is None
    late = codes.issue("a" * 64)
    assert codes.redeem(late, now + VALID_SECONDS + 5) is None
    assert os.listdir(tmp_path / "login") == []


def test_guessing_is_slowed_down_per_address() -> None:
    failures = Failures()
    for second in range(MOST_FAILURES):
        assert not failures.too_many("a", second)
        failures.note("a", second)
    assert failures.too_many("a", MOST_FAILURES)
    assert not failures.too_many("b", MOST_FAILURES)
    assert not failures.too_many("a", WINDOW_SECONDS + MOST_FAILURES)


def answer_of(*cells: Any) -> Answer:
    return Answer(
        "sample",
        "Sample",
        "样例",
        {"from": date(2020, 2, 18)},
        Table(tuple("abcdef"[: len(cells)]), ("String",) * len(cells), [cells]),
    )


formulas = st.text(st.sampled_from("=+-@\t\r\n\"',;|!＝ab1()"), min_size=1, max_size=12)


@given(formulas)
def test_text_never_becomes_a_formula(text: str) -> None:
    written = FORMATS["csv"].write(answer_of(text))
    assert written.startswith(b"\xef\xbb\xbf")
    row = list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline="")))[1]
    assert row[0] == text or row[0] == f"'{text}"
    assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))
    with zipfile.ZipFile(io.BytesIO(FORMATS["xlsx"].write(answer_of(text)))) as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


def test_times_are_local_in_every_format() -> None:
    at = datetime(2020, 2, 17, 16, 30, tzinfo=UTC)
    table = Table(("at", "day", "t"), ("DateTime64(3)", "Date", "Nullable(Float64)"), [(at, date(2020, 2, 18), None)])
    answer = Answer("sample", "Sample", "样例", {"county": "411426", "from": date(2020, 2, 18), "to": date(2020, 2, 18)}, table)
    assert "2020-02-18 00:30:00,2020-02-18," in FORMATS["csv"].write(answer).decode()
    assert b'"2020-02-18T00:30:00.000+08:00"' in FORMATS["json"].write(answer)
    assert FORMATS["parquet"].write(answer)[:4] == b"PAR1"
    assert file_name(answer, "csv") == "sample_411426_2020-02-18.csv"
    assert set(file_name(answer, "csv")) <= set(string.ascii_letters + string.digits + "._-")


def cell(county: str, hour: int, risk: str, arrivals: int) -> dict[str, Any]:
    zero = dict.fromkeys(("fever", "turned_back", "at_desk", "by_rail"), 0)
    return {"county_code": county, "hour": hour, "risk": risk, "arrivals": arrivals, **zero}


def test_the_overview_of_a_county_is_its_part_of_the_citys() -> None:
    cells = [cell("411426", 8, "high", 2), cell("411426", 9, "low", 5), cell("411481", 9, "low", 7)]
    places = [{"county_code": c, "code": "42", "name": "湖北省", "arrivals": 1, "high": 1} for c in ("411426", "411481")]
    alerts = [{"event_id": c, "county_code": c} for c in ("411426", "411481")]
    cube = Cube(date(2020, 2, 18), cells, places, places, alerts)
    codes = ["411426", "411481", "4114"]
    city, county = fold(cube, None, codes), fold(cube, "411426", codes)
    assert city["counters"]["arrivals"] == sum(c["arrivals"] for c in city["counties"]) == 14
    assert county["counters"]["arrivals"] == 7
    assert county["counters"]["high"] == 2
    assert [c["code"] for c in county["counties"]] == ["411426"]
    assert [a["event_id"] for a in county["alerts"]] == ["411426"]
    assert city["origins"] == [{"code": "42", "name": "湖北省", "arrivals": 2, "high": 2}]
    assert sum(map(sum, city["hours"])) == 14
    assert changes(city, city) == {}
    assert set(changes(county, city)) == {"counters", "hours", "counties", "alerts", "origins", "sites"}


@given(st.lists(st.integers(0, 100_000), max_size=12))
def test_map_classes_keep_the_order(values: list[int]) -> None:
    level = classes(values)
    assert all(0 <= level(v) <= 5 and (level(v) == 0) == (v == 0) for v in values)
    assert sorted(values, key=level) == sorted(values, key=lambda v: (level(v), 0))
    if max(values, default=0) > 0:
        assert level(max(values)) == 5


@given(st.lists(st.lists(st.integers(0, 5_000), min_size=4, max_size=4), min_size=24, max_size=24))
def test_bars_stay_inside_the_picture(hours: list[list[int]]) -> None:
    drawn = bars(hours)
    assert drawn["top"] >= max(map(sum, hours))
    assert all(float(part["y"]) >= 11.9 for hour in drawn["hours"] for part in hour["parts"])


def test_the_map_keeps_the_neighbours_in_place() -> None:
    def square(x: float, y: float) -> dict[str, Any]:
        ring = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1], [x, y]]
        return {"type": "Polygon", "coordinates": [ring]}

    features = [{"id": "west", "geometry": square(0, 0)}, {"properties": {"code": "east"}, "geometry": square(1, 0)}]
    county_map = draw({"features": features})
    east, west = county_map.shapes
    assert (east.code, west.code) == ("east", "west")
    assert west.x < east.x
    assert abs(east.y - west.y) < 0.2


@pytest.mark.parametrize(
    ("days", "looked", "found", "worth"),
    [(2, 0, 0, True), (15, 2, 0, False), (15, 2, 6, False), (15, 2, 7, True), (None, 2, 0, True), (None, 15, 50, True)],
)
def test_a_stretch_that_will_hardly_fill_a_page_is_not_asked(days: int | None, looked: int, found: int, worth: bool) -> None:
    assert worth_asking(days, looked, found, 50) is worth
    assert days in STRETCHES
    assert first_day(date(2020, 2, 18), 2) == date(2020, 2, 17)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("到达: 每小时", "到达  每小时"),
        ("a/b\\c?*[x]", "a b c   x"),
        ("'quoted'", "quoted"),
        (":::", "1"),
        ("长" * 40, "长" * 31),
    ],
)
def test_every_title_can_name_a_sheet(title: str, name: str) -> None:
    assert sheet_name(title) == name
    xlsxwriter.Workbook(io.BytesIO()).add_worksheet(name)
