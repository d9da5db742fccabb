"""The way of one scan as a pure function: validate → locate → assess → assign. No client, no clock, no randomness.

The same record under the same reference version gives the same bytes, so a replay is exact. Time is the record's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from reference.snapshot import Snapshot
from schemas.arrival import Cause
from schemas.base import LOCAL
from schemas.errors import Rejected
from schemas.recorded import ADDRESS, Address, RecordedScan, read_recorded
from streams.assess import Assessment, assess, strongest
from streams.assign import Assignment, assign, health_desk
from streams.case import Case, Spoken
from streams.corrections import correct
from streams.locate import Located, locate, needs_text

#: Opens the sealed address of an event: (key id, ciphertext, event id) -> plaintext. Raises Rejected when it cannot.
OpenAddress = Callable[[str, str, str], bytes]
#: The first finding with this decision is told to the health desk at once; of the others, the strongest of high risk to the unit.
HEALTH_DECISION = "refer"


class Change(NamedTuple):
    """Why a version is decided, and since when the city knows the reason (a `Stamp`, '' for the receipt of the scan)."""

    cause: Cause
    known_from: str


FROM_SCAN = Change("scan", "")


class Keyed(NamedTuple):
    """One record to publish: its key (a unit) and its bytes."""

    key: str
    value: bytes


class Raised(NamedTuple):
    """An alert to publish: key and bytes as in `Keyed`, and its identity."""

    key: str
    value: bytes
    alert_id: str


class Decided(NamedTuple):
    """A decided scan: the arrival and its alerts. `rules` and `status` are for metrics, `risk` says in short what was decided."""

    event_id: str
    revision: int
    arrival: Keyed
    alerts: tuple[Raised, ...]
    rules: tuple[str, ...]
    status: str
    risk: str


@dataclass(frozen=True, slots=True)
class Dead:
    """A record that cannot be decided: a stable reason and a detail without values."""

    reason: str
    detail: str
    event_id: str | None


Outcome = Decided | Dead


def process(raw: bytes, snapshot: Snapshot, open_address: OpenAddress) -> Outcome:
    """Decides one record of `scans` under one snapshot of the reference."""
    try:
        scan = read_recorded(raw)
    except ValidationError as error:
        return Dead("scan_invalid", _fields(error), None)
    return decide(scan, snapshot, open_address)


def decide(scan: RecordedScan, snapshot: Snapshot, open_address: OpenAddress, change: Change = FROM_SCAN) -> Outcome:
    """The same for a scan already read; `change` says why it is decided (again)."""
    try:
        at = _instant(scan.occurred_at)
        #: Read only where it can make a difference: some unit may have ended by then.
        received = _instant(scan.received_at) if snapshot.successions or snapshot.units else at
    except ValueError:
        return Dead("scan_invalid", "occurred_at or received_at: no such date", scan.event_id)
    try:
        located = locate(scan, _address(scan, snapshot, open_address), snapshot)
    except Rejected as error:
        return Dead(error.code, error.message, scan.event_id)
    if snapshot.corrections:
        located = correct(located, scan.event_id, snapshot)
    site = snapshot.site(scan.site_id, at)
    site_county = site.county if site else None
    case = Case(scan, at, located.origin_code, located.stay_codes, located.destination, snapshot, site_county)
    assessment = assess(case)
    assignment = assign(located.destination, located.unit, site_county, snapshot, received)
    arrival = _arrival(case, located, assessment, assignment, site_county)
    arrival |= {"cause": change.cause, "recorded_at": max(scan.received_at, change.known_from)}
    return Decided(
        scan.event_id,
        max(snapshot.version, 0),
        Keyed(assignment.unit, orjson.dumps(arrival)),
        _alerts(assessment.findings, arrival, site_county) if assessment.findings else (),
        tuple([s.rule for s in assessment.findings]),
        located.destination.status,
        assessment.risk,
    )


def _instant(stamp: str) -> datetime:
    """A stamp of our topics as an instant in `LOCAL` itself: sharing the zone object, comparisons are 30 times faster."""
    return datetime.fromisoformat(stamp).astimezone(LOCAL)


def _address(scan: RecordedScan, snapshot: Snapshot, open_address: OpenAddress) -> Address | None:
    if not needs_text(scan, snapshot) or scan.sealed.address is None:
        return None
    try:
        return ADDRESS.validate_json(open_address(scan.sealed.key_id, scan.sealed.address, scan.event_id))
    except ValidationError as error:
        raise Rejected("address_invalid", f"The sealed address is malformed ({_fields(error)}).") from None


def _fields(error: ValidationError) -> str:
    found = {f"{'.'.join(map(str, e['loc'])) or 'record'}: {e['type']}" for e in error.errors(include_input=False)}
    return "; ".join(sorted(found)[:8])


def _arrival(
    case: Case, located: Located, assessment: Assessment, assignment: Assignment, site_county: str | None
) -> dict[str, Any]:
    scan, received = case.scan, case.scan.received_at
    return {
        "version": 1,
        "event_id": scan.event_id,
        "revision": max(case.snapshot.version, 0),
        "cause": "scan",
        "recorded_at": received,
        "kind": scan.kind,
        "site_id": scan.site_id,
        "site_county": site_county,
        "device_id": scan.device_id,
        "occurred_at": scan.occurred_at,
        "received_at": received,
        "arrived_on": scan.occurred_at[:10],
        "person": scan.person.__dict__,
        "origin_code": located.origin_code,
        "origin_method": located.origin_method,
        "origin_given": scan.origin_code,
        "destination_given": scan.destination_code,
        "stays": _stays(case),
        "destination": located.destination.__dict__,
        "unit": assignment.unit,
        "unit_level": assignment.level,
        "county_code": assignment.county,
        "desk_reason": assignment.desk_reason,
        "risk": assessment.risk,
        "decision": assessment.decision,
        "decided_by": assessment.decided_by,
        "findings": [_finding(spoken) for spoken in assessment.findings],
        "temperature_c": scan.temperature_c,
        "symptoms": scan.symptoms,
        "purpose": scan.purpose,
        "lodging": scan.lodging,
        "party_id": scan.party_id,
        "vehicle": scan.vehicle.__dict__ if scan.vehicle else None,
        "rail": scan.rail.__dict__ if scan.rail else None,
        "quality": scan.quality,
        "reference_version": max(case.snapshot.version, 0),
        "gazetteer_edition": case.snapshot.gazetteer.edition,
        "sealed": scan.sealed.__dict__,
    }


def _stays(case: Case) -> list[dict[str, Any]]:
    return [
        {"code": code, "from_day": stay.from_day, "to_day": stay.to_day}
        for stay, code in zip(case.scan.stays, case.stay_codes, strict=True)
    ]


def _finding(spoken: Spoken) -> dict[str, Any]:
    return {
        "rule": spoken.rule,
        "version": spoken.version,
        "risk": spoken.risk,
        "decision": spoken.decision,
        "grade_row": spoken.grade_row,
        "evidence": spoken.evidence,
        "rule_row": spoken.rule_row,
        "set_aside": spoken.set_aside,
        "exempted_by": spoken.exempted_by,
    }


def _alerts(findings: Sequence[Spoken], arrival: dict[str, Any], site_county: str | None) -> tuple[Raised, ...]:
    return tuple([_alert(spoken, arrival, site_county) for spoken in told_at_once(findings)])


def told_at_once(findings: Sequence[Spoken]) -> list[Spoken]:
    """The findings that raise an alert: the strongest for the health desk, and the strongest of the others of high risk."""
    health = [spoken for spoken in findings if spoken.decision == HEALTH_DECISION]
    high = [spoken for spoken in findings if spoken.risk == "high" and spoken.decision != HEALTH_DECISION]
    return [strongest(said) for said in (health, high) if said]


def alert_id(event_id: str, spoken: Spoken) -> str:
    """The identity of an alert: the same however often an arrival is decided."""
    return f"{event_id}:{spoken.rule}:{spoken.version}"


def _alert(spoken: Spoken, arrival: dict[str, Any], site_county: str | None) -> Raised:
    unit = health_desk(site_county) if spoken.decision == HEALTH_DECISION else arrival["unit"]
    identity = alert_id(arrival["event_id"], spoken)
    alert = {
        "version": 1,
        "alert_id": identity,
        "event_id": arrival["event_id"],
        "revision": arrival["revision"],
        "rule": spoken.rule,
        "rule_version": spoken.version,
        "unit": unit,
        "county_code": arrival["county_code"],
        "risk": spoken.risk,
        "decision": spoken.decision,
        "site_id": arrival["site_id"],
        "occurred_at": arrival["occurred_at"],
        "recorded_at": arrival["recorded_at"],
        "temperature_c": arrival["temperature_c"],
        "grade_row": spoken.grade_row,
    }
    return Raised(unit, orjson.dumps(alert), identity)
