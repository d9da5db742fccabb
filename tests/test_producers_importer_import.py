"""A list from file to answers: posted in batches, wrong rows to a file to correct, the same file twice is all duplicates."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from producers.client import Patience
from producers.importer.columns import LAYOUTS, Kind
from producers.importer.import_file import Target, import_file
from producers.importer.report import ImportReport
from producers.importer.rows import ImportContext, make_scan
from producers.importer.template import write_template
from producers.importer.words import DOCUMENTS, LODGINGS, PURPOSES
from schemas.base import LOCAL
from schemas.errors import Refused, Rejected, Unavailable
from schemas.scan import SCAN
from tests.stand_in_gateway import StandInGateway, stand_in_gateway

SITE = "ST-SQF"
ARRIVED = datetime(2020, 2, 18, 7, 12, tzinfo=LOCAL)
HEAD = "姓名,身份证号,手机号,车次,发车日期,车厢,座位号,出发站,到达站,体温,来源地,目的地,住宿\r\n"
ROW = (
    "测试{n},411426196501011235,1990000{n:04d},K1234,2020-02-17,07,{n:03d},深圳,商丘,36.5℃,"
    "深圳市南山区,夏邑县火店镇火店村,自家\r\n"
)


@pytest.fixture
def gateway() -> Iterator[StandInGateway]:
    with stand_in_gateway() as running:
        yield running


def run(path: Path, gateway: StandInGateway | None, kind: Kind = "rail-manifest", batch: str = "") -> ImportReport:
    context = ImportContext(kind, SITE, batch, ARRIVED)
    target = Target(gateway.url, f"sq_device_{SITE}", {}, Patience(total_seconds=5)) if gateway else None
    return import_file(path, context, target)


def manifest(path: Path, rows: int, extra: str = "") -> Path:
    path.write_text(HEAD + "".join(ROW.format(n=n) for n in range(rows)) + extra, encoding="gb18030")
    return path


def rejects(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def counts(report: ImportReport) -> tuple[int, int, int]:
    return report.accepted, report.duplicates, report.rejected


def posted(gateway: StandInGateway) -> list[dict[str, Any]]:
    return [json.loads(said) for said in gateway.seen.values()]


def test_a_manifest_goes_in_by_batches_of_200_and_a_second_time_is_all_duplicates(
    tmp_path: Path, gateway: StandInGateway
) -> None:
    path = manifest(tmp_path / "m.csv", 450)
    assert counts(run(path, gateway)) == (450, 0, 0)
    assert [len(json.loads(body)) for _, body in gateway.requests] == [200, 200, 50]
    assert counts(run(path, gateway)) == (0, 450, 0)
    assert counts(run(path, gateway, batch="second delivery")) == (450, 0, 0)
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_posted(tmp_path: Path, gateway: StandInGateway) -> None:
    run(manifest(tmp_path / "m.csv", 1), gateway)
    (scan,) = posted(gateway)
    assert scan["occurred_at"] == "2020-02-18T07:12:00.000+08:00"
    assert scan["person"]["document_type"] == "resident_id"
    assert (scan["temperature_c"], scan["lodging"]) == (36.5, "own_home")
    assert scan["rail"] == {
        **{"train": "K1234", "service_date": "2020-02-17", "coach": "07", "seat": "000"},
        **{"from_station": "深圳", "to_station": "商丘"},
    }
    assert scan["destination"]["text"] == "夏邑县火店镇火店村"


def test_the_same_list_as_xlsx_has_the_same_ids(tmp_path: Path, gateway: StandInGateway) -> None:
    run(manifest(tmp_path / "m.csv", 3), gateway)
    with xlsxwriter.Workbook(tmp_path / "m.xlsx") as book:
        sheet = book.add_worksheet()
        for number, line in enumerate([HEAD, *(ROW.format(n=n) for n in range(3))]):
            for column, cell in enumerate(line.strip().split(",")):
                sheet.write_string(number, column, cell)
        for number in range(1, 4):
            sheet.write_datetime(number, 4, datetime(2020, 2, 17), book.add_format({"num_format": "yyyy-mm-dd"}))  # noqa: DTZ001
            sheet.write_number(number, 9, 36.5)
    assert counts(run(tmp_path / "m.xlsx", gateway)) == (0, 3, 0)


BAD = (
    ",411426196501011235,,K1234,2020-02-17,,,,,,,,\r\n"
    "测试乙,4.11426E+17,,K1234,2020-02-17,,,,,,,,\r\n"
    "测试丙,411426196501011235,,K1234,2月17日,,,,,三十六,,,\r\n"
    "测试丁,411426196501011235,,K1234,2020-02-17,,,,,,,,天上\r\n"
    "测试戊,411426196501011235,,K1234,2020-02-17,,,,,,," + "远" * 600 + ",\r\n"
)


def test_wrong_rows_go_to_a_file_with_reasons_and_good_ones_are_posted(tmp_path: Path, gateway: StandInGateway) -> None:
    report = run(manifest(tmp_path / "m.csv", 2, BAD), gateway)
    assert counts(report) == (2, 0, 5)
    assert report.rejected_file == tmp_path / "m.csv.rejected.csv"
    assert os.stat(report.rejected_file).st_mode & 0o077 == 0
    found = rejects(report.rejected_file)
    assert [row["行号"] for row in found] == ["4", "5", "6", "7", "8"]
    assert [row["身份证号"] for row in found][1] == "4.11426E+17"
    whys = [row["原因"] for row in found]
    assert "姓名:必填项为空" in whys[0]
    assert "科学计数法" in whys[1]
    assert "日期没有年份" in whys[2]
    assert "体温看不懂" in whys[2]
    assert "住宿:不是规定的词" in whys[3]
    assert whys[4].startswith("目的地:")
    assert all(row["怎么改"] for row in found)
    assert report.reasons == {
        "missing": 1,
        "number_rounded": 1,
        "date_without_year": 1,
        "word_unknown": 1,
        "string_too_long": 1,
    }


def test_a_corrected_file_is_imported_and_nothing_is_repeated(tmp_path: Path, gateway: StandInGateway) -> None:
    report = run(manifest(tmp_path / "m.csv", 2, "测试乙,4.11426E+17,,K1234,2020-02-17,,,,,,,,\r\n"), gateway)
    assert report.rejected_file is not None
    corrected = report.rejected_file.read_text("utf-8-sig").replace("4.11426E+17", "411426196501011235")
    report.rejected_file.write_text(corrected, "gb18030")
    again = run(report.rejected_file, gateway)
    assert (counts(again), len(gateway.seen)) == ((1, 0, 0), 3)


def test_a_second_import_does_not_overwrite_corrections(tmp_path: Path, gateway: StandInGateway) -> None:
    path = manifest(tmp_path / "m.csv", 0, BAD)
    first, second = run(path, gateway), run(path, gateway)
    assert first.rejected_file != second.rejected_file == tmp_path / "m.csv.rejected-2.csv"


def test_rows_the_gateway_refuses_come_back_with_its_reason(tmp_path: Path, gateway: StandInGateway) -> None:
    path = manifest(tmp_path / "m.csv", 3)
    run(path, gateway)
    gateway.refuse = {list(gateway.seen)[1]}
    report = run(path, gateway)
    assert counts(report) == (0, 2, 1)
    assert report.rejected_file is not None
    (row,) = rejects(report.rejected_file)
    assert (row["行号"], row["姓名"]) == ("3", "测试1")
    assert row["原因"].startswith("姓名:")


@given(
    st.lists(
        st.sampled_from(["=cmd()", "+1", "-1", "@x", "\t=1", "'=1", "'", 'a"b', "甲\r\n乙", "普通", "", "＝1"]),
        min_size=3,
        max_size=3,
    )
)
def test_rejected_rows_are_no_formulas_and_read_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("formulas")
    path = folder / "m.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["姓名", "身份证号", "目的地", "到达时间", "体温"], [*cells, "2020-02-18 08:30", "坏"]])
    first = run(path, None, "checkpoint")
    assert first.rejected_file is not None
    (row,) = rejects(first.rejected_file)
    assert not any(str(cell).startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in row.values())
    second = run(first.rejected_file, None, "checkpoint")
    assert second.rejected_file is not None
    (again,) = rejects(second.rejected_file)
    assert {k: v for k, v in again.items() if k != "行号"} == {k: v for k, v in row.items() if k != "行号"}


def test_a_dry_run_posts_nothing_and_finds_the_same_faults(tmp_path: Path, gateway: StandInGateway) -> None:
    report = run(manifest(tmp_path / "m.csv", 2, BAD), None)
    assert (report.valid, report.rejected, report.accepted, gateway.requests) == (2, 5, 0, [])
    assert json.dumps(report.as_dict())


def test_same_as_above_is_filled_in_and_written_out(tmp_path: Path, gateway: StandInGateway) -> None:
    head = "姓名,身份证号,车牌号,目的地,到达时间,体温\r\n"
    body = "甲,X1,豫N12345,火店村,2020-02-18 08:30,\r\n乙,X2,同上,同上,〃,\r\n丙,X3,同上,同上,同上,坏\r\n"
    path = tmp_path / "c.csv"
    path.write_text(head + body, "utf-8")
    report = run(path, gateway, "checkpoint")
    assert [(s["destination"]["text"], s["vehicle"]["plate"]) for s in posted(gateway)] == [("火店村", "豫N12345")] * 2
    assert report.rejected_file is not None
    assert rejects(report.rejected_file)[0]["目的地"] == "火店村"
    path.write_text(head + "甲,X1,,同上,2020-02-18 08:30,\r\n", "utf-8")
    assert run(path, gateway, "checkpoint").reasons == {"above_missing": 1}


def test_a_coach_is_one_group_with_its_seats(tmp_path: Path, gateway: StandInGateway) -> None:
    path = tmp_path / "b.csv"
    path.write_text("姓名,证件号码,车牌,座位\r\n甲,X1,豫N12345,01\r\n乙,X2,豫N12345,02\r\n丙,X3,豫N99999,01\r\n", "utf-8")
    assert counts(run(path, gateway, "coach-manifest")) == (3, 0, 0)
    scans = posted(gateway)
    assert [scan["vehicle"]["role"] for scan in scans] == ["coach"] * 3
    assert [scan["vehicle"]["seat"] for scan in scans] == ["01", "02", "01"]
    assert scans[0]["party_id"] == scans[1]["party_id"] != scans[2]["party_id"]
    assert {scan["purpose"] for scan in scans} == {"work_resumption"}


def test_no_time_is_made_up() -> None:
    cells = {"name": "甲", "document_number": "X1"}
    with pytest.raises(Rejected) as refused:
        make_scan(cells, ImportContext("checkpoint", SITE))
    assert [r.code for r in refused.value.reasons] == ["time_missing"]
    utc = ImportContext("checkpoint", SITE, "", datetime(2020, 2, 17, 23, 12, tzinfo=UTC))
    assert make_scan(cells, utc)["occurred_at"] == "2020-02-18T07:12:00.000+08:00"


def test_a_group_name_does_not_appear_in_the_scan() -> None:
    scan = make_scan(
        {"name": "甲", "document_number": "X1", "party": "王某某一家"}, ImportContext("checkpoint", SITE, "", ARRIVED)
    )
    assert "王某某" not in json.dumps(scan, ensure_ascii=False)
    assert scan["party_id"].startswith("L-")


@pytest.mark.parametrize("kind", list(LAYOUTS))
def test_the_template_is_understood_and_its_example_is_skipped(tmp_path: Path, gateway: StandInGateway, kind: Kind) -> None:
    write_template(tmp_path / "t.xlsx", kind)
    report = run(tmp_path / "t.xlsx", gateway, kind)
    assert (report.rows, report.skipped, report.rejected) == (1, 1, 0)
    assert gateway.requests == []


def test_the_words_lead_to_words_of_the_scan() -> None:
    base = {"kind": "checkpoint", "event_id": "01705656-c5a0-7001-8000-000000000001", "site_id": SITE, "sequence": 0}
    base |= {"occurred_at": "2020-02-18T08:30:00+08:00", "origin": {}, "destination": {}}
    for document in set(DOCUMENTS.values()):
        for lodging in set(LODGINGS.values()):
            for purpose in set(PURPOSES.values()):
                person = {"name": "甲", "document_type": document, "document_number": "X1"}
                SCAN.validate_python(base | {"person": person, "lodging": lodging, "purpose": purpose})


def test_an_import_that_broke_off_is_run_again(tmp_path: Path, gateway: StandInGateway) -> None:
    path = manifest(tmp_path / "m.csv", 300)
    gateway.trouble = lambda number: (503, {"Retry-After": "60"}) if number else None
    with pytest.raises(Unavailable):
        run(path, gateway)
    gateway.trouble = lambda _: None
    assert counts(run(path, gateway)) == (100, 200, 0)


def test_an_unknown_token_is_an_error(tmp_path: Path, gateway: StandInGateway) -> None:
    gateway.trouble = lambda _: (401, {})
    with pytest.raises(Refused):
        run(manifest(tmp_path / "m.csv", 1), gateway)
