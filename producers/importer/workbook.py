"""Opens XLSX files from anywhere without trusting them: sizes are counted before anything is parsed (OWASP ASVS 5.2.3).

Only counted bytes reach the parser: the parts it needs are inflated under a cap, checked for shape, and packed anew.
Macros, pictures and
external links are left behind; XML with a document type is refused.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from producers.importer.cells import Cell
from schemas.errors import Rejected

Rows = list[list[Cell]]
MOST_FILE_BYTES = 30_000_000
MOST_INFLATED_BYTES = 120_000_000
MOST_PARTS = 2_000
MOST_ROWS = 100_000
MOST_COLUMNS = 200
MOST_CELLS = 2_000_000
_CHUNK = 1 << 20
_LEFT_BEHIND = ("xl/externallinks/", "xl/media/", "xl/drawings/", "xl/embeddings/", "customxml/", "docprops/")
_REFERENCE = re.compile(rb"""\sr\s*=\s*["']([A-Z]{0,3})([0-9]{1,7})["']""")
_ROW_OR_CELL = re.compile(rb"<(?:\w+:)?(row|c)(?=[\s/>])")
_WORKSHEET = re.compile(rb"<(?:\w+:)?worksheet[\s>]")


def open_workbook(content: bytes) -> CalamineWorkbook:
    """The workbook behind untrusted bytes. Raises Rejected when it is broken, protected, too large, or no spreadsheet."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            packed = _repack(archive)
        return CalamineWorkbook.from_filelike(packed)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError, UnicodeError):
        raise _broken() from None
    except CalamineError:
        raise _broken() from None


def sheets(workbook: CalamineWorkbook) -> Iterator[tuple[str, Rows]]:
    """Name and rows of each visible worksheet, from its first row on; cells merged downwards hold their value in every row."""
    for data in workbook.sheets_metadata:
        if data.typ == SheetTypeEnum.WorkSheet and data.visible == SheetVisibleEnum.Visible:
            yield data.name, _rows(workbook, data.name)


def _rows(workbook: CalamineWorkbook, name: str) -> Rows:
    try:
        sheet = workbook.get_sheet_by_name(name)
        rows: list[list[Any]] = sheet.to_python(skip_empty_area=False)
    except CalamineError:
        raise _broken() from None
    spent = 0
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        if left != right or top >= len(rows):
            continue
        last = min(bottom, len(rows) - 1)
        spent += last - top
        if spent > MOST_CELLS:
            raise _too_large()
        for row in rows[top + 1 : last + 1]:
            row[left] = rows[top][left]
    return rows


def _repack(archive: zipfile.ZipFile) -> io.BytesIO:
    """The parts a reader of cells needs, inflated under the cap, checked, and stored without compression."""
    entries = {entry.filename: entry for entry in archive.infolist()}
    if len(entries) > MOST_PARTS:
        raise _too_large()
    left = MOST_INFLATED_BYTES
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as copy:
        for name, entry in entries.items():
            if not name.lower().endswith((".xml", ".rels")) or name.lower().startswith(_LEFT_BEHIND):
                continue
            data = _inflate(archive, entry, left)
            left -= len(data)
            _check_part(data)
            copy.writestr(zipfile.ZipInfo(name), data)
    packed.seek(0)
    return packed


def _inflate(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    """One part, read in pieces, so that a lying size in the directory cannot fill the memory."""
    if entry.file_size > most:
        raise _too_large()
    found = bytearray()
    with archive.open(entry) as part:
        while piece := part.read(_CHUNK):
            found += piece
            if len(found) > most:
                raise _too_large()
    return bytes(found)


def _check_part(data: bytes) -> None:
    """Refuses entities, foreign encodings, and worksheets whose grid would not fit in memory (one cell at XFD1048576 is
    enough for that).
    """
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data or b"\x00" in data:
        raise Rejected("file_unsafe", "The workbook holds XML that no spreadsheet program writes; save it again as .xlsx.")
    if not _WORKSHEET.search(data):
        return
    rows = columns = referenced = 0
    for letters, number in _REFERENCE.findall(data):
        rows = max(rows, int(number))
        columns = max(columns, _column(letters))
        referenced += 1
    if sum(1 for _ in _ROW_OR_CELL.finditer(data)) > referenced:
        raise Rejected("file_unsafe", "The worksheet does not say where its cells are; open it and save it again as .xlsx.")
    if rows > MOST_ROWS or columns > MOST_COLUMNS or rows * columns > MOST_CELLS:
        raise _too_large()


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _broken() -> Rejected:
    return Rejected("file_broken", "The file is no readable XLSX; open it and save it again as .xlsx, without a password.")


def _too_large() -> Rejected:
    return Rejected(
        "file_too_large",
        f"The workbook is larger than {MOST_ROWS:,} rows, {MOST_COLUMNS} columns or {MOST_INFLATED_BYTES // 10**6} MB unpacked;"
        " delete empty rows below the list or split it.",
    )
