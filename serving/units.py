"""The list of a unit: its arrivals, newest receipt first, a page at a time. Pure.

Pages are cut by key, not by number: `(received_at, event_id)` of the last row. Neither ever changes for an arrival,
so a page neither
skips nor repeats a person while new ones arrive above.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from schemas.base import LOCAL
from schemas.errors import Reason, Rejected
from serving.access import unit_restriction
from serving.positions import ACTIONS, Position, of_arrivals

LARGEST_PAGE = 200
USUAL_PAGE = 50
#: The list as routed; the desk's lists are `serving.desk.lists.LISTS`.
STATES = ("all",)
RISKS = ("high", "medium", "low", "unknown")
#: What a unit is told of an arrival: the names of `v_arrivals`.
FIELDS: tuple[str, ...] = (
    "event_id", "revision", "cause", "recorded_at", "kind", "site_id", "site_county", "occurred_at", "received_at",
    "arrived_on", "name_masked", "document_type", "document_last4", "birth_year", "phone_last4", "nationality",
    "origin_code", "stay_codes", "destination_status", "destination_county", "destination_street",
    "destination_village", "destination_outside", "destination_candidates", "destination_mismatch", "unit", "unit_level",
    "county_code", "desk_reason", "risk", "decision", "decided_by", "rules", "findings", "temperature_c", "symptoms",
    "purpose", "lodging", "party_id", "plate_region", "vehicle_role", "vehicle_seat", "train", "service_date", "coach",
    "seat", "from_station", "to_station", "quality", "reference_version",
)  # fmt: skip
_CURSOR = re.compile(r"([0-9a-z]{1,9})\.([0-9a-f]{32})", re.ASCII)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


#: Ever longer stretches of the past, in days: a page is usually full within the first, and the rest stays unread.
STRETCHES = (2, 15, None)


@dataclass(frozen=True, slots=True)
class Page:
    """What of a unit's list is asked for: after which row, how many, and only which risk or day."""

    limit: int = USUAL_PAGE
    after: tuple[int, str] | None = None
    risk: str | None = None
    day: date | None = None


def page_sql(unit: str, page: Page, since: date | None = None) -> tuple[str, dict[str, Any]]:
    """The SQL of one page and its values; one row more than the page tells whether another follows.

    With `since` only receipts from that day on are looked at.
    """
    allowed = unit_restriction(unit)
    conditions, values = [f"({allowed.sql})"], {**allowed.values, "limit": page.limit + 1}
    if page.after:
        at = "fromUnixTimestamp64Milli(%(after_ms)s, 'Asia/Shanghai')"
        conditions.append(f"(received_at, event_id) < ({at}, toUUID(%(after_id)s)) AND toDate(received_at) <= toDate({at})")
        values |= {"after_ms": page.after[0], "after_id": page.after[1]}
    if since is not None:
        conditions.append("toDate(received_at) >= %(since)s")
        values["since"] = since
    if page.risk:
        conditions.append("risk = %(risk)s")
        values["risk"] = page.risk
    if page.day:
        conditions.append("arrived_on = %(day)s")
        values["day"] = page.day
    order = "ORDER BY received_at DESC, event_id DESC"
    # The keys of the page are found over a few narrow columns; all the others are then read for these rows alone.
    keys = f"SELECT toDate(received_at), event_id FROM v_arrivals WHERE {' AND '.join(conditions)} {order} LIMIT %(limit)s"
    sql = f"SELECT {', '.join(FIELDS)}\nFROM v_arrivals WHERE (toDate(received_at), event_id) IN (\n{keys})\n{order}"
    return sql, values


def first_day(newest: date, days: int | None) -> date | None:
    """The first day of so many that end with the newest; none when all are meant."""
    return None if days is None else newest - timedelta(days=days - 1)


