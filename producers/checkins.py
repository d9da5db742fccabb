"""From a valid check-in to what may rest in a log: as `producers.intake` does it for scans. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from producers.intake import Hash, Prepared, Receipt, read_people, read_temperature, read_time, recorded_person, stamp
from schemas.checkin import Checkin
from schemas.documents import Document
from schemas.names import Name

_COUNTY = 6


class _Derived(NamedTuple):
    """What follows from one check-in; `time` is when it was made, when its device said so, and the flags."""

    checkin: Checkin
    key: str
    document: Document
    phone: tuple[str | None, str | None]
    name: Name
    temperature: tuple[float | None, str | None]
    time: tuple[str, str, tuple[str, ...]]


def prepare_checkins(checkins: Sequence[Checkin], receipts: Sequence[Receipt], keyed: Hash) -> list[Prepared]:
    """Derives everything readable from check-ins; `keyed` hashes with the linking secret, so a person has one key everywhere."""
    documents, keys, phones, names = read_people([checkin.person for checkin in checkins], receipts, keyed)
    temperatures = [read_temperature(checkin.temperature_c) for checkin in checkins]
    times = [read_time(c.made_at, c.sent_at, r.at) for c, r in zip(checkins, receipts, strict=True)]
    derived = map(_Derived, checkins, keys, documents, phones, names, temperatures, times)
    return [_prepared(one, receipt) for one, receipt in zip(derived, receipts, strict=True)]


def place_of(checkin: Checkin) -> str:
    """For whom a check-in is made: `411426/CODE` for an enterprise in that county, otherwise the unit."""
    return f"{checkin.enterprise.county}/{checkin.enterprise.code}" if checkin.enterprise else str(checkin.unit)


def _prepared(one: _Derived, receipt: Receipt) -> Prepared:
    checkin, temperature = one.checkin, one.temperature[1]
    flags = (*one.document.flags, *one.name.flags, *filter(None, (one.phone[1], temperature)), *one.time[2])
    return Prepared(checkin.event_id, one.key, _record(one, flags, receipt), _identity(one), None, flags)


def _record(one: _Derived, flags: tuple[str, ...], receipt: Receipt) -> dict[str, Any]:
    """The readable record, in the order `schemas.checkin` declares; `sealed` is still to come."""
    checkin, enterprise, made_at = one.checkin, one.checkin.enterprise, one.time[0]
    return {
        "version": 1,
        "event_id": checkin.event_id,
        "kind": checkin.kind,
        "enterprise": {"code": enterprise.code, "name": enterprise.name} if enterprise else None,
        "unit": checkin.unit,
        "county_code": place_of(checkin)[:_COUNTY],
        "device_id": receipt.device_id,
        "made_at": made_at,
        "received_at": stamp(receipt.at),
        "checked_on": made_at.partition("T")[0],
        "person": recorded_person(checkin.person, one.key, one.document, one.name, one.phone[0]),
        "temperature_c": one.temperature[0],
        "symptoms": checkin.symptoms,
        "whereabouts": checkin.whereabouts,
        "quality": flags,
    }


def _identity(one: _Derived) -> bytes:
    checkin, person = one.checkin, one.checkin.person
    return orjson.dumps(
        {
            "name": person.name,
            "name_display": one.name.shown,
            "document_type": person.document_type,
            "document_number": one.document.number,
            "document_raw": person.document_number,
            "phone": one.phone[0],
            "phone_raw": person.phone,
            "occurred_raw": one.time[1],
            "temperature_raw": checkin.temperature_c,
            "operator": checkin.reporter,
        }
    )
