"""Reads single cells the way people and spreadsheet programs write them. Nothing unreadable becomes a value: it becomes a
reason. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from math import isfinite

from stdnum.iso7064 import mod_11_2

from producers.importer.faults import wrong
from schemas.base import LOCAL

#: What a spreadsheet library gives for one cell; text files give `str` only.
Cell = str | int | float | bool | date | datetime | time | timedelta

_EXACT_DIGITS = 15  # a double keeps 15 decimal digits; Excel cuts off the rest
_SCIENTIFIC = re.compile(r"[+-]?\d(?:\.\d+)?[eE]\+?\d{1,3}")
_FLOATED = re.compile(r"(\d+)\.0+")
_CUT_OFF = re.compile(r"\d{15}000")
_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
_COMPACT_DATE = re.compile(r"(20\d\d)(\d\d)(\d\d)")
_WITHOUT_YEAR = re.compile(r"\d{1,2}\s*[-/.月]\s*\d{1,2}\s*日?")
_TIME = re.compile(r"(\d{1,2})\s*[:时点]\s*(\d{1,2})?\s*(?:[:分]\s*(\d{1,2})?\s*秒?)?")
_EPOCH = date(1899, 12, 30)  # Excel's day 0, with its 29 February 1900
_SERIALS = range(36_526, 73_051)  # 2000 to 2099
_UNMEASURED = frozenset({"", "-", "--", "/", "\\", "无", "未测", "未检", "未测量", "正常", "n/a", "na", "null", "none"})
_DEGREES = re.compile(r"(\d{1,4}(?:[.,]\d{1,2})?)\s*(?:°c|°|℃|c|度|摄氏度)?")
_FORMULA_ERRORS = re.compile(r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!)")


def read_text(cell: Cell, field: str) -> str:
    """The cell as text without outer spaces; whole numbers without `.0`."""
    text = show(cell)
    if _FORMULA_ERRORS.fullmatch(text):
        raise wrong(field, "formula_error")
    return text


def read_number(cell: Cell, field: str) -> str:
    """A document or phone number as text. Raises where digits are lost: 4.11E+17, or 18 digits that end in 000 without a
    valid check digit.
    """
    text = read_text(cell, field)
    folded = unicodedata.normalize("NFKC", text)
    if _SCIENTIFIC.fullmatch(folded):
        raise wrong(field, "number_rounded")
    if isinstance(cell, (int, float)) and len(folded) > _EXACT_DIGITS:
        raise wrong(field, "number_rounded")
    if _CUT_OFF.fullmatch(folded) and not mod_11_2.is_valid(folded):
        raise wrong(field, "number_rounded")
    floated = _FLOATED.fullmatch(folded)
    return floated[1] if floated else text


def read_temperature(cell: Cell, field: str) -> float | None:
    """Degrees Celsius; None where nothing was measured. `36.5℃`, `36,5` and full-width digits are read; odd values stay
    as they are.
    """
    if isinstance(cell, bool) or (isinstance(cell, float) and not isfinite(cell)):
        raise wrong(field, "temperature_unreadable")
    if isinstance(cell, (int, float)):
        return float(cell)
    text = unicodedata.normalize("NFKC", read_text(cell, field)).strip().lower()
    if text in _UNMEASURED:
        return None
    found = _DEGREES.fullmatch(text)
    if found is None:
        raise wrong(field, "temperature_unreadable")
    return float(found[1].replace(",", "."))


def read_day(cell: Cell, field: str) -> date:
    """A calendar day from a date cell, an Excel serial number, or text; a date without a year is not guessed."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = unicodedata.normalize("NFKC", read_text(cell, field))
    if re.fullmatch(r"\d{5}(?:\.\d+)?", text) and int(float(text)) in _SERIALS:
        return _EPOCH + timedelta(days=int(float(text)))
    found = _DATE.fullmatch(text) or _COMPACT_DATE.fullmatch(text)
    if found is None:
        raise wrong(field, "date_without_year" if _WITHOUT_YEAR.fullmatch(text) else "date_unreadable")
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        raise wrong(field, "date_unreadable") from None


def read_moment(cell: Cell, day: date | None, field: str) -> datetime | None:
    """A local moment from a date with a time, or from a time alone on `day`; None when the time or the day is missing."""
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=cell.tzinfo or LOCAL)
    if isinstance(cell, timedelta):
        if not timedelta() <= cell < timedelta(days=1):
            raise wrong(field, "time_unreadable")
        cell = (datetime.min + cell).time()  # noqa: DTZ901
    if isinstance(cell, time):
        return datetime.combine(day, cell, LOCAL) if day else None
    text = unicodedata.normalize("NFKC", read_text(cell, field))
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\S+", text):
        return _iso(text, field)
    if re.fullmatch(r"\d{5}\.\d+", text) and int(float(text)) in _SERIALS:
        seconds = round(float(text) % 1 * 86_400)
        return datetime.combine(read_day(text, field), time.min, LOCAL) + timedelta(seconds=seconds)
    dated = _DATE.match(text)
    if dated is not None:
        day, text = read_day(dated[0].strip(), field), text[dated.end() :].strip()
    if not text or day is None:
        return None
    return datetime.combine(day, _clock(text, field), LOCAL)


def show(cell: Cell) -> str:
    """A cell as a person sees it."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 10**_EXACT_DIGITS:
        return str(int(cell))
    if isinstance(cell, float) and abs(cell) >= 10**_EXACT_DIGITS:
        return f"{cell:.14E}"
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="minutes" if cell.second == 0 else "seconds")
    return str(cell).strip() if not isinstance(cell, (date, time)) else cell.isoformat()


def _clock(text: str, field: str) -> time:
    found = _TIME.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        return time(int(found[1]), int(found[2] or 0), int(found[3] or 0))
    except ValueError:
        raise wrong(field, "time_unreadable") from None


def _iso(text: str, field: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise wrong(field, "time_unreadable") from None
    return moment.replace(tzinfo=moment.tzinfo or LOCAL)
