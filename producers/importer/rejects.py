"""The file of rejected rows: the same columns, why, and what to do; corrected, it is imported like any list.

Cells that a spreadsheet program would run as a formula get an apostrophe in front (OWASP: CSV injection); reading takes
it off again, so that an
uncorrected row comes back as it was. The file holds people: mode 0600. An older file is never overwritten, it may hold
corrections.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from producers.importer.cells import Cell, show
from producers.importer.columns import COLUMNS, FIX, LINE_NUMBER, OWN_COLUMNS, REASON
from producers.importer.faults import fix_of
from producers.importer.tables import Row, Table
from schemas.errors import Misconfigured, Reason

_FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
#: Path of what was posted -> field of a list, for the gateway's reasons.
_FIELD_OF_PATH = {
    **{"person": "name", "occurred_at": "arrived_at", "party_id": "party", "kind": "checkin_kind", "reporter": "operator"},
    **{"enterprise": "enterprise_code", "enterprise.name": "enterprise_name"},
}


def protect(text: str) -> str:
    """Text that no spreadsheet program takes for a formula."""
    return "'" + text if text.startswith(_FORMULA_START) else text


def unprotect(cell: Cell) -> Cell:
    """Undoes `protect`."""
    if isinstance(cell, str) and cell.startswith("'") and cell[1:].startswith(_FORMULA_START):
        return cell[1:]
    return cell


class RejectsFile:
    """Opened with the first rejected row; `path` is None as long as there is none."""

    def __init__(self, source: Path, table: Table) -> None:
        self.path: Path | None = None
        self._source = source
        self._kept = [i for i, heading in enumerate(table.headings) if heading not in OWN_COLUMNS]
        self._headings = [table.headings[i] for i in self._kept] + [LINE_NUMBER, REASON, FIX]
        self._columns = {field: table.headings[i] for i, field in table.fields.items()}
        self._file: IO[str] | None = None
        self._writer: Any = None

    def write(self, row: Row, reasons: Sequence[Reason]) -> None:
        """Adds one row with all its reasons."""
        if self._writer is None:
            self._open()
        cells = [show(row.cells[i]) if i < len(row.cells) else "" for i in self._kept]
        why = ";".join(self._why(reason) for reason in reasons)
        fixes = ";".join(dict.fromkeys(fix_of(reason.code) for reason in reasons))
        self._writer.writerow([protect(text) for text in (*cells, str(row.line), why, fixes)])

    def close(self) -> None:
        """Writes everything out."""
        if self._file is not None:
            self._file.close()

    def _why(self, reason: Reason) -> str:
        """Chinese first, English behind, with the heading of the list in front."""
        parts = [part for part in reason.field.split(".") if part not in ("text", "code")] or [""]
        field = _FIELD_OF_PATH.get(reason.field) or _FIELD_OF_PATH.get(parts[-1], parts[-1])
        heading = self._columns.get(field) or (COLUMNS[field].heading if field in COLUMNS else "")
        where = f"{heading}:" if heading else ""
        return f"{where}{reason.message_zh}({reason.message})"

    def _open(self) -> None:
        for number in range(1, 1_000):
            extra = "" if number == 1 else f"-{number}"
            path = self._source.with_name(f"{self._source.name}.rejected{extra}.csv")
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            except OSError as error:
                raise Misconfigured("rejects", f"{path} cannot be written ({error.strerror}).", "Check the folder.") from None
            self._file = os.fdopen(handle, "w", encoding="utf-8-sig", newline="")
            self._writer = csv.writer(self._file, quoting=csv.QUOTE_ALL)
            self._writer.writerow(self._headings)
            self.path = path
            return
        raise Misconfigured("rejects", "There are 999 files of rejected rows already.", "Delete the old ones.")
