"""Lists as people keep them: headings and words in two languages, areas by name, and what is wrong said per line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from reference.area_lookup import areas_named
from reference.listed_rows import read_line, read_lines
from reference.rows import row_of
from reference.snapshot import Snapshot
from schemas.areas import CaseCountData, SuccessionData
from schemas.errors import Rejected
from schemas.reference_rows import GradeData
from tests.rules_kit import gazetteer

EMPTY = Snapshot.empty(gazetteer())
EXAMPLES = Path(__file__).parent.parent / "reference" / "data" / "examples"


def file_lines(name: str) -> list[tuple[int, dict[str, str]]]:
    with (EXAMPLES / name).open(encoding="utf-8", newline="") as file:
        return list(enumerate(csv.DictReader(file), 2))


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("湖北省", ["42"]),
        ("湖北", ["42"]),
        ("湖北省武汉市武昌区", ["420106"]),
        ("武汉武昌", ["420106"]),
        ("湖北 武昌区", ["420106"]),
        ("恩施州恩施市", ["422801"]),
        ("神农架林区", ["429021"]),
        ("夏邑县", ["411426"]),
        ("河南省商丘市夏邑县火店镇", ["411426110"]),
        ("吉林", ["22", "2202"]),
        ("鼓楼区", ["320106", "320302", "350102", "410204"]),
        ("武汉市夏邑县", []),
        ("武汉市某区", []),
        ("假县", []),
        ("武昌区以外", []),
    ],
)
def test_a_name_is_read_exactly_or_not_at_all(text: str, codes: list[str]) -> None:
    assert list(areas_named(gazetteer(), text)) == codes


@pytest.mark.parametrize(
    "cells",
    [
        {"area": "420106", "grade": "high", "valid_from": "2020-02-28T00:00:00+08:00", "reason": "list"},
        {"区划代码": "420106", "风险等级": "高风险", "生效时间": "2020-02-28", "依据": "list"},
        {"地区": "武汉市武昌区", "等级": "高", "生效日期": "2020年2月28日", "依据": "list"},
        {"县（市、区）": " 武昌区 ", "等级": "High", "自": "2020/2/28 00:00", "备注": "list", "序号": "7"},
        {"地区名称": "不知道", "地区代码": "420106", "风险等级": "高风险", "起": "2020.2.28", "reason": "list"},
    ],
    ids=["english", "chinese", "by-name", "a-programs", "name-beside-code"],
)
def test_the_same_line_in_many_spellings_is_one_row(cells: dict[str, str]) -> None:
    row = read_line("grade", cells, EMPTY)
    wanted = {"area": "420106", "grade": "high", "valid_from": "2020-02-28T00:00:00+08:00", "reason": "list"}
    assert row == row_of("grade", wanted, gazetteer().known)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"地区": "鼓楼区", "等级": "高"}, "area_ambiguous"),
        ({"地区": "假县", "等级": "高"}, "area_unknown"),
        ({"area": "999999", "grade": "high"}, "area_unknown"),
        ({"area": "42", "grade": "红"}, "reference_row"),
        ({"area": "42"}, "reference_row"),
        ({"area": "42", "grade": "high", "from": "2020-02-30"}, "time_invalid"),
        ({"area": "42", "grade": "high", "from": "43889"}, "reference_row"),
        ({"area": "42", "grade": "high", "from": "2020-03-01", "to": "2020-02-01"}, "reference_row"),
    ],
)
def test_a_wrong_line_says_why_and_the_others_are_read(cells: dict[str, str], code: str) -> None:
    good = {"area": "42", "grade": "high"}
    wrong, right = read_lines("grade", [(2, cells), (3, good)], EMPTY)
    assert wrong.row is None
    assert wrong.error is not None
    assert wrong.error.code == code
    assert right.row is not None


def test_rows_that_differ_in_their_end_only_are_two_rows() -> None:
    cells = {"area": "42", "grade": "high", "from": "2020-02-01"}
    open_ended, ended = (read_line("grade", cells | more, EMPTY) for more in ({}, {"to": "2020-02-17"}))
    assert open_ended.row_id != ended.row_id
    assert open_ended.row_id == read_line("grade", cells, EMPTY).row_id


def test_a_succession_is_written_by_code_or_name() -> None:
    row = read_line("succession", {"原单位": "睢县", "新代码": "永城市；411426", "生效日期": "2020-03-03"}, EMPTY)
    assert isinstance(row.data, SuccessionData)
    assert (row.key, row.data.successors) == ("411422", ("411481", "411426"))


def test_a_count_holds_from_midnight_after_its_day_for_one_day() -> None:
    row = read_line("case-count", {"地区": "商丘市", "日期": "2020-02-16", "累计确诊": "91", "新增": "0"}, EMPTY)
    assert isinstance(row.data, CaseCountData)
    assert (row.data.area, row.data.confirmed, row.data.new, row.data.clusters) == ("4114", 91, 0, None)
    assert (row.valid_from.isoformat(), row.known_from) == ("2020-02-17T00:00:00+08:00", row.valid_from)
    assert row.valid_to is not None
    assert row.valid_to.isoformat() == "2020-02-18T00:00:00+08:00"
    with pytest.raises(Rejected):
        read_line("case-count", {"地区": "商丘市", "日期": "2020-02-31", "累计确诊": "91"}, EMPTY)


def test_the_shipped_examples_are_read_and_those_that_are_synthetic_say_so() -> None:
    successions = [line.row for line in read_lines("succession", file_lines("hubei-successions.csv"), EMPTY)]
    merged = EMPTY.with_rows([(n, row) for n, row in enumerate(successions) if row])
    grades = [line.row for line in read_lines("grade", file_lines("hubei-grades.csv"), merged)]
    counts = [line.row for line in read_lines("case-count", file_lines("case-counts.csv"), EMPTY)]
    assert None not in [*successions, *grades, *counts]
    assert {row.reason.split()[0] for row in grades if row and isinstance(row.data, GradeData)} == {"SYNTHETIC"}
