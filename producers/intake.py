"""From a valid scan to what may rest in a log: derive, flag, and split off what has to be sealed. Pure.

Content never refuses a traveller: a mistyped number, an implausible temperature or a wrong clock is kept, flagged and routed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from schemas.base import LOCAL, format_instant
from schemas.documents import Document, normalise_number, read_document
from schemas.names import Name, read_name
from schemas.phones import read_phone
from schemas.plates import read_plate
from schemas.scan import CheckpointScan, Person, RailScan
from schemas.trains import read_train

PLAUSIBLE_C = (30.0, 45.0)
LATE_AFTER = timedelta(minutes=10)
_FUTURE = timedelta(minutes=5)
_OLDEST = timedelta(days=45)
_CLOCK_TOLERANCE = timedelta(minutes=5)
_YEARS = range(2000, 2100)
_NO_PLATE = (None, None, True)

#: Keyed hash of texts: (parts) -> 32 hex characters.
Hash = Callable[..., str]


class Prepared(NamedTuple):
    """A scan or a check-in ready to be sealed: the readable `record` without `sealed`, and the plaintexts of the two seals."""

    event_id: str
    person_key: str
    record: dict[str, Any]
    identity: bytes
    address: bytes | None
    flags: tuple[str, ...]


def content_digest(value: dict[str, Any]) -> str:
    """Names the content of what was posted: equal for a repeated post, whatever its key order and however late it was sent."""
    kept = {name: part for name, part in value.items() if name != "sent_at"} if "sent_at" in value else value
    return hashlib.blake2b(orjson.dumps(kept, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def person_key(scan: CheckpointScan | RailScan, keyed: Hash) -> str:
    """The key of the scanned person: equal for every spelling of one document number."""
    return keyed("person", scan.person.document_type, normalise_number(scan.person.document_number))


class _Derived(NamedTuple):
    """What follows from one scan. A pair is a value and the flag it earned, where it earned one."""

    scan: CheckpointScan | RailScan
    key: str
    document: Document
    phone: tuple[str | None, str | None]
    name: Name
    temperature: tuple[float | None, str | None]
    #: When it happened and when its device said so, as text, and the flags.
    time: tuple[str, str, tuple[str, ...]]
    #: The readable vehicle, the plate, the flag.
    vehicle: tuple[dict[str, Any] | None, str | None, str | None]
    rail: tuple[dict[str, Any] | None, str | None]


class Receipt(NamedTuple):
    """Which device posted something, and when it was received."""

    device_id: str
    at: datetime


def prepare(scan: CheckpointScan | RailScan, device_id: str, received_at: datetime, keyed: Hash) -> Prepared:
    """Derives everything readable from a scan received at `received_at`; `keyed` hashes with the linking secret."""
    return prepare_all([scan], [Receipt(device_id, received_at)], keyed)[0]


def prepare_all(scans: Sequence[CheckpointScan | RailScan], receipts: Sequence[Receipt], keyed: Hash) -> list[Prepared]:
    """`prepare` for many scans, one step at a time for all of them: half the processor time of all steps for one at a time."""
    documents, keys, phones, names = read_people([scan.person for scan in scans], receipts, keyed)
    times = [read_time(scan.occurred_at, scan.sent_at, receipt.at) for scan, receipt in zip(scans, receipts, strict=True)]
    temperatures = [read_temperature(scan.temperature_c) for scan in scans]
    vehicles, rails = [_vehicle(scan, keyed) for scan in scans], [_rail(scan) for scan in scans]
    derived = list(map(_Derived, scans, keys, documents, phones, names, temperatures, times, vehicles, rails))
    flags = [_flags(one) for one in derived]
    identities, addresses = [_identity(one) for one in derived], [_address(scan) for scan in scans]
    records = [_record(one, found, receipt) for one, found, receipt in zip(derived, flags, receipts, strict=True)]
    return list(map(Prepared, [scan.event_id for scan in scans], keys, records, identities, addresses, flags))


class People(NamedTuple):
    """What follows from persons, each list in their order; a phone is its number and the flag it earned."""

    documents: list[Document]
    keys: list[str]
    phones: list[tuple[str | None, str | None]]
    names: list[Name]


def read_people(people: Sequence[Person], receipts: Sequence[Receipt], keyed: Hash) -> People:
    """The documents, keys, phones and names of persons."""
    documents = [read_document(p.document_type, p.document_number, r.at.date()) for p, r in zip(people, receipts, strict=True)]
    keys = [keyed("person", person.document_type, d.number) for person, d in zip(people, documents, strict=True)]
    return People(documents, keys, [read_phone(p.phone) for p in people], [read_name(p.name) for p in people])


@lru_cache(maxsize=256)
def stamp(received_at: datetime) -> str:
    """The time of receipt as text, formatted once for all that came in a post."""
    return format_instant(received_at)


def _flags(one: _Derived) -> tuple[str, ...]:
    _, _, document, (_, phone), name, (_, temperature), (_, _, time), (_, _, plate), (_, train) = one
    stays = one.scan.stays
    stay = "stay_invalid" if stays and any(stay.from_day > stay.to_day for stay in stays) else None
    found = (phone, plate, train, temperature, stay)
    return (*document.flags, *name.flags, *filter(None, found), *time)


def _record(one: _Derived, flags: tuple[str, ...], receipt: Receipt) -> dict[str, Any]:
    """The readable record, in the order `schemas.recorded` declares; `sealed` is still to come."""
    scan = one.scan
    return {
        "version": 1,
        "event_id": scan.event_id,
        "kind": scan.kind,
        "site_id": scan.site_id,
        "device_id": receipt.device_id,
        "sequence": scan.sequence,
        "occurred_at": one.time[0],
        "received_at": stamp(receipt.at),
        "person": recorded_person(scan.person, one.key, one.document, one.name, one.phone[0]),
        "origin_code": scan.origin.code,
        "destination_code": scan.destination.code,
        "stays": [{"code": s.place.code, "from_day": s.from_day, "to_day": s.to_day} for s in scan.stays] if scan.stays else (),
        "temperature_c": one.temperature[0],
        "symptoms": scan.symptoms,
        "purpose": scan.purpose,
        "lodging": scan.lodging,
        "party_id": scan.party_id,
        "vehicle": one.vehicle[0],
        "rail": one.rail[0],
        "quality": flags,
    }


def recorded_person(person: Person, key: str, document: Document, name: Name, phone: str | None) -> dict[str, Any]:
    """The readable remainder of a person (`schemas.recorded.RecordedPerson`)."""
    return {
        "key": key,
        "name_masked": name.masked,
        "document_type": person.document_type,
        "document_last4": document.last4,
        "birth_year": document.birth_year,
        "phone_last4": phone[-4:] if phone else None,
        "nationality": person.nationality,
    }


def _identity(one: _Derived) -> bytes:
    scan, person = one.scan, one.scan.person
    return orjson.dumps(
        {
            "name": person.name,
            "name_display": one.name.shown,
            "document_type": person.document_type,
            "document_number": one.document.number,
            "document_raw": person.document_number,
            "phone": one.phone[0],
            "phone_raw": person.phone,
            "plate": one.vehicle[1],
            "occurred_raw": one.time[1],
            "temperature_raw": scan.temperature_c,
            "operator": scan.operator,
        }
    )


def _address(scan: CheckpointScan | RailScan) -> bytes | None:
    origin, destination = scan.origin.text, scan.destination.text
    stays = [stay.place.text for stay in scan.stays] if scan.stays else ()
    if not (origin or destination or any(stays)):
        return None
    return orjson.dumps({"origin": origin, "destination": destination, "stays": stays})


def read_temperature(measured: float | None) -> tuple[float | None, str | None]:
    """The temperature in °C to one decimal and a flag; what is missing or implausible is None, never 0."""
    if measured is None:
        return None, "temperature_missing"
    if not PLAUSIBLE_C[0] <= measured <= PLAUSIBLE_C[1]:
        return None, "temperature_implausible"
    return round(measured, 1), None


def read_time(said: datetime, sent_at: datetime | None, received_at: datetime) -> tuple[str, str, tuple[str, ...]]:
    """When it happened, in our time, when its device `said` so, and the flags. A device that tells when it sent shows by how much
    its clock is off; the time it gave stays under seal as `occurred_raw`.
    """
    occurred = said
    flags: tuple[str, ...] = ()
    stated = format_instant(occurred)
    if sent_at is not None and abs(received_at - sent_at) > _CLOCK_TOLERANCE:
        occurred = _corrected(occurred, received_at - sent_at)
        flags = ("clock_suspect",)
    elif occurred > received_at + _FUTURE or occurred < received_at - _OLDEST:
        flags = ("clock_suspect",)
    if received_at - occurred > LATE_AFTER:
        flags = (*flags, "late")
    return stated if occurred is said else format_instant(occurred), stated, flags


def _corrected(occurred: datetime, offset: timedelta) -> datetime:
    corrected = (occurred + offset).astimezone(LOCAL)
    if corrected.year not in _YEARS:  # two absurd clock readings do not make a sensible one
        return occurred
    return corrected.replace(microsecond=corrected.microsecond // 1000 * 1000)


def _vehicle(scan: CheckpointScan | RailScan, keyed: Hash) -> tuple[dict[str, Any] | None, str | None, str | None]:
    if not isinstance(scan, CheckpointScan) or scan.vehicle is None:
        return None, None, None
    vehicle = scan.vehicle
    text, region, valid = read_plate(vehicle.plate) if vehicle.plate else _NO_PLATE
    record = {
        "key": keyed("plate", text) if text else None,
        "region": region,
        "role": vehicle.role,
        "seat": vehicle.seat,
        "pass_id": vehicle.pass_id,
    }
    return record, text, None if valid else "plate_invalid"


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
