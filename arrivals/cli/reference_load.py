"""`arrivals reference load`: lists of dated rows, checked line by line, appended once, the wrong lines set apart.

Delivery guarantee: at least once, and in effect once: a row's id follows from what it says, rows the topic holds are left out,
and a load that broke off is simply run again.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arrivals.cli.helping import examples
from arrivals.cli.output import JsonOption, console, notes, print_json
from arrivals.cli.reference import current_snapshot
from arrivals.runtime.settings import Settings, load_settings
from schemas.errors import Misconfigured, Rejected

if TYPE_CHECKING:
    from reference.listed_rows import Line
    from schemas.reference_rows import ReferenceRow

BATCH = 1_000
KINDS = ("grade", "succession", "case-count", "site", "unit", "pass", "pass-use")
_LINE, _WHY = "行号", "错误"
_ZH = {
    "area_unknown": "没有此地区",
    "area_ambiguous": "名称不止一处，请写代码或加上级地区",
    "time_invalid": "时间有误",
    "day_invalid": "日期有误",
    "reference_row": "缺少内容或内容有误",
}


@dataclass(slots=True)
class LoadReport:
    """What became of the lines of a file; `version` is the reference version after it."""

    rows: int = 0
    appended: int = 0
    known_before: int = 0
    rejected: int = 0
    rejected_file: str | None = None
    version: int | None = None
    dry_run: bool = False


def load(
    file: Annotated[
        Path | None,
        typer.Argument(exists=True, dir_okay=False, help="CSV with a line of headings, or TOML for rules and pass types."),
    ] = None,
    *,
    kind: Annotated[str, typer.Option(help=f"Of a CSV file: {', '.join(KINDS)}.")] = "grade",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check, append nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Append the rows of a file; without a file, the shipped rules and pass types.

    CSV in UTF-8 or GBK, headings in Chinese or English, areas by code or name; lines that begin with # are skipped. Rows the
    topic holds already are left out, so a file can be loaded again. Wrong lines go with their reasons into FILE.rejected.csv, to
    be corrected and loaded; the exit code is then 1. TOML is taken whole or not at all.
    """
    settings, report = load_settings(), LoadReport(dry_run=dry_run)
    if file is None or file.suffix == ".toml":
        _load_whole(settings, file, report)
    else:
        _load_csv(settings, file, kind, report)
    _tell(report, json)
    if report.rejected:
        raise typer.Exit(1)


def _tell(report: LoadReport, json: bool) -> None:
    if json:
        print_json(asdict(report))
        return
    said = f"{report.appended} rows {'would be appended' if report.dry_run else 'appended'}"
    said += f", {report.known_before} known before" if report.known_before else ""
    said += f", {report.rejected} rejected ({report.rejected_file})" if report.rejected else ""
    console().print(f"{said}; the reference version is {f'now {report.version}' if report.appended else 'unchanged'}.")


def _load_whole(settings: Settings, file: Path | None, report: LoadReport) -> None:
    from reference.listed_rows import held
    from reference.shipped import read_rows, shipped_rows

    rows = shipped_rows() if file is None else read_rows(file.read_text("utf-8"))
    snapshot = current_snapshot()
    known = frozenset[str]().union(*(held(snapshot, kind) for kind in {row.data.kind for row in rows}))
    fresh = [row for row in rows if row.row_id not in known]
    report.rows, report.known_before = len(rows), len(rows) - len(fresh)
    _append(settings, fresh, report)


def _append(settings: Settings, rows: Sequence[ReferenceRow], report: LoadReport) -> None:
    from arrivals.runtime.reference_writer import append

    report.appended += len(rows)
    if rows and not report.dry_run:
        report.version = append(settings, rows)[-1]


