"""Synthetic arrivals as the router writes them, for benchmarks: no real people, seeded, the size and shape of real records."""

from __future__ import annotations

import base64
import random
from datetime import datetime, timedelta
from typing import Any

from schemas.base import LOCAL
from schemas.event_ids import uuid7

_DAY = datetime(2020, 2, 18, tzinfo=LOCAL)


def sample_arrival(i: int, r: random.Random) -> dict[str, Any]:
    """The record of the i-th arrival of a day: a third by rail, a tenth flagged, sealed parts of a usual length."""
    at = _DAY + timedelta(milliseconds=i * 43 % 86400000)
    recv = at + timedelta(milliseconds=r.randrange(200, 5000))
    rail = r.random() < 0.35
    county = r.choice(["411402", "411403", "411421", "411422", "411423", "411424", "411425", "411426", "411481"])
    street = county + f"{r.randrange(100, 124):03d}"
    village = street + f"{r.randrange(200, 235):03d}"
    flagged = r.random() < 0.08
    return {
        "version": 1,
        "event_id": uuid7(int(recv.timestamp() * 1000), r.randbytes(10)),
        "revision": 4212,
        "cause": "scan",
        "recorded_at": _text(recv),
        "kind": "rail" if rail else "checkpoint",
        "site_id": f"SITE-{r.randrange(60):03d}",
        "site_county": county,
        "device_id": f"dev-{r.randrange(200):04d}",
        "occurred_at": _text(at),
        "received_at": _text(recv),
        "arrived_on": at.date().isoformat(),
        "person": {
            "key": r.randbytes(16).hex(),
            "name_masked": r.choice("张王李赵陈刘杨黄") + "*",
            "document_type": "resident_id",
            "document_last4": f"{r.randrange(10000):04d}",
            "birth_year": r.randrange(1940, 2019),
            "phone_last4": f"{r.randrange(10000):04d}" if r.random() < 0.95 else None,
            "nationality": None,
        },
        "origin_code": r.choice(["420100", "420500", "410100", "411500", "440300", "310100", "330300"])
        if r.random() < 0.9
        else None,
        "origin_method": "code",
        "stays": [{"code": r.choice(["420100", "411500", "440300"]), "from_day": "2020-02-05", "to_day": "2020-02-17"}]
        if r.random() < 0.3
        else [],
        "destination": {
            "status": "ok",
            "method": "code" if r.random() < 0.7 else "chain",
            "score": 1.0 if r.random() < 0.7 else round(r.random(), 3),
            "county_code": county,
            "street_code": street,
            "village_code": village,
            "outside_code": None,
            "candidates": [],
            "mismatch": None,
        },
        "unit": village,
        "unit_level": "village",
        "county_code": county,
        "desk_reason": None,
        "risk": "high" if flagged else "low",
        "decision": "observe" if flagged else "register",
        "decided_by": "area_grade" if flagged else None,
        "findings": [
            {
                "rule": "area_grade",
                "version": 1,
                "risk": "high",
                "decision": "observe",
                "grade_row": "grade-420100-0217",
                "evidence": {"area": "420100", "grade": "high", "days": 3},
            }
        ]
        if flagged
        else [],
        "temperature_c": round(35.9 + r.random() * 1.2, 1) if r.random() < 0.97 else None,
        "symptoms": [] if r.random() < 0.97 else ["cough"],
        "purpose": "home",
        "lodging": "own_home",
        "party_id": f"party-{i // 3}" if not rail else None,
        "vehicle": None
        if rail
        else {
            "key": r.randbytes(16).hex(),
            "region": r.choice(["豫N", "鄂A", "豫A"]),
            "role": "private",
            "seat": None,
            "pass_id": None,
        },
        "rail": {
            "train": "K1235",
            "train_pair": "K1234",
            "service_date": "2020-02-17",
            "coach": f"{r.randrange(1, 18)}",
            "seat": f"{r.randrange(1, 118):03d}",
            "from_station": "武昌",
            "to_station": "商丘",
        }
        if rail
        else None,
        "quality": [],
        "reference_version": 4212,
        "gazetteer_edition": "2019-10-31",
        "sealed": {"key_id": "2020-02-18", "identity": _sealed(r, 28 + 110), "address": _sealed(r, 28 + 90)},
    }


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds")


def _sealed(r: random.Random, size: int) -> str:
    return base64.b64encode(r.randbytes(size)).decode()
