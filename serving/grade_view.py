"""Grades, their history, and what the case counts propose, as JSON and as rows of a page. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from reference.criteria import Beside, propose_all
from reference.dated import Dated
from reference.grade_history import AsKnown, grade_as_known, grade_history, grades_in_force
from reference.listed_rows import area_code
from reference.snapshot import Snapshot
from schemas.areas import SuccessionData
from schemas.base import LOCAL, format_instant, parse_day, parse_instant
from schemas.errors import Reason, Rejected
from serving.names import place_name

#: What is read of `v_arrivals` to ask for an arrival's grades.
COLUMNS = ("event_id", "occurred_at", "received_at", "origin_code", "stay_codes", "destination_county", "destination_outside")


def read_area(text: str, snapshot: Snapshot) -> str:
    """The code of an area given by code or name. Raises Rejected when there is none, or more than one."""
    try:
        code = area_code(text.strip(), snapshot) if text.strip() else ""
    except Rejected as error:
        raise _wrong("area", error.message, "没有此地区，或名称不止一处，请写代码或加上级地区") from None
    if not snapshot.known(code):
        raise _wrong("area", "there is no such area in the gazetteer", "没有此地区")
    return code


def read_instant(field: str, text: str | None) -> datetime | None:
    """An instant, or None where nothing was given. A day alone is its first moment. Raises Rejected."""
    if not text:
        return None
    try:
        return parse_instant(f"{text}T00:00:00+08:00" if len(text) == len("2020-02-18") else text)
    except ValueError:
        hint = "write the time as RFC 3339 with an offset, such as 2020-02-18T08:00:00+08:00"
        raise _wrong(field, hint, "时间写作 2020-02-18T08:00:00+08:00，或只写日期") from None


def read_day(text: str) -> date:
    """A calendar day. Raises Rejected."""
    try:
        return parse_day(text)
    except ValueError:
        raise _wrong("day", "write the day as YYYY-MM-DD", "日期写作 2020-02-18") from None


def _wrong(field: str, message: str, message_zh: str) -> Rejected:
    return Rejected("parameters_invalid", "A parameter is wrong.", (Reason(field, "parameter_invalid", message, message_zh),))


def area_view(snapshot: Snapshot, area: str, at: datetime, known_at: datetime | None) -> dict[str, Any]:
    """The grade of an area at an instant, as known then and now, and the rows behind it, the newest first."""
    known = grade_as_known(snapshot, area, at, known_at)
    counting = {row.row_id for row in (known.then, known.now) if row}
    rows = [row_view(snapshot, row) | {"counts": row.row_id in counting} for row in grade_history(snapshot, area)]
    return known_view(snapshot, known) | {"history": rows}


def known_view(snapshot: Snapshot, known: AsKnown) -> dict[str, Any]:
    """Both answers for one area and instant."""
    return {
        "area": known.area,
        "name": place_name(snapshot, known.area),
        "at": format_instant(known.at),
        "known_at": format_instant(known.known_at),
        "as_then_known": row_view(snapshot, known.then) if known.then else None,
        "as_now_known": row_view(snapshot, known.now) if known.now else None,
        "changed_since": known.changed,
        "became": [_place(snapshot, code) for code in known.standing if code != known.area],
    }


def list_view(snapshot: Snapshot, at: datetime, known_at: datetime | None) -> list[dict[str, Any]]:
    """The grade rows in force at an instant, by area; with `known_at`, as they were known then."""
    return [row_view(snapshot, row) for row in grades_in_force(snapshot, at, known_at)]


def row_view(snapshot: Snapshot, row: Dated[Any]) -> dict[str, Any]:
    """One row of a grade or a succession: what it says, for when, since when it is known, who said it and why."""
    data = row.data
    said: dict[str, Any] = {"kind": data.kind, "withdrawn": row.withdrawn}
    if isinstance(data, SuccessionData):
        said |= _place(snapshot, data.unit) | {"grade": None, "successors": [_place(snapshot, c) for c in data.successors]}
    else:
        said |= _place(snapshot, data.area) | {"grade": data.grade, "successors": []}
    return said | {
        "valid_from": format_instant(row.valid_from),
        "valid_to": format_instant(row.valid_to) if row.valid_to else None,
        "known_from": format_instant(row.known_from),
        "author": row.author,
        "reason": row.reason,
        "row_id": row.row_id,
        "reference_version": row.offset,
    }


def _place(snapshot: Snapshot, code: str) -> dict[str, Any]:
    return {"area": code, "name": place_name(snapshot, code)}


def proposals_view(snapshot: Snapshot, day: date, known_at: datetime | None = None) -> list[dict[str, Any]]:
    """What the counts up to 24:00 of a day propose for every area that is counted, beside the grade decided."""
    return [_beside_view(snapshot, beside) for beside in propose_all(snapshot, day, known_at)]


def _beside_view(snapshot: Snapshot, beside: Beside) -> dict[str, Any]:
    proposal, decided = beside.proposal, beside.decided
    return _place(snapshot, proposal.area) | {
        "day": proposal.day.isoformat(),
        "proposed": proposal.grade,
        "possible": list(proposal.possible),
        "certain": proposal.certain,
        "decided": decided.data.grade if decided else None,
        "decided_row": row_view(snapshot, decided) if decided else None,
        "agrees": beside.agrees,
        "confirmed": proposal.confirmed,
        "new_at_least": proposal.new[0] if proposal.new else None,
        "new_at_most": proposal.new[1] if proposal.new else None,
        "clusters": proposal.clusters,
        "shared_with": proposal.shared_with,
        "rows": list(proposal.rows),
    }


def newest_counted_day(snapshot: Snapshot) -> date | None:
    """The last day of which any area was counted."""
    table = snapshot.case_counts
    return max((row.data.day for area in table.keys() for row in table.history(area) if not row.withdrawn), default=None)


def arrival_view(snapshot: Snapshot, row: Mapping[str, Any]) -> dict[str, Any]:
    """The grades of an arrival's places at the time of the scan: as known when it was received, and as known now."""
    at, received = (row[name].astimezone(LOCAL) for name in ("occurred_at", "received_at"))
    county = row["destination_county"] or row["destination_outside"]
    places: Sequence[tuple[str, str]] = [
        ("origin", row["origin_code"]),
        *(("stay", code) for code in row["stay_codes"]),
        ("destination", county),
    ]
    told = [
        {"place": part} | known_view(snapshot, grade_as_known(snapshot, code, at, max(at, received)))
        for part, code in places
        if code
    ]
    return {"event_id": str(row["event_id"]), "places": told}
