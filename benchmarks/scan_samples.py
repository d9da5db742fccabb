"""Synthetic scans as the gateway writes them, sealed under a key of the day, for benchmarks: no real people, seeded."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from random import Random
from typing import Any

from benchmarks.corpus.generate import generate
from reference.gazetteer import SHANGQIU, Gazetteer
from reference.rows import row_of
from reference.snapshot import Snapshot
from schemas.base import LOCAL
from schemas.event_ids import uuid7
from schemas.sealing import KEY_BYTES, Seal

DAY = "2020-02-18"
_MORNING = datetime(2020, 2, 18, tzinfo=LOCAL)
#: Where people come from: one in twenty from Hubei, where every rule speaks.
_AREAS = (*("440300", "310100", "330300", "320300", "341600", "110000") * 3, "410100", "420100")
_SITES = tuple(f"SITE-{number:03d}" for number in range(60))
_ROWS: tuple[tuple[str, dict[str, Any]], ...] = (
    *(("site", {"site_id": site, "name": site, "site_kind": "checkpoint", "county": "411426"}) for site in _SITES),
    ("grade", {"area": "42", "grade": "high", "valid_from": "2020-01-23T00:00:00+08:00"}),
    ("grade", {"area": "4115", "grade": "medium", "valid_from": "2020-02-01T00:00:00+08:00"}),
)


def sample_snapshot(gazetteer: Gazetteer) -> Snapshot:
    """Sixty sites and two grades above the shipped rules."""
    rows = [row_of(kind, dict(values), gazetteer.known) for kind, values in _ROWS]
    return Snapshot.empty(gazetteer).with_rows(list(enumerate(rows)))


def sample_seal(random: Random) -> Seal:
    """The seal of the day's addresses."""
    return Seal(random.randbytes(KEY_BYTES), "address")


def sample_scans(gazetteer: Gazetteer, seal: Seal, random: Random, count: int) -> list[bytes]:
    """Scans of which seven in ten name their destination by code, three in ten by a text of the resolver's corpus."""
    villages = [area.code for area in gazetteer.below(SHANGQIU, "village")]
    texts = [line.text for line in generate(gazetteer)]
    return [_scan(i, random, seal, *_destination(random, villages, texts)) for i in range(count)]


def _destination(random: Random, villages: list[str], texts: list[str]) -> tuple[str | None, str | None]:
    """A code or a text."""
    return (random.choice(villages), None) if random.random() < 0.7 else (None, random.choice(texts))


def _scan(i: int, r: Random, seal: Seal, code: str | None, text: str | None) -> bytes:
    at = _MORNING + timedelta(milliseconds=i * 43 % 86_400_000)
    event_id, rail = uuid7(int(at.timestamp() * 1000), r.randbytes(10)), r.random() < 0.35
    address = json.dumps({"origin": None, "destination": text, "stays": []}, ensure_ascii=False).encode()
    scan = {
        "version": 1,
        "event_id": event_id,
        "kind": "rail" if rail else "checkpoint",
        "site_id": r.choice(_SITES),
        "device_id": f"dev-{r.randrange(200):04d}",
        "sequence": i,
        "occurred_at": at.isoformat(timespec="milliseconds"),
        "received_at": (at + timedelta(seconds=1)).isoformat(timespec="milliseconds"),
        "person": _person(r),
        "origin_code": r.choice(_AREAS),
        "destination_code": code,
        "stays": [{"code": r.choice(_AREAS), "from_day": "2020-02-05", "to_day": "2020-02-17"}] if r.random() < 0.3 else [],
        "temperature_c": round(35.9 + r.random() * 1.2, 1),
        "symptoms": [],
        "purpose": "home",
        "lodging": "own_home",
        "party_id": f"party-{i // 3}",
        "vehicle": None
        if rail
        else {"key": r.randbytes(16).hex(), "region": "豫N", "role": "private", "seat": None, "pass_id": None},
        "rail": _rail(r) if rail else None,
        "quality": [],
        "sealed": {
            "key_id": DAY,
            "identity": base64.b64encode(r.randbytes(138)).decode(),
            "address": seal.close(address, event_id, r.randbytes(12)) if text is not None else None,
        },
    }
    return json.dumps(scan, ensure_ascii=False, separators=(",", ":")).encode()


def _person(r: Random) -> dict[str, Any]:
    return {
        "key": r.randbytes(16).hex(),
        "name_masked": r.choice("张王李赵陈刘杨黄") + "*",
        "document_type": "resident_id",
        "document_last4": f"{r.randrange(10_000):04d}",
        "birth_year": r.randrange(1940, 2019),
        "phone_last4": f"{r.randrange(10_000):04d}",
        "nationality": None,
    }


def _rail(r: Random) -> dict[str, Any]:
    seat = {"coach": f"{r.randrange(1, 18):02d}", "seat": f"{r.randrange(1, 118):03d}"}
    return {
        "train": "K1235",
        "train_pair": "K1234",
        "service_date": "2020-02-17",
        **seat,
        "from_station": "武昌",
        "to_station": "商丘",
    }
