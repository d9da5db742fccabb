"""Finds the table in a file: format, encoding, separator and the row of headings, whatever program wrote it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from producers.importer.cells import Cell, show
from producers.importer.columns import LAYOUTS, OWN_COLUMNS, Kind, heading_of, recognise
from producers.importer.workbook import MOST_FILE_BYTES, MOST_ROWS, open_workbook, sheets
from schemas.errors import Rejected

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SEPARATORS = (",", "\t", ";", "|", "\uff0c", "\uff1b")
_HEADINGS_WITHIN = 15  # rows above the headings: a title, a date, who made the list
_LONGEST_CELL = 5_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row of people: `line` as the spreadsheet program counts, `cells` as read, by column index."""

    line: int
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """The list in a file: `fields` maps column indices to fields, `found_as` says what was recognised, such as `CSV gb18030`."""

    headings: tuple[str, ...]
    fields: dict[int, str]
    rows: list[Row]
    found_as: str

    @property
    def is_rejects(self) -> bool:
        """Whether this is a file of rejected rows, with its protection against formulas."""
        return all(name in self.headings for name in OWN_COLUMNS)


def read_table(path: Path, kind: Kind) -> Table:
    """The table of a CSV or XLSX file. Raises Rejected when there is none, when it is too large, or when a required
    column is missing.
    """
    try:
        if path.stat().st_size > MOST_FILE_BYTES:
            raise Rejected("file_too_large", f"The file is larger than {MOST_FILE_BYTES // 10**6} MB; split it.")
        content = path.read_bytes()
    except OSError as error:
        raise Rejected("file_unreadable", f"The file cannot be opened ({error.strerror}).") from None
    if content.startswith(_OLE):
        raise Rejected("file_format", "This is an old .xls or a password-protected file; save it as .xlsx without a password.")
    if content.startswith(_ZIP):
        return _from_sheets(sheets(open_workbook(content)), kind)
    return _from_text(content, kind)


def _from_sheets(named: Iterable[tuple[str, list[list[Cell]]]], kind: Kind) -> Table:
    """The first visible sheet with headings of this kind."""
    best: Rejected | None = None
    for name, rows in named:
        try:
            return _from_rows(rows, kind, f"XLSX sheet '{name}'")
        except Rejected as error:
            best = best or error
    raise best or Rejected("file_empty", "The workbook has no visible sheet.")


def _from_text(content: bytes, kind: Kind) -> Table:
    text, encoding = _decode(content)
    best: Rejected | None = None
    for separator in sorted(_SEPARATORS, key=lambda s: -text[:2_000].count(s)):
        try:
            return _from_rows(list(_split(text, separator)), kind, f"CSV {encoding}")
        except Rejected as error:
            best = error if best is None or error.code != "columns_missing" else best
    raise best or Rejected("file_empty", "The file is empty.")


def _decode(content: bytes) -> tuple[str, str]:
    """UTF-8 with or without mark, UTF-16 with mark, otherwise GB 18030 (which holds GBK), strictly."""
    marked = next((name for mark, name in _BOMS if content.startswith(mark)), None)
    for encoding in (marked,) if marked else ("utf-8", "gb18030"):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise Rejected("file_encoding", "The text is neither UTF-8 nor GBK; save it as 'CSV UTF-8'.")


def _split(text: str, separator: str) -> Iterator[list[Cell]]:
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=separator), 1):
            if number > MOST_ROWS:
                raise Rejected("file_too_large", f"The list has more than {MOST_ROWS:,} rows; split it.")
            yield [*row]
    except csv.Error as error:
        raise Rejected("file_broken", f"The CSV cannot be read ({error}).") from None


def _from_rows(rows: list[list[Cell]], kind: Kind, found_as: str) -> Table:
    at, headings, fields = _find_headings(rows, kind)
    missing = [heading_of(name) for name in LAYOUTS[kind].required if name not in fields.values()]
    if missing:
        raise Rejected("columns_missing", f"No column for {'、'.join(missing)} was found; make a template with --template.")
    body = [Row(line, cells) for line, cells in enumerate(rows[at + 1 :], at + 2) if any(show(cell) for cell in cells)]
    if any(isinstance(cell, str) and len(cell) > _LONGEST_CELL for row in body for cell in row.cells):
        raise Rejected("file_broken", f"A cell is longer than {_LONGEST_CELL:,} characters; is a quotation mark left open?")
    return Table(headings, fields, body, found_as)


def _find_headings(rows: list[list[Cell]], kind: Kind) -> tuple[int, tuple[str, ...], dict[int, str]]:
    """The row, among the first ones, in which most headings are known."""
    best: tuple[int, tuple[str, ...], dict[int, str]] = (0, (), {})
    for number, row in enumerate(rows[:_HEADINGS_WITHIN]):
        headings = tuple(show(cell) for cell in row)
        fields = recognise(headings, kind)
        if len(fields) > len(best[2]):
            best = number, headings, fields
    return best
