"""Finding the list in a file: encodings, separators, titles, sheets; and files made to do harm (torture list T99)."""

from __future__ import annotations

import io
import resource
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from producers.importer import workbook
from producers.importer.cells import show
from producers.importer.tables import Table, read_table
from schemas.errors import Rejected

HEAD = ["姓名", "身份证号", "体温", "目的地", "到达时间"]
ROW = ["测试甲", "411426196501011235", "36.5", "夏邑县火店镇火店村", "2020-02-18 08:30"]


def text(rows: Sequence[Sequence[str]], separator: str = ",") -> str:
    return "".join(separator.join(row) + "\r\n" for row in rows)


def read(path: Path, content: bytes) -> Table:
    path.write_bytes(content)
    return read_table(path, "checkpoint")


def xlsx(fill: Callable[[xlsxwriter.Workbook], None]) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        fill(book)
    return buffer.getvalue()


def sheet(book: xlsxwriter.Workbook, name: str, rows: Sequence[Sequence[Any]]) -> Any:
    made = book.add_worksheet(name)
    for number, row in enumerate(rows):
        made.write_row(number, 0, row)
    return made


def names(table: Table) -> list[str]:
    column = next(i for i, field in table.fields.items() if field == "name")
    return [show(row.cells[column]) for row in table.rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_encodings_and_separators(tmp_path: Path, encoding: str, separator: str) -> None:
    table = read(tmp_path / "a.csv", text([HEAD, ROW], separator).encode(encoding))
    assert [show(cell) for cell in table.rows[0].cells] == ROW
    assert set(table.fields.values()) == {"name", "document_number", "temperature_c", "destination", "arrived_at"}


def test_a_title_above_empty_rows_and_quoted_line_breaks(tmp_path: Path) -> None:
    rows = [["夏邑站2月18日登记表"], [""], HEAD, [], ['"测试\r\n甲"', *ROW[1:]], ["", "", "", "", ""], ROW]
    table = read(tmp_path / "a.csv", text(rows).encode())
    assert [row.line for row in table.rows] == [5, 7]


def test_english_headings(tmp_path: Path) -> None:
    table = read(tmp_path / "a.csv", text([["Name", "ID Number", "Temperature"], ROW[:3]]).encode())
    assert names(table) == ["测试甲"]


def test_an_xlsx_with_a_cover_sheet_a_hidden_sheet_and_merged_cells(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet(book, "封面", [["商丘站"]])
        sheet(book, "旧", [HEAD, ["隐藏", *ROW[1:]]]).hide()
        made = sheet(book, "名单", [["2月18日名单"], HEAD, ROW, ROW, ROW])
        made.merge_range(2, 3, 4, 3, "夏邑县火店镇火店村")

    table = read(tmp_path / "a.xlsx", xlsx(fill))
    assert (table.found_as, names(table)) == ("XLSX sheet '名单'", ["测试甲"] * 3)
    assert [show(row.cells[3]) for row in table.rows] == ["夏邑县火店镇火店村"] * 3
    assert [row.line for row in table.rows] == [3, 4, 5]


def test_the_format_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    assert names(read(tmp_path / "a.csv", xlsx(lambda book: sheet(book, "x", [HEAD, ROW])))) == ["测试甲"]
    assert names(read(tmp_path / "a.xlsx", text([HEAD, ROW]).encode())) == ["测试甲"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        *((b"", "columns_missing"), (text([ROW]).encode(), "columns_missing"), (b"\xd0\xcf\x11\xe0 old", "file_format")),
        *((b"\xff\xfe\x00", "file_encoding"), (b"\x81\xff\xff", "file_encoding"), (b"PK\x03\x04 broken", "file_broken")),
    ],
)
def test_files_that_are_no_list(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        read(tmp_path / "a", content)
    assert refused.value.code == code
    assert "411426" not in str(refused.value)


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="cannot be opened"):
        read_table(tmp_path / "none.csv", "checkpoint")


def rebuilt(content: bytes, replace: dict[str, bytes]) -> bytes:
    """A workbook with parts replaced or added."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name in {*source.namelist(), *replace}:
            target.writestr(name, replace[name] if name in replace else source.read(name))
    return buffer.getvalue()


def plain() -> bytes:
    return xlsx(lambda book: sheet(book, "x", [HEAD, ROW]))


SHEET = "xl/worksheets/sheet1.xml"
OPEN = b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
CLOSE = b"</sheetData></worksheet>"
ENTITY = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet><sheetData/></worksheet>'


@pytest.mark.parametrize(
    ("part", "data", "code"),
    [
        (SHEET, OPEN + b"<row/>" * 1_048_576 + CLOSE, "file_unsafe"),
        (SHEET, OPEN + b"".join(b'<row r="%d"/>' % n for n in range(1, 1_048_577)) + CLOSE, "file_too_large"),
        (SHEET, OPEN + b'<row r="1"><c r="XFD1048576"><v>1</v></c></row>' + CLOSE, "file_too_large"),
        (SHEET, OPEN + b"<row r='1'><c r='A1'><v>1</v></c><c\tr = 'XFD1048576'><v>1</v></c></row>" + CLOSE, "file_too_large"),
        (SHEET, OPEN + b"<row r='1'>" + b"<c><v>1</v></c>" * 300 + b"</row>" + CLOSE, "file_unsafe"),
        (SHEET, ENTITY, "file_unsafe"),
        ("xl/sharedStrings.xml", ENTITY, "file_unsafe"),
        (SHEET, b" " * (workbook.MOST_INFLATED_BYTES + 1), "file_too_large"),
        (SHEET, b"<worksheet", "file_broken"),
    ],
)
def test_workbooks_made_to_do_harm(tmp_path: Path, part: str, data: bytes, code: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Rejected) as refused:
        read(tmp_path / "a.xlsx", rebuilt(plain(), {part: data}))
    assert refused.value.code == code
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000  # kB; the counted bytes twice, no more


def test_a_size_that_lies_does_not_fill_the_memory(tmp_path: Path) -> None:
    honest = rebuilt(plain(), {SHEET: b" " * 50_000_000})
    lying = honest.replace((50_000_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little"))
    with pytest.raises(Rejected):
        read(tmp_path / "a.xlsx", lying)


def test_macros_links_and_pictures_are_left_behind(tmp_path: Path) -> None:
    parts = {"xl/vbaProject.bin": b"MZ", "xl/externalLinks/externalLink1.xml": ENTITY, "xl/media/a.xml": ENTITY}
    assert names(read(tmp_path / "a.xlsx", rebuilt(plain(), parts))) == ["测试甲"]


def test_too_many_rows_and_an_open_quotation_mark(tmp_path: Path) -> None:
    with pytest.raises(Rejected) as many:
        read(tmp_path / "a.csv", (text([HEAD]) + "x,y\r\n" * workbook.MOST_ROWS).encode())
    assert many.value.code == "file_too_large"
    with pytest.raises(Rejected) as quote:
        read(tmp_path / "a.csv", (text([HEAD]) + '测试,"' + text([ROW]) * 200).encode())
    assert quote.value.code == "file_broken"
