"""What the router decides: an arrival in the hands of one unit, flagged, with the evidence for every flag.

An arrival has as many versions as there were reasons to decide it again. `(event_id, revision)` names a version; the
revision *is* the reference version it was decided under, so the same scan under the same reference gives the same bytes.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from schemas.base import AreaCode, Day, EventId, Identifier, Instant, Tolerant, UnitCode
from schemas.recorded import (
    QualityFlag,
    RecordedPerson,
    RecordedRail,
    RecordedStay,
    RecordedVehicle,
    Sealed,
)
from schemas.scan import Lodging, Symptom, TripPurpose

Cause = Literal["scan", "reference", "correction"]
Risk = Literal["high", "medium", "low", "unknown"]
Decision = Literal["admit", "register", "observe", "refer", "isolate", "turn_back"]
#: The decisions from the weakest to the strongest; of all that rules say the strongest is taken.
DECISIONS: tuple[Decision, ...] = ("admit", "register", "observe", "turn_back", "isolate", "refer")
UnitLevel = Literal["city", "county", "township", "village", "custom"]
LocationStatus = Literal["ok", "ambiguous", "county_only", "city_only", "outside", "unresolved"]
#: Why an arrival lies at a county's desk and not with a unit below it.
DeskReason = Literal["ambiguous", "county_only", "city_only", "outside", "unresolved"]


class Location(Tolerant):
    """Where the destination was found: the resolver's answer, with its method and score."""

    status: LocationStatus
    method: str
    score: float
    county_code: AreaCode | None = None
    street_code: AreaCode | None = None
    village_code: AreaCode | None = None
    outside_code: AreaCode | None = None
    candidates: Annotated[tuple[str, ...], Field(strict=False)] = ()
    mismatch: str | None = None


class Finding(Tolerant):
    """One rule that spoke. `grade_row` is the `row_id` of the grade it rests on; `evidence` holds codes, never text.

    `decision` is what the rule adds to the decision. Where a pass or another rule exempts from it, `set_aside` is what it would
    have said otherwise, and `exempted_by` names that rule, or the type of the pass.
    """

    rule: Identifier
    version: int
    risk: Risk
    decision: Decision
    grade_row: str | None = None
    evidence: dict[str, str | int | float | bool | None]
    #: The `row_id` of the rule itself.
    rule_row: str | None = None
    set_aside: Decision | None = None
    exempted_by: Identifier | None = None


class Arrival(Tolerant):
    """One version of one arrival; key of the record on `arrivals` is `unit`."""

    version: Literal[1]
    event_id: EventId
    revision: int
    cause: Cause
    #: When the city knew this: the scan's receipt, or the moment the reference row that changed it became known.
    recorded_at: Instant
    kind: Literal["checkpoint", "rail"]
    site_id: Identifier
    site_county: AreaCode | None = None
    device_id: Identifier
    occurred_at: Instant
    received_at: Instant
    arrived_on: Day
    person: RecordedPerson
    origin_code: AreaCode | None = None
    origin_method: str
    #: The codes as they stood in the scan: with them an arrival holds all that is needed to decide it again.
    origin_given: AreaCode | None = None
    destination_given: AreaCode | None = None
    stays: Annotated[tuple[RecordedStay, ...], Field(strict=False)] = ()
    destination: Location
    unit: UnitCode
    unit_level: UnitLevel
    county_code: AreaCode
    desk_reason: DeskReason | None = None
    risk: Risk
    decision: Decision
    decided_by: Identifier | None = None
    findings: Annotated[tuple[Finding, ...], Field(strict=False)] = ()
    temperature_c: float | None = None
    symptoms: Annotated[tuple[Symptom, ...], Field(strict=False)] = ()
    purpose: TripPurpose = "other"
    lodging: Lodging = "unknown"
    party_id: Identifier | None = None
    vehicle: RecordedVehicle | None = None
    rail: RecordedRail | None = None
    quality: Annotated[tuple[QualityFlag, ...], Field(strict=False)] = ()
    reference_version: int
    gazetteer_edition: str
    sealed: Sealed


class Alert(Tolerant):
    """Something a desk must see at once. `alert_id` is made of event, rule and rule version: raised once, however
    often decided.
    """

    version: Literal[1]
    alert_id: str
    event_id: EventId
    revision: int
    rule: Identifier
    rule_version: int
    unit: UnitCode
    county_code: AreaCode
    risk: Risk
    decision: Decision
    site_id: Identifier
    occurred_at: Instant
    recorded_at: Instant
    temperature_c: float | None = None
    grade_row: str | None = None


ARRIVAL: TypeAdapter[Arrival] = TypeAdapter(Arrival)
ALERT: TypeAdapter[Alert] = TypeAdapter(Alert)
