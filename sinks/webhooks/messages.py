"""Records of `arrivals` and `alerts` -> what each endpoint is told: how many, how urgent, where to look; no person. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson

from schemas.base import LOCAL, format_instant
from schemas.visibility import units_seeing
from schemas.webhook import WebhookData, WebhookTopic

TYPES: Mapping[str, str] = {"arrivals": "arrivals.assigned", "alerts": "alerts.raised", "test": "endpoint.test"}
#: One polled record: partition, offset, value.
Raw = tuple[int, int, bytes | None]


def tallies(topic: WebhookTopic, records: Iterable[Raw], endpoints: Iterable[WebhookData]) -> dict[str, tuple[str, Counter[str]]]:
    """Of each endpoint that has something to be told: the id of its message and the counts.

    The id follows from the endpoint and the first record counted. Records that cannot be read are the sink's to set apart.
    """
    told = [endpoint for endpoint in endpoints if topic in endpoint.topics]
    by_unit: dict[str, list[str]] = {}
    for endpoint in told:
        by_unit.setdefault(endpoint.unit, []).append(endpoint.endpoint)
    found: dict[str, tuple[str, Counter[str]]] = {}
    for partition, offset, value in records:
        read = _read(topic, value)
        if read is None:
            continue
        seeing, counts = read
        for name in (name for unit in seeing & by_unit.keys() for name in by_unit[unit]):
            if name not in found:
                found[name] = (message_id(name, topic, partition, offset), Counter())
            found[name][1].update(counts)
    return found


def message_id(endpoint: str, topic: str, partition: int, offset: int) -> str:
    """The id of the message that begins with a record: the same however often it is made."""
    return "msg_" + hashlib.sha256(f"{endpoint}|{topic}|{partition}|{offset}".encode()).hexdigest()[:32]


def payload(topic: str, unit: str, counts: Mapping[str, int], created_at: float, console_url: str) -> bytes:
    """The body: type, time, counts, and the page where the unit finds its list. The same bytes at every attempt."""
    at = format_instant(datetime.fromtimestamp(created_at, LOCAL))
    data = {"unit": unit, "counts": dict(sorted(counts.items())), "link": f"{console_url.rstrip('/')}/units/{unit}"}
    return orjson.dumps({"type": TYPES[topic], "timestamp": at, "data": data})


def _read(topic: WebhookTopic, value: bytes | None) -> tuple[frozenset[str], list[str]] | None:
    try:
        record: dict[str, Any] = orjson.loads(value or b"")
        if topic == "alerts":
            record |= {"symptoms": ("alert",), "site_county": None}  # every alert is a health desk's business
        urgent = ["high"] if record["risk"] == "high" else []
        what = "alerts" if topic == "alerts" else "new" if record["cause"] == "scan" else "changed"
        return units_seeing(record), [what, *urgent]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None
