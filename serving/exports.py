"""Writes answers out: JSON, CSV for Excel, XLSX, Parquet. Times are local with the offset in the header; text never
becomes a formula.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson
import xlsxwriter

from schemas.base import LOCAL, format_instant
from schemas.errors import Refused
from serving.answers import Answer
from serving.arrival_json import plain_value

#: First characters after which spreadsheets calculate, ASCII and full width, and the ones that smuggle them in.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_OFFSET = "+08:00"
_NOT_IN_SHEETS = str.maketrans(dict.fromkeys("[]:*?/\\", " "))


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: its media type, whether it is downloaded, and its writer."""

    media_type: str
    attachment: bool
    write: Callable[[Answer], bytes]


def to_json(answer: Answer) -> bytes:
    """One object with the parameters in force, the columns with their types, and the rows as objects."""
    table = answer.table
    body = {
        "query": answer.name,
        "title": answer.title,
        "title_zh": answer.title_zh,
        "parameters": {name: plain_value(value) for name, value in answer.parameters.items()},
        "time_zone": "Asia/Shanghai",
        "columns": [{"name": n, "type": t} for n, t in zip(table.columns, table.types, strict=True)],
        "rows": [{name: plain_value(value) for name, value in record.items()} for record in table.records()],
    }
    return orjson.dumps(body)


def to_csv(answer: Answer) -> bytes:
    """UTF-8 with a byte order mark, for Excel."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_headers(answer))
    writer.writerows([_cell_text(value) for value in row] for row in answer.table.rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def sheet_name(title: str) -> str:
    """A title as a workbook takes it for a sheet: at most 31 characters, none of those that mean something in formulas."""
    return title.translate(_NOT_IN_SHEETS)[:31].strip(" '") or "1"


def to_xlsx(answer: Answer) -> bytes:
    """A workbook with one sheet, first row frozen; text is written as text."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet(sheet_name(answer.title_zh))
    bold = book.add_format({"bold": True, "bottom": 1})
    dates = {datetime: "yyyy-mm-dd hh:mm:ss", date: "yyyy-mm-dd"}
    formats: dict[type, Any] = {kind: book.add_format({"num_format": text}) for kind, text in dates.items()}
    for column, header in enumerate(_headers(answer)):
        sheet.write_string(0, column, header, bold)
    for number, row in enumerate(answer.table.rows, 1):
        for column, value in enumerate(row):
            _write_cell(sheet, (number, column), value, formats)
    sheet.freeze_panes(1, 0)
    sheet.autofit()
    book.close()
    return out.getvalue()


def to_parquet(answer: Answer) -> bytes:
    """A Parquet file; the parameters stand in its metadata. Raises Refused (406) where pyarrow is not installed."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise Refused("format_missing", "Parquet is not available here.", 406, "Use csv or xlsx, or install pyarrow.") from None
    table = answer.table
    columns = {name: [row[i] for row in table.rows] for i, name in enumerate(table.columns)}
    metadata = {"query": answer.name, **{name: str(plain_value(v)) for name, v in answer.parameters.items()}}
    out = io.BytesIO()
    parquet.write_table(arrow.table(columns).replace_schema_metadata(metadata), out)
    return out.getvalue()


FORMATS: dict[str, Format] = {
    "json": Format("application/json", False, to_json),
    "csv": Format("text/csv; charset=utf-8", True, to_csv),
    "xlsx": Format("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", True, to_xlsx),
    "parquet": Format("application/vnd.apache.parquet", True, to_parquet),
}


def file_name(answer: Answer, extension: str) -> str:
    """A file name made of codes and days only, such as `flows-by-hour_2020-02-18.csv`."""
    parts = [plain_value(answer.parameters[n]) for n in ("county", "from", "to", "day", "as_of") if n in answer.parameters]
    stem = "_".join(dict.fromkeys([answer.name, *(str(part).replace(":", "").replace("+", "p") for part in parts)]))
    return f"{stem}.{extension}"


def _headers(answer: Answer) -> list[str]:
    table = answer.table
    return [f"{n} [{_OFFSET}]" if t.startswith("DateTime") else n for n, t in zip(table.columns, table.types, strict=True)]


def _cell_text(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_instant(value.astimezone(LOCAL))[:19].replace("T", " ")
    value = plain_value(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _write_cell(sheet: Any, at: tuple[int, int], value: Any, formats: dict[type, Any]) -> None:
    if isinstance(value, datetime):
        sheet.write_datetime(*at, value.astimezone(LOCAL).replace(tzinfo=None), formats[datetime])
    elif isinstance(value, date):
        sheet.write_datetime(*at, datetime(value.year, value.month, value.day), formats[date])  # noqa: DTZ001
    elif isinstance(value, (int, float, Decimal)):
        sheet.write_number(*at, float(value))
    elif value is not None:
        sheet.write_string(*at, str(plain_value(value)))
