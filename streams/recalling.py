"""An arrival decided again: its scan is taken from the arrival itself, which holds everything the decision needs. Pure.

`scan_of(arrival)` decided under any snapshot gives the same bytes as the scan on the topic does (a property test compares).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from reference.snapshot import Snapshot
from schemas.base import format_instant
from schemas.recorded import RECORDED, RecordedScan
from schemas.reference_rows import ReferenceRow
from streams.case import Spoken
from streams.process import Change, Dead, Decided, OpenAddress, alert_id, decide, told_at_once

#: An arrival as it stands on the topic, parsed.
Stored = Mapping[str, Any]
_COPIED = (
    "version", "event_id", "kind", "site_id", "device_id", "occurred_at", "received_at", "person", "stays", "temperature_c",
    "symptoms", "purpose", "lodging", "party_id", "vehicle", "rail", "quality", "sealed",
)  # fmt: skip
#: What a new decision can change; all else comes from the scan.
_DECIDED = (
    "site_county", "origin_code", "origin_method", "stays", "unit", "unit_level", "county_code", "desk_reason",
    "risk", "decision", "decided_by", "findings",
)  # fmt: skip
_PLACED = (
    "status", "method", "county_code", "street_code", "village_code", "outside_code", "candidates", "mismatch",
)  # fmt: skip
_DEEPEST_FIRST = ("village_code", "street_code", "county_code", "outside_code")


def scan_of(arrival: Stored) -> RecordedScan:
    """The scan an arrival was made of. Raises ValidationError for what is no arrival of ours."""
    values = {name: arrival[name] for name in _COPIED}
    return RECORDED.validate_python({**values, "sequence": 0, **_given(arrival)})


def _given(arrival: Stored) -> dict[str, Any]:
    """The codes of the scan; arrivals of the first form do not tell them, but then nobody had corrected anything."""
    place = arrival["destination"]
    found = next((place[name] for name in _DEEPEST_FIRST if place.get(name)), None)
    return {
        "origin_code": arrival.get("origin_given") or (arrival["origin_code"] if arrival["origin_method"] == "code" else None),
        "destination_code": arrival.get("destination_given") or (found if place["method"] == "code" else None),
    }


def change_of(row: ReferenceRow) -> Change:
    """Why a version is made when a row of the reference made it."""
    return Change("correction" if row.data.kind == "correction" else "reference", format_instant(row.known_from))


def decide_again(arrival: Stored, snapshot: Snapshot, change: Change, open_address: OpenAddress) -> Decided | Dead | None:
    """The version of an arrival under a snapshot that ends with the row of `change`; None when only the version would differ.

    Alerts that the given version raised already are not in it.
    """
    outcome = decide(scan_of(arrival), snapshot, open_address, change)
    if isinstance(outcome, Dead):
        return outcome
    if outcome.risk == arrival["risk"] and same_decision(arrival, orjson.loads(outcome.arrival.value)):
        return None
    if not (outcome.alerts and arrival["findings"]):
        return outcome
    raised = raised_by(arrival)
    return outcome._replace(alerts=tuple(alert for alert in outcome.alerts if alert.alert_id not in raised))


def same_decision(one: Stored, other: Stored) -> bool:
    """Whether two versions say the same of a person: place, unit, risk, decision and its evidence."""
    here, there = one["destination"], other["destination"]
    return all(one.get(name) == other.get(name) for name in _DECIDED) and all(here.get(n) == there.get(n) for n in _PLACED)


def raised_by(arrival: Stored) -> frozenset[str]:
    """The ids of the alerts a version raised."""
    said = [
        Spoken(f["rule"], f["version"], f["risk"], f["decision"], {}, set_aside=f.get("set_aside")) for f in arrival["findings"]
    ]
    return frozenset(alert_id(arrival["event_id"], spoken) for spoken in told_at_once(said))
