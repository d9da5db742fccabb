"""A roster as a spreadsheet: every cell is text, so nothing in it can calculate; A4 across, titles and mark on every page."""

from __future__ import annotations

import io

import xlsxwriter

from serving.roster import COLUMNS, Roster

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_A4 = 9
_WIDTHS = {"number": 5, "name": 9, "document": 20, "phone": 16, "arrived": 16, "origin": 16, "stays": 26, "signature": 16}
_ROW_POINTS = 28
#: A page's heading holds no more than this.
_LONGEST_HEADING = 200


def to_sheet(roster: Roster) -> bytes:
    """The workbook."""
    out = io.BytesIO()
    safe = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, safe)
    sheet = book.add_worksheet(roster.word[:31])
    title, head, cell = (
        book.add_format({"border": border, "bold": bold, "text_wrap": border, "valign": "vcenter"})
        for border, bold in ((0, 1), (1, 1), (1, 0))
    )
    sheet.write_string(0, 0, f"{roster.unit_name} {roster.word} {roster.mark}", title)
    for number, row in enumerate((roster.titles, *roster.rows), 1):
        for column, text in enumerate(row):
            sheet.write_string(number, column, text, head if number == 1 else cell)
        sheet.set_row(number, _ROW_POINTS)
    for column, name in enumerate(COLUMNS):
        sheet.set_column(column, column, _WIDTHS.get(name, 11))
    sheet.freeze_panes(2, 0)
    sheet.repeat_rows(0, 1)
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_header(f"&R{_heading(roster.mark)}")
    sheet.set_footer("&C&P / &N")
    book.close()
    return out.getvalue()


def file_name(roster: Roster) -> str:
    """A file name made of codes only."""
    return f"roster_{roster.unit}_{roster.list_name}.xlsx"


def _heading(text: str) -> str:
    """Text of a page's heading, where `&` begins a command."""
    return text[:_LONGEST_HEADING].replace("&", "&&")