def worth_asking(days: int | None, looked: int, found: int, wanted: int) -> bool:
    """Whether so many days are likely to fill a page, when `looked` days held `found` rows. All days always are."""
    return days is None or not looked or found * days >= wanted * looked


def count_sql(unit: str, day: date) -> tuple[str, dict[str, Any]]:
    """The SQL of a unit's counts on one day by risk, with the fevers among them."""
    allowed = unit_restriction(unit)
    sql = (
        "SELECT risk, count() AS arrivals, countIf(has(rules, 'fever')) AS fever\n"
        f"FROM v_arrivals WHERE ({allowed.sql}) AND arrived_on = %(day)s GROUP BY risk"
    )
    return sql, {**allowed.values, "day": day}


def backfill_sql(unit: str, after: Position, until: Position, limit: int) -> tuple[str, dict[str, Any]]:
    """The SQL of a unit's versions with an offset after one position and up to another, in the order of the topic."""
    allowed = unit_restriction(unit)
    ranges = [
        f"(kafka_partition = {int(p)} AND kafka_offset > {int(after.get(p, -1))} AND kafka_offset <= {int(last)})"
        for p, last in sorted(of_arrivals(until).items())
        if last > after.get(p, -1)
    ]
    sql = (
        f"SELECT kafka_partition, kafka_offset, {', '.join(FIELDS)}\nFROM arrival_versions\n"
        f"WHERE ({allowed.sql}) AND ({' OR '.join(ranges) or '0'})\n"
        "ORDER BY kafka_partition, kafka_offset\nLIMIT 1 BY event_id, revision\nLIMIT %(limit)s"
    )
    return sql, {**allowed.values, "limit": limit}


def stored_sql() -> tuple[str, dict[str, Any]]:
    """The SQL of the position up to which the database surely holds the topics of a stream: what the sink noted as stored."""
    newest = "SELECT topic, argMax(topic_id, noted_at) FROM ingest_ranges WHERE topic IN %(topics)s GROUP BY topic"
    sql = (
        f"SELECT partition + if(topic = 'unit-actions', {ACTIONS}, 0) AS place, max(last_offset) FROM ingest_ranges\n"
        f"WHERE done = 1 AND (topic, topic_id) IN ({newest}) GROUP BY place"
    )
    return sql, {"topics": ("arrivals", "unit-actions")}


def write_cursor(received_at: datetime, event_id: str) -> str:
    """The cursor after a row: opaque, without personal data."""
    return f"{_base36(round(received_at.timestamp() * 1000))}.{event_id.replace('-', '')}"


def read_cursor(text: str) -> tuple[int, str]:
    """The key in a cursor: milliseconds since 1970 and event id. Raises Rejected for anything we did not write."""
    match = _CURSOR.fullmatch(text)
    if not match:
        raise _wrong("cursor", "use the `next_cursor` of the last page", "请使用上一页返回的游标")
    raw = match[2]
    return int(match[1], 36), f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"


def read_limit(text: str | None) -> int:
    """Rows per page, 1 to 200. Raises Rejected."""
    if text is None:
        return USUAL_PAGE
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= LARGEST_PAGE):  # noqa: PLR2004
        raise _wrong("limit", "give a whole number from 1 to 200", "填写 1 到 200 的整数")
    return int(text)


def read_choice(field: str, text: str | None, options: tuple[str, ...]) -> str | None:
    """One of the words, or None when nothing was given. Raises Rejected."""
    if text is not None and text not in options:
        raise _wrong(field, f"use one of: {', '.join(options)}", f"可选：{'、'.join(options)}")
    return text


def local_day(at: datetime) -> date:
    """The calendar day of an instant in Shangqiu, whatever the host's time zone is."""
    return at.astimezone(LOCAL).date()


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits or "0"


def _wrong(field: str, message: str, message_zh: str) -> Rejected:
    return Rejected("parameters_invalid", "A parameter is wrong.", (Reason(field, "parameter_invalid", message, message_zh),))
