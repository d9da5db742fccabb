"""Imports one list of people: reads it, checks every row, posts the good ones in batches, writes the others into a file
to correct.

Delivery guarantee: at least once; event ids follow from the content, so an import that broke off is simply run again, and
what was
taken before is answered `duplicate`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console

from producers.client import GatewayClient, Patience, ScanAnswer
from producers.importer.cells import Cell, show
from producers.importer.checkin_rows import make_checkin
from producers.importer.columns import LAYOUTS
from producers.importer.faults import reason
from producers.importer.rejects import RejectsFile, unprotect
from producers.importer.report import ImportReport
from producers.importer.rows import ImportContext, make_scan
from producers.importer.tables import Row, Table, read_table
from producers.importer.template import EXAMPLE_MARK
from producers.importer.words import fold
from producers.progress import progress
from schemas.errors import Reason, Rejected

BATCH = 200
_SAME = frozenset({"同上", "〃", "″", '"', "''", "同前"})
#: Fields in which people write "same as above".
_REPEATABLE = frozenset(
    {
        *("train", "service_date", "coach", "from_station", "to_station", "arrived_on", "arrived_at"),
        *("origin", "destination", "lodging", "purpose", "plate", "pass_id", "party", "phone", "operator"),
        *("checkin_kind", "enterprise_code", "enterprise_name", "county", "unit", "made_on", "made_at", "whereabouts"),
    }
)


@dataclass(frozen=True)
class Target:
    """Where the rows go: the gateway's URL, the site's token, and headers such as the simulated time of a sample day."""

    gateway: str
    token: str
    headers: Mapping[str, str] = field(default_factory=dict)
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class _Checked:
    row: Row
    event: dict[str, Any] | None
    reasons: tuple[Reason, ...] = ()


def import_file(path: Path, context: ImportContext, target: Target | None, console: Console | None = None) -> ImportReport:
    """Imports a CSV or XLSX file; without a target nothing is posted (a dry run).

    Raises Rejected for a file that is no such list, Refused when the gateway does not know the token, Unavailable when it
    does not
    answer in time; running it again is safe.
    """
    started = time.monotonic()
    table = read_table(path, context.kind)
    report = ImportReport(path, context.kind, table.found_as, len(table.rows), dry_run=target is None)
    rejects = RejectsFile(path, table)
    try:
        asyncio.run(_run(table, context, target, _Booking(report, rejects), console))
    finally:
        rejects.close()
        report.rejected_file = rejects.path
        report.elapsed_seconds = time.monotonic() - started
    return report


class _Booking:
    """Counts rows and hands the rejected ones to the file."""

    def __init__(self, report: ImportReport, rejects: RejectsFile) -> None:
        self.report = report
        self._rejects = rejects

    def answer(self, row: Row, answer: ScanAnswer) -> None:
        if answer.status == "accepted":
            self.report.accepted += 1
        elif answer.status == "duplicate":
            self.report.duplicates += 1
        else:
            self.reject(row, answer.reasons)

    def reject(self, row: Row, reasons: Sequence[Reason]) -> None:
        found = reasons or (reason("", "invalid"),)
        self.report.rejected += 1
        self.report.reasons[found[0].code] += 1
        self._rejects.write(row, found)

    def note(self) -> str:
        counts = self.report
        return f"accepted {counts.accepted:,} · duplicate {counts.duplicates:,} · rejected {counts.rejected:,}"


async def _run(table: Table, context: ImportContext, target: Target | None, booking: _Booking, console: Console | None) -> None:
    with progress(f"import {booking.report.path.name}", len(table.rows), console) as advance:
        if target is None:
            for checked in _checked(table, context, booking.report):
                _book_unsent(checked, booking)
                advance(1, booking.note())
            return
        async with GatewayClient(target.gateway, target.patience, path=LAYOUTS[context.kind].path) as client:
            source = _checked(table, context, booking.report)
            while batch := list(islice(source, BATCH)):
                await _post(batch, client, target, booking)
                advance(len(batch), booking.note())


async def _post(batch: list[_Checked], client: GatewayClient, target: Target, booking: _Booking) -> None:
    good = [checked for checked in batch if checked.event is not None]
    bodies = [orjson.dumps(checked.event) for checked in good]
    answers = await client.deliver(bodies, target.token, target.headers) if good else ()
    by_line = {checked.row.line: answer for checked, answer in zip(good, answers, strict=True)}
    for checked in batch:
        if checked.row.line in by_line:
            booking.answer(checked.row, by_line[checked.row.line])
        else:
            booking.reject(checked.row, checked.reasons)


def _book_unsent(checked: _Checked, booking: _Booking) -> None:
    if checked.event is None:
        booking.reject(checked.row, checked.reasons)
    else:
        booking.report.valid += 1


def _checked(table: Table, context: ImportContext, report: ImportReport) -> Iterator[_Checked]:
    """Every row but the template's example, as what to post or as reasons."""
    above: dict[str, Cell] = {}
    for row in table.rows:
        cells = {name: row.cells[i] for i, name in table.fields.items() if i < len(row.cells)}
        if table.is_rejects:
            cells = {name: unprotect(cell) for name, cell in cells.items()}
            row = Row(row.line, [unprotect(cell) for cell in row.cells])  # noqa: PLW2901
        if show(cells.get("name", "")).startswith(EXAMPLE_MARK):
            report.skipped += 1
            continue
        cells, lost = _expand(cells, above)
        above = {name: cell for name, cell in cells.items() if name not in lost and show(cell)}
        yield _check(_with_values(row, cells, table), cells, lost, context)


def _expand(cells: dict[str, Cell], above: Mapping[str, Cell]) -> tuple[dict[str, Cell], list[str]]:
    """The cells with "same as above" filled in, and the fields where nothing stands above."""
    same = [name for name in cells if name in _REPEATABLE and fold(show(cells[name])) in _SAME]
    return cells | {name: above[name] for name in same if name in above}, [name for name in same if name not in above]


def _check(row: Row, cells: Mapping[str, Cell], lost: Sequence[str], context: ImportContext) -> _Checked:
    if lost:
        return _Checked(row, None, tuple(reason(name, "above_missing") for name in lost))
    try:
        return _Checked(row, make_checkin(cells, context) if context.kind == "checkins" else make_scan(cells, context))
    except Rejected as error:
        return _Checked(row, None, error.reasons)


def _with_values(row: Row, cells: Mapping[str, Cell], table: Table) -> Row:
    """The row with "same as above" written out, since the rejected file no longer has the row above."""
    values = list(row.cells)
    for index, name in table.fields.items():
        if index < len(values) and name in cells:
            values[index] = cells[name]
    return Row(row.line, values)
