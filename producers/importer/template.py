"""A spreadsheet to fill in: headings, one obviously invented row, and a page of notes. The importer skips the invented row."""

from __future__ import annotations

from pathlib import Path

import xlsxwriter

from producers.importer.columns import COLUMNS, LAYOUTS, Kind
from schemas.errors import Misconfigured

#: A name that starts like this marks the example row.
EXAMPLE_MARK = "示例"
_TITLES = {
    "rail-manifest": "列车旅客名单",
    "coach-manifest": "客车乘客名单",
    "checkpoint": "卡点登记名单",
    "checkins": "健康打卡名单",
}
_ROWS_AS_TEXT = 5_000


def write_template(path: Path, kind: Kind) -> None:
    """Writes the template of a kind of list; every column is formatted as text, so that no number loses digits."""
    try:
        with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
            _write_list(book, kind)
            _write_notes(book, kind)
    except (OSError, xlsxwriter.exceptions.FileCreateError) as error:
        raise Misconfigured("template", f"{path} cannot be written ({error}).", "Check the folder.") from None


def _write_list(book: xlsxwriter.Workbook, kind: Kind) -> None:
    layout = LAYOUTS[kind]
    text = book.add_format({"num_format": "@"})
    must = book.add_format({"num_format": "@", "bold": True, "bg_color": "#FDE9D9", "border": 1})
    may = book.add_format({"num_format": "@", "bold": True, "bg_color": "#DCE6F1", "border": 1})
    sheet = book.add_worksheet(_TITLES[kind])
    for index, field in enumerate(layout.columns):
        column = COLUMNS[field]
        sheet.set_column(index, index, max(10, 2 * len(column.heading) + 2, len(column.example) + 2), text)
        sheet.write_string(0, index, column.heading, must if field in layout.required else may)
        sheet.write_string(1, index, column.example, text)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, _ROWS_AS_TEXT, len(layout.columns) - 1)


def _write_notes(book: xlsxwriter.Workbook, kind: Kind) -> None:
    wide = book.add_format({"text_wrap": True, "valign": "top"})
    sheet = book.add_worksheet("说明")
    sheet.set_column(0, 0, 12)
    sheet.set_column(1, 1, 8)
    sheet.set_column(2, 2, 70, wide)
    rows = [("列", "必填", "填写说明")]
    rows += [(COLUMNS[f].heading, "是" if f in LAYOUTS[kind].required else "", COLUMNS[f].note) for f in LAYOUTS[kind].columns]
    rows += [("示例行", "", "姓名以“示例”开头的行不会导入"), ("同上", "", "地址、车次、车牌等可写“同上”,取上一行的内容")]
    for number, cells in enumerate(rows):
        for index, cell in enumerate(cells):
            sheet.write_string(number, index, cell)
