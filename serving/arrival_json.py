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
from schemas.arrival import Arrival
from schemas.base import LOCAL, format_instant
from serving.names import place_name, site_name
from serving.reasons import reasons
from serving.units import FIELDS

_NESTED_EMPTY = ("plate_region", "vehicle_role", "vehicle_seat", "train", "coach", "seat", "from_station", "to_station")


def from_topic(arrival: Arrival) -> dict[str, Any]:
    """The fields of a decoded record, under their column names; absent text is ''."""
    flat = arrival.model_dump(exclude={"version", "person", "destination", "vehicle", "rail", "findings", "stays", "sealed"})
    person, place = arrival.person, arrival.destination
    flat |= {f: getattr(person, f) for f in ("name_masked", "document_type", "document_last4", "phone_last4", "nationality")}
    if arrival.temperature_c is not None:
        flat["temperature_c"] = round(arrival.temperature_c, 1)
    flat |= dict.fromkeys(_NESTED_EMPTY, "") | {"service_date": None, "birth_year": person.birth_year}
    flat["stay_codes"] = [stay.code or "" for stay in arrival.stays]
    flat |= {
        "destination_status": place.status,
        "destination_county": place.county_code,
        "destination_street": place.street_code,
        "destination_village": place.village_code,
        "destination_outside": place.outside_code,
        "destination_candidates": place.candidates,
        "destination_mismatch": place.mismatch,
        "rules": [finding.rule for finding in arrival.findings],
        "findings": [finding.model_dump() for finding in arrival.findings],
    }
    if arrival.vehicle:
        vehicle = arrival.vehicle
        flat |= {"plate_region": vehicle.region, "vehicle_role": vehicle.role, "vehicle_seat": vehicle.seat}
    if arrival.rail:
        rail = arrival.rail
        flat |= {f: getattr(rail, f) for f in ("train", "service_date", "coach", "seat", "from_station", "to_station")}
    return {name: _text(name, flat[name]) for name in FIELDS}


def from_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row of `v_arrivals` or `arrival_versions`."""
    fields = {name: row[name] for name in FIELDS}
    fields["findings"] = orjson.loads(fields["findings"] or "[]")
    return fields


def told(fields: Mapping[str, Any], snapshot: Snapshot) -> dict[str, Any]:
    """The JSON-ready form: plain types, local times, with `*_name` and `reason_zh`/`reason_en` added."""
    plain = {name: plain_value(value) for name, value in fields.items()}
    name = _namer(snapshot)
    plain["origin_name"] = name(plain["origin_code"])
    plain["unit_name"] = name(plain["unit"])
    plain["county_name"] = name(plain["county_code"])
    plain["site_name"] = site_name(snapshot, plain["site_id"], fields["occurred_at"])
    plain["reason_zh"], plain["reason_en"] = reasons(plain["findings"], plain["desk_reason"], name)
    return plain


@lru_cache(maxsize=2)
def _namer(snapshot: Snapshot) -> Any:
    return lru_cache(maxsize=20_000)(lambda code: place_name(snapshot, code))


def _text(name: str, value: Any) -> Any:
    if value is None and name not in ("birth_year", "service_date", "temperature_c"):
        return ""
    return value


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