def _load_csv(settings: Settings, file: Path, kind: str, report: LoadReport) -> None:
    from producers.progress import progress
    from reference.listed_rows import held, read_lines

    if kind not in KINDS:
        raise Rejected("kind_unknown", f"A CSV file holds one of {', '.join(KINDS)}; rules and pass types are TOML.")
    headings, lines = _lines(file, kind)
    report.rows = len(lines)
    snapshot, wrong = current_snapshot(), []
    known = set(held(snapshot, kind))
    with progress(f"load {file.name}", len(lines), notes()) as advance:
        checked = read_lines(kind, _keyed(lines, kind, settings), snapshot)
        while batch := list(islice(checked, BATCH)):
            fresh = [row for row in _rows(batch) if row.row_id not in known]
            fresh = list({row.row_id: row for row in fresh}.values())
            known |= {row.row_id for row in fresh}
            wrong += [line for line in batch if line.row is None]
            report.known_before += len(batch) - len(fresh) - sum(line.row is None for line in batch)
            _append(settings, fresh, report)
            advance(len(batch), f"appended {report.appended:,} · rejected {len(wrong):,}")
    report.rejected = len(wrong)
    if wrong:
        report.rejected_file = str(_write_rejected(file, headings, wrong))


def _rows(batch: Sequence[Line]) -> Iterator[ReferenceRow]:
    return (line.row for line in batch if line.row is not None)


def _lines(file: Path, kind: str) -> tuple[list[str], list[tuple[int, Mapping[str, str]]]]:
    """The headings and the numbered lines of a file. Raises Rejected when it is no such list."""
    from producers.importer.rejects import unprotect
    from reference.listed_rows import missing_columns

    text, above = _without_comments(_decode(file))
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="")
    try:
        lines: list[tuple[int, Mapping[str, str]]] = [(above + reader.line_num, cells) for cells in reader]
        if _WHY in (reader.fieldnames or ()):
            lines = [(number, {name: str(unprotect(text)) for name, text in cells.items() if text}) for number, cells in lines]
    except csv.Error as error:
        raise Rejected("file_broken", f"The CSV cannot be read ({error}).") from None
    headings = [name for name in reader.fieldnames or () if name not in (_LINE, _WHY)]
    missing = missing_columns(kind, headings)
    if missing:
        raise Rejected("columns_missing", f"No column for {', '.join(missing)} was found in {file.name}.")
    return headings, lines


def _decode(file: Path) -> str:
    content = file.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Rejected("file_encoding", "The text is neither UTF-8 nor GBK; save it as 'CSV UTF-8'.")


def _without_comments(text: str) -> tuple[str, int]:
    """The text from its headings on, later comments as empty lines, and how many lines stood above: numbers stay the file's."""
    lines = ["\n" if line.startswith("#") else line for line in text.splitlines(keepends=True)]
    above = next((at for at, line in enumerate(lines) if line.strip()), 0)
    return "".join(lines[above:]), above


def _keyed(
    lines: Sequence[tuple[int, Mapping[str, Any]]], kind: str, settings: Settings
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The lines of passes with the keyed hash in place of the plate, which is never written down; others as they are."""
    from reference.listed_rows import headings_of

    if kind not in ("pass", "pass-use"):
        yield from lines
        return
    from arrivals.runtime.keys import KeyStore
    from schemas.plates import read_plate
    from schemas.sealing import keyed_hash

    secret = KeyStore.open(settings.secret_path("keys.json", settings.keys_file), create=False).linking_secret
    for number, cells in lines:
        plates = [heading for heading, name in headings_of(cells).items() if name == "plate"]
        found = next((read_plate(cells[h]).text for h in plates if cells[h]), "")
        yield number, {**cells, "vehicle_key": keyed_hash(secret, "plate", found)} if found else cells


def _write_rejected(file: Path, headings: Sequence[str], wrong: Sequence[Line]) -> Path:
    """The wrong lines with their numbers and reasons; loading the corrected file ignores these two columns."""
    from producers.importer.rejects import protect

    path = file.with_name(f"{file.name}.rejected.csv")
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise Misconfigured("rejects", f"{path} cannot be written ({error.strerror}).", "Check the folder.") from None
    with os.fdopen(handle, "w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([*headings, _LINE, _WHY])
        for line in wrong:
            cells = [protect(line.cells.get(heading) or "") for heading in headings]
            writer.writerow([*cells, str(line.number), _why(line)])
    return path


def _why(line: Line) -> str:
    wrong = line.error
    return f"{_ZH.get(wrong.code, '内容有误')} ({wrong.message})" if wrong else ""


def register(group: typer.Typer) -> None:
    """Adds the command of this file."""
    grades, merged = "reference load grades.csv --kind grade", "reference load merged.csv --kind succession"
    group.command(epilog=examples("reference load", grades, merged))(load)
