"""The same light, pure work for every engine of the router benchmark: decode, pick and derive, encode."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

_FEVER_TENTHS = 373


def scan(number: int) -> tuple[bytes, bytes]:
    """Key and value of the `number`-th synthetic scan: about 627 bytes of JSON, nobody real."""
    person = hashlib.blake2b(b"%d" % (number % 20_000), digest_size=16).hexdigest()
    body = {
        "event_id": f"0190{number:028x}",
        "schema": "scan/1",
        "site": f"site-{number % 40:03d}",
        "device": f"dev-{number % 160:04d}",
        "sequence": number,
        "occurred_at": 1_582_000_000_000 + number * 17,
        "person_key": person,
        "sealed": hashlib.sha256(b"%d" % number).hexdigest() * 3,
        "masked_name": "张*",
        "birth_year": 1950 + number % 60,
        "temperature_tenths": 360 + number % 15,
        "origin": f"{420100 + number % 13}",
        "destination": {"unit": f"4114{number % 4830:08d}", "text": "夏邑县某乡某村"},
        "vehicle": {"plate_hash": f"{number % 7000:08x}", "seats": 5},
    }
    return person.encode(), orjson.dumps(body)


def derive(scan: dict[str, Any]) -> dict[str, Any]:
    """A handful of fields picked, a few derived: what the light router does to one scan."""
    fever = scan["temperature_tenths"] >= _FEVER_TENTHS
    return {
        "event_id": scan["event_id"],
        "schema": "arrival/1",
        "unit": scan["destination"]["unit"],
        "county": scan["destination"]["unit"][:6],
        "site": scan["site"],
        "occurred_at": scan["occurred_at"],
        "person_key": scan["person_key"],
        "sealed": scan["sealed"],
        "masked_name": scan["masked_name"],
        "age": 2020 - scan["birth_year"],
        "fever": fever,
        "risk": "high" if fever or scan["origin"].startswith("4201") else "low",
    }


def route(value: bytes) -> tuple[bytes, bytes]:
    """Scan bytes to arrival key and bytes."""
    arrival = derive(orjson.loads(value))
    return arrival["unit"].encode(), orjson.dumps(arrival)
