"""From a valid scan to what may rest in a log: derive, flag, and split off what has to be sealed. Pure.

Content never refuses a traveller: a mistyped number, an implausible temperature or a wrong clock is kept, flagged and routed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from schemas.base import LOCAL, format_instant
from schemas.documents import Document, normalise_number, read_document
from schemas.names import read_name
from schemas.phones import read_phone
from schemas.plates import read_plate
from schemas.scan import CheckpointScan, RailScan
from schemas.trains import read_train

PLAUSIBLE_C = (30.0, 45.0)
LATE_AFTER = timedelta(minutes=10)
_FUTURE = timedelta(minutes=5)
_OLDEST = timedelta(days=45)
_CLOCK_TOLERANCE = timedelta(minutes=5)
_YEARS = range(2000, 2100)

#: Keyed hash of texts: (parts) -> 32 hex characters.
Hash = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scan ready to be sealed: the readable `record` without `sealed`, and the plaintexts of the two seals."""

    event_id: str
    person_key: str
    record: dict[str, Any]
    identity: bytes
    address: bytes | None
    flags: tuple[str, ...]


def content_digest(value: dict[str, Any]) -> str:
    """Names the content of a posted scan: equal for a repeated post, whatever its key order and however late it was sent."""
    kept = {name: part for name, part in value.items() if name != "sent_at"}
    return hashlib.blake2b(orjson.dumps(kept, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def person_key(scan: CheckpointScan | RailScan, keyed: Hash) -> str:
    """The key of the scanned person: equal for every spelling of one document number."""
    return keyed("person", scan.person.document_type, normalise_number(scan.person.document_number))


def prepare(scan: CheckpointScan | RailScan, device_id: str, received_at: datetime, keyed: Hash) -> Prepared:
    """Derives everything readable from a scan received at `received_at`; `keyed` hashes with the linking secret."""
    person = scan.person
    document = read_document(person.document_type, person.document_number, received_at.date())
    phone, phone_flag = read_phone(person.phone)
    temperature, temperature_flag = _temperature(scan.temperature_c)
    occurred_at, time_flags = _occurred(scan, received_at)
    vehicle, plate, plate_flag = _vehicle(scan, keyed)
    rail, train_flag = _rail(scan)
    stay_flag = "stay_invalid" if any(stay.from_day > stay.to_day for stay in scan.stays) else None
    shown, masked, name_flags = read_name(person.name)
    single = (phone_flag, plate_flag, train_flag, temperature_flag, stay_flag)
    flags = (*document.flags, *name_flags, *filter(None, single), *time_flags)
    key = keyed("person", person.document_type, document.number)
    record = {
        "version": 1,
        "event_id": scan.event_id,
        "kind": scan.kind,
        "site_id": scan.site_id,
        "device_id": device_id,
        "sequence": scan.sequence,
        "occurred_at": format_instant(occurred_at),
        "received_at": _stamp(received_at),
        "person": _person(scan, key, masked, document, phone),
        "origin_code": scan.origin.code,
        "destination_code": scan.destination.code,
        "stays": [{"code": s.place.code, "from_day": s.from_day, "to_day": s.to_day} for s in scan.stays],
        "temperature_c": temperature,
        "symptoms": scan.symptoms,
        "purpose": scan.purpose,
        "lodging": scan.lodging,
        "party_id": scan.party_id,
        "vehicle": vehicle,
        "rail": rail,
        "quality": flags,
    }
    return Prepared(scan.event_id, key, record, _identity(scan, shown, document, phone, plate), _address(scan), flags)


@lru_cache(maxsize=16)
def _stamp(received_at: datetime) -> str:
    """Formatted once for all the scans of a post."""
    return format_instant(received_at)


def _person(scan: CheckpointScan | RailScan, key: str, masked: str, document: Document, phone: str | None) -> dict[str, Any]:
    return {
        "key": key,
        "name_masked": masked,
        "document_type": scan.person.document_type,
        "document_last4": document.last4,
        "birth_year": document.birth_year,
        "phone_last4": phone[-4:] if phone else None,
        "nationality": scan.person.nationality,
    }


def _identity(scan: CheckpointScan | RailScan, shown: str, document: Document, phone: str | None, plate: str | None) -> bytes:
    person = scan.person
    return orjson.dumps(
        {
            "name": person.name,
            "name_display": shown,
            "document_type": person.document_type,
            "document_number": document.number,
            "document_raw": person.document_number,
            "phone": phone,
            "phone_raw": person.phone,
            "plate": plate,
            "occurred_raw": format_instant(scan.occurred_at),
            "temperature_raw": scan.temperature_c,
            "operator": scan.operator,
        }
    )


def _address(scan: CheckpointScan | RailScan) -> bytes | None:
    stays = [stay.place.text for stay in scan.stays]
    if not (scan.origin.text or scan.destination.text or any(stays)):
        return None
    return orjson.dumps({"origin": scan.origin.text, "destination": scan.destination.text, "stays": stays})


def _temperature(measured: float | None) -> tuple[float | None, str | None]:
    if measured is None:
        return None, "temperature_missing"
    if not PLAUSIBLE_C[0] <= measured <= PLAUSIBLE_C[1]:
        return None, "temperature_implausible"
    return round(measured, 1), None


def _occurred(scan: CheckpointScan | RailScan, received_at: datetime) -> tuple[datetime, tuple[str, ...]]:
    """When it happened, in our time. A device that tells when it sent shows by how much its clock is off; the time it gave stays
    under seal as `occurred_raw`.
    """
    occurred, flags = scan.occurred_at, []
    if scan.sent_at is not None and abs(received_at - scan.sent_at) > _CLOCK_TOLERANCE:
        occurred = _corrected(occurred, received_at - scan.sent_at)
        flags.append("clock_suspect")
    elif occurred > received_at + _FUTURE or occurred < received_at - _OLDEST:
        flags.append("clock_suspect")
    if received_at - occurred > LATE_AFTER:
        flags.append("late")
    return occurred, tuple(flags)


def _corrected(occurred: datetime, offset: timedelta) -> datetime:
    corrected = (occurred + offset).astimezone(LOCAL)
    if corrected.year not in _YEARS:  # two absurd clock readings do not make a sensible one
        return occurred
    return corrected.replace(microsecond=corrected.microsecond // 1000 * 1000)


def _vehicle(scan: CheckpointScan | RailScan, keyed: Hash) -> tuple[dict[str, Any] | None, str | None, str | None]:
    if not isinstance(scan, CheckpointScan) or scan.vehicle is None:
        return None, None, None
    vehicle = scan.vehicle
    plate = read_plate(vehicle.plate) if vehicle.plate else None
    record = {
        "key": keyed("plate", plate.text) if plate and plate.text else None,
        "region": plate.region if plate else None,
        "role": vehicle.role,
        "seat": vehicle.seat,
        "pass_id": vehicle.pass_id,
    }
    return record, plate.text if plate else None, "plate_invalid" if plate and not plate.valid else None


def _rail(scan: CheckpointScan | RailScan) -> tuple[dict[str, Any] | None, str | None]:
    if not isinstance(scan, RailScan):
        return None, None
    leg = scan.rail
    train, pair, valid = read_train(leg.train)
    record = {
        "train": train,
        "train_pair": pair,
        "service_date": leg.service_date,
        "coach": leg.coach,
        "seat": leg.seat,
        "from_station": leg.from_station,
        "to_station": leg.to_station,
    }
    return record, None if valid else "train_invalid"
