"""Arrivals for the serving tests: records as the router writes them, and ways to put them into Kafka and ClickHouse."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from arrivals.runtime.kafka_clients import Publisher, Record, make_producer
from arrivals.runtime.settings import Settings
from reference.gazetteer import Gazetteer
from schemas.base import LOCAL, format_instant

EXAMPLE = Path(__file__).parent.parent / "schemas/examples/arrivals/v1/checkpoint-high-risk.json"
MORNING = datetime(2020, 2, 18, 6, tzinfo=LOCAL)
_QUIET: dict[str, Any] = {
    "risk": "low",
    "decision": "admit",
    "decided_by": None,
    "findings": [],
    "origin_code": "440305",
    "stays": [],
}
_FEVER: dict[str, Any] = {
    "risk": "high",
    "decision": "refer",
    "decided_by": "fever",
    "temperature_c": 38.2,
    "findings": [
        {
            "rule": "fever",
            "version": 1,
            "risk": "high",
            "decision": "refer",
            "grade_row": None,
            "evidence": {"temperature_c": 38.2, "threshold_c": 37.3},
        }
    ],
}
_TRAIN = {
    "train": "K1234",
    "train_pair": "K1233",
    "service_date": "2020-02-17",
    "coach": "05",
    "seat": "12A",
    "from_station": "WCN",
    "to_station": "SQF",
}


def event_id(number: int) -> str:
    """A UUIDv7-shaped id."""
    return f"01705656-c5a0-7001-8000-{number:012x}"


def arrival(number: int, unit: str = "411426101", minutes: float = 0.0, **changes: Any) -> dict[str, Any]:
    """One arrival record: the high-risk example with another number, unit and time, and fields replaced."""
    made: dict[str, Any] = copy.deepcopy(json.loads(EXAMPLE.read_text("utf-8")))
    at = MORNING + timedelta(minutes=minutes)
    base = unit.partition("-")[0]
    level = {4: "city", 6: "county", 9: "township", 12: "village"}[len(base)] if unit == base else "custom"
    made |= {
        "event_id": event_id(number),
        "unit": unit,
        "unit_level": level,
        "county_code": base[:6],
        "occurred_at": format_instant(at),
        "received_at": format_instant(at + timedelta(seconds=1)),
        "recorded_at": format_instant(at + timedelta(seconds=1)),
        "arrived_on": at.date().isoformat(),
    }
    return made | copy.deepcopy(changes)


def quiet(number: int, unit: str = "411426101", minutes: float = 0.0, **changes: Any) -> dict[str, Any]:
    """An arrival no rule spoke about."""
    return arrival(number, unit, minutes, **{**_QUIET, **changes})


def feverish(number: int, unit: str = "411426101", minutes: float = 0.0, **changes: Any) -> dict[str, Any]:
    """An arrival with a fever."""
    return arrival(number, unit, minutes, **{**_FEVER, **changes})


def by_rail(number: int, unit: str = "411426101", minutes: float = 0.0, **changes: Any) -> dict[str, Any]:
    """A quiet arrival by train."""
    rail = {"kind": "rail", "site_id": "ST-SQF", "vehicle": None, "rail": dict(_TRAIN)}
    return quiet(number, unit, minutes, **{**rail, **changes})


def mixed_day(gazetteer: Gazetteer, count: int, seed: int = 7) -> list[dict[str, Any]]:
    """A day of arrivals of all kinds over all counties, the same for the same seed, in the order of receipt."""
    chance = random.Random(seed)
    villages = [area.code for area in gazetteer.below("4114", "village")]
    desks = [area.code for area in gazetteer.children("4114")]
    made = []
    for number in range(count):
        minutes = min(chance.triangular(0, 17 * 60, 9 * 60), 17.9 * 60)
        unit = chance.choice(villages) if chance.random() < 0.8 else chance.choice(villages)[:9]
        make = chance.choices((quiet, by_rail, arrival, feverish), (60, 30, 8, 2))[0]
        more: dict[str, Any] = {"person": _person(chance, number)}
        if chance.random() < 0.06:
            unit, more["desk_reason"] = chance.choice([*desks, "4114"]), "county_only"
        made.append(make(number, unit, minutes, **more))
    return sorted(made, key=lambda a: str(a["received_at"]))


def _person(chance: random.Random, number: int) -> dict[str, Any]:
    return {
        "key": f"{number:032x}",
        "name_masked": chance.choice("王李张刘陈杨赵黄周吴") + "*" * chance.choice((1, 2)),
        "document_type": "resident_id",
        "document_last4": f"{chance.randrange(10_000):04d}",
        "birth_year": chance.randrange(1940, 2015),
        "phone_last4": f"{chance.randrange(10_000):04d}",
        "nationality": None,
    }


def publish(settings: Settings, arrivals: Iterable[dict[str, Any]]) -> list[tuple[int, int]]:
    """Puts arrivals on the topic, keyed by unit; returns their partitions and offsets."""
    publisher = Publisher(make_producer(settings))
    try:
        records = [Record(settings.topic("arrivals"), a["unit"].encode(), json.dumps(a).encode()) for a in arrivals]
        return [(m.partition, m.offset) for m in publisher.publish(records, timeout_seconds=30)]
    finally:
        publisher.close()


def as_raw(arrivals: Sequence[dict[str, Any]], first: int = 0) -> list[tuple[int, int, bytes]]:
    """Arrivals as records of partition 0 from an offset on."""
    return [(0, first + i, json.dumps(a).encode()) for i, a in enumerate(arrivals)]
