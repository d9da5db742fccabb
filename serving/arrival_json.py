"""An arrival as the API tells it: the field names of `v_arrivals`, plus names and the reason in words. Pure.

The same arrival gives the same JSON whether it comes live from the topic or from the database; a test compares the
two. Sealed fields
and the person key are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson

from reference.snapshot import Snapshot
from schemas.base import LOCAL, format_instant
from serving.changes import by_text, changed_by
from serving.names import place_name, site_name
from serving.reasons import reasons
from serving.units import FIELDS

_PERSON = ("name_masked", "document_type", "document_last4", "birth_year", "phone_last4", "nationality")
_PLACE = {
    "destination_status": "status",
    "destination_county": "county_code",
    "destination_street": "street_code",
    "destination_village": "village_code",
    "destination_outside": "outside_code",
    "destination_candidates": "candidates",
    "destination_mismatch": "mismatch",
}
_VEHICLE = {"plate_region": "region", "vehicle_role": "role", "vehicle_seat": "seat"}
_RAIL = ("train", "service_date", "coach", "seat", "from_station", "to_station")
#: Fields that are null when missing; everything else is ''.
_NULLABLE = frozenset({"birth_year", "service_date", "temperature_c"})
_NOTHING: Mapping[str, Any] = {}
_NESTED = frozenset({*_PERSON, *_PLACE, *_VEHICLE, *_RAIL, "stay_codes", "rules"})
_PLAIN = tuple(name for name in FIELDS if name not in _NESTED)
_REQUIRED = ("event_id", "revision", "unit", "county_code", "risk", "decision", "symptoms", "findings", "occurred_at")


def from_topic(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a parsed record of `arrivals`. Raises KeyError, TypeError or ValueError when it is none."""
    person, place = record["person"], record["destination"]
    vehicle, rail = record.get("vehicle") or _NOTHING, record.get("rail") or _NOTHING
    fields = {name: record.get(name) for name in _PLAIN}
    fields |= {name: person.get(name) for name in _PERSON}
    fields |= {name: place.get(path) for name, path in _PLACE.items()}
    fields |= {name: vehicle.get(path) for name, path in _VEHICLE.items()}
    fields |= {name: rail.get(name) for name in _RAIL}
    fields["stay_codes"] = [stay.get("code") or "" for stay in record["stays"]]
    fields["rules"] = [finding["rule"] for finding in record["findings"]]
    if fields["temperature_c"] is not None:
        fields["temperature_c"] = round(fields["temperature_c"], 1)
    for name in _REQUIRED:
        if fields[name] is None:
            raise KeyError(name)
    return {name: "" if fields[name] is None and name not in _NULLABLE else fields[name] for name in FIELDS}


def from_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row of `v_arrivals` or `arrival_versions`."""
    fields = {name: plain_value(row[name]) for name in FIELDS}
    fields["findings"] = orjson.loads(fields["findings"] or "[]")
    return fields


def told(fields: Mapping[str, Any], snapshot: Snapshot) -> dict[str, Any]:
    """The JSON-ready form: the fields with `*_name` and `reason_zh`/`reason_en` added."""
    name = _namer(snapshot)
    by = changed_by(fields["cause"], fields["revision"], snapshot)
    zh, en = reasons(fields["findings"], fields["desk_reason"], name, snapshot.rules)
    if by is not None:
        zh, en = f"{zh} {by_text(fields['cause'], by, 'zh')}", f"{en} {by_text(fields['cause'], by, 'en')}"
    return {
        **fields,
        "origin_name": name(fields["origin_code"]),
        "unit_name": name(fields["unit"]),
        "county_name": name(fields["county_code"]),
        "site_name": site_name(snapshot, fields["site_id"], datetime.fromisoformat(fields["occurred_at"])),
        "reason_zh": zh,
        "reason_en": en,
        "changed_by": by and by["author"],
        "change_reason": by and by["reason"],
    }


@lru_cache(maxsize=2)
def _namer(snapshot: Snapshot) -> Any:
    return lru_cache(maxsize=20_000)(lambda code: place_name(snapshot, code))


def plain_value(value: Any) -> Any:
    """A value of the database as JSON has it: local times with offset, days, numbers, text."""
    if isinstance(value, datetime):
        return format_instant(value.astimezone(LOCAL))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain_value(item) for item in value]
    return value
