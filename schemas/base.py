"""The strict ground every event model stands on: closed models, closed numbers, closed times.

Input reaches these models as parsed JSON (str, int, float, bool, None, list, dict); every coercion that
pydantic would do in between is shut, because each has lost somebody's data before: "20200201" read as a day in
1970, NaN as a temperature, a number as milliseconds, `\\u0000` in a name.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

#: Shangqiu keeps Beijing time; every printed time in the system carries this offset.
LOCAL = timezone(timedelta(hours=8), "+08:00")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)\Z", re.ASCII)
_AS_WRITTEN = re.compile(r"20\d\d-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}\+08:00\Z", re.ASCII)  # by ourselves
_OFFSET = 23  # where it begins
_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_EARLIEST_MS = 946_684_800_000  # 2000-01-01: anything before is a device without a clock
_LATEST_MS = 4_102_416_000_000  # 2100-01-01 in local time
_YEARS = range(2000, 2100)  # in local time: `Stamp` is fixed width and starts with 20


class Strict(BaseModel):
    """A closed, immutable model: unknown fields are refused and nothing is coerced."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Tolerant(BaseModel):
    """A model for readers of our own topics: fields a newer writer added are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)


def parse_instant(value: Any) -> datetime:
    """Reads RFC 3339 with an offset, or whole milliseconds since 1970, into local time with milliseconds."""
    if isinstance(value, str) and (ours := _AS_WRITTEN.match(value) or _RFC3339.match(value)):
        try:
            if ours.re is _AS_WRITTEN:  # nothing is left to be put into another form
                return datetime.fromisoformat(value[:_OFFSET]).replace(tzinfo=LOCAL)
            instant = datetime.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("time_invalid", "no such date or time") from None
        if instant.year in _YEARS:
            instant = instant.astimezone(LOCAL)
        if instant.year not in _YEARS:
            raise PydanticCustomError("time_range", "the time must lie between 2000 and 2100")
        return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
    if type(value) is int:
        if not _EARLIEST_MS <= value < _LATEST_MS:
            raise PydanticCustomError("time_range", "a number must be milliseconds since 1970, between 2000 and 2100")
        return datetime.fromtimestamp(value / 1000, LOCAL)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(LOCAL)
    raise PydanticCustomError("time_format", "write the time as RFC 3339 with an offset, such as 2020-02-18T08:30:00+08:00")


def format_instant(value: datetime) -> str:
    """Writes an instant as the topics carry it: `2020-02-18T08:30:00.000+08:00`."""
    return value.isoformat(timespec="milliseconds")


def parse_day(value: Any) -> date:
    """Reads a calendar day written as `YYYY-MM-DD`; a birth date or a service date is never an instant."""
    if isinstance(value, str) and _DAY.match(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("day_invalid", "no such day") from None
    if type(value) is date:
        return value
    raise PydanticCustomError("day_format", "write the day as YYYY-MM-DD")


def refuse_nul(value: str) -> str:
    """Refuses U+0000, which pydantic lets through and databases and spreadsheets choke on."""
    if "\x00" in value:
        raise PydanticCustomError("nul_character", "the text holds a NUL character")
    return value


Instant = Annotated[
    datetime,
    BeforeValidator(parse_instant, json_schema_input_type=str),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
]
Day = Annotated[
    date,
    BeforeValidator(parse_day, json_schema_input_type=str),
    PlainSerializer(date.isoformat, return_type=str, when_used="json"),
]
#: An instant as our own topics carry it, kept as text: fixed width and offset, so text order is time order.
Stamp = Annotated[
    str,
    StringConstraints(pattern=r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{3}\+08:00$"),
]
#: Free text a person wrote, kept verbatim; longer than any honest answer is refused.
Text = Annotated[str, StringConstraints(max_length=500), AfterValidator(refuse_nul)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(refuse_nul)]
#: Shorter still. A bound put around `ShortText` would be checked in Python, after the function that ends it, with another reason.
Text40 = Annotated[str, StringConstraints(min_length=1, max_length=40), AfterValidator(refuse_nul)]
Text20 = Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(refuse_nul)]
Text8 = Annotated[str, StringConstraints(min_length=1, max_length=8), AfterValidator(refuse_nul)]
Text4 = Annotated[str, StringConstraints(min_length=1, max_length=4), AfterValidator(refuse_nul)]
#: A name in our own vocabulary: sites, devices, units, rules.
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
#: An administrative code of the National Bureau of Statistics: 2, 4, 6, 9 or 12 digits.
AreaCode = Annotated[str, StringConstraints(pattern=r"^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})$")]
#: A management unit: an area code, optionally with a custom part below it (`411426104207-01`), or a desk.
UnitCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}([0-9]{2}([0-9]{3}([0-9]{3})?)?)?(-[A-Za-z0-9]{1,24})?$")]
#: UUID version 7, made on the device, lower case with hyphens.
EventId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"),
]
#: A keyed hash (HMAC-SHA-256, first 16 bytes, hex): equal for equal people or plates, unreadable for anybody.
KeyedHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
