"""What a rule may ask about a scan: a small closed vocabulary, no expression language. All conditions of a rule must hold.

The models are closed: a condition with a field or a type this program does not know is refused, because a rule that is half
understood decides wrongly. `EVIDENCE` names the plain values a condition that holds puts into the finding.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from schemas.base import AreaCode, Identifier, Strict
from schemas.scan import Symptom, TripPurpose, VehicleRole

Grade = Literal["high", "medium", "low"]
Via = Literal["origin", "stay"]
DestinationStatus = Literal["ok", "ambiguous", "county_only", "city_only", "outside", "unresolved"]
#: `unknown`: no such pass or type at that time · `unconfirmed`: bound to a plate, and none was read · `misused`: another plate
#: than the pass names, or more trips than it allows.
PassState = Literal["valid", "missing", "unknown", "unconfirmed", "out_of_scope", "misused"]
Days = Annotated[int, Field(ge=0, le=366)]
PlateRegion = Annotated[str, StringConstraints(pattern=r"^\S[A-Z]?$")]


class _Places(Strict):
    """Looks at the origin, at the stays that ended within the last days, or at both."""

    via: Annotated[tuple[Via, ...], Field(strict=False, min_length=1)] = ("origin", "stay")
    #: Days before the arrival during which a stay counts (14: incubation period, national plan of February 2020).
    within_days: Days = 14


class Temperature(Strict):
    """The temperature was taken and reaches a threshold; a missing temperature never holds."""

    EVIDENCE: ClassVar[frozenset[str]] = frozenset({"temperature_c", "threshold_c"})
    type: Literal["temperature"]
    at_least: float


class Symptoms(Strict):
    """At least one of the symptoms was stated; of any kind when none is named."""

    EVIDENCE: ClassVar[frozenset[str]] = frozenset({"symptoms"})
    type: Literal["symptoms"]
    any_of: Annotated[tuple[Symptom, ...], Field(strict=False)] = ()


class SymptomFree(Strict):
    """No symptom was stated and no temperature at or above the limit was taken."""

    EVIDENCE: ClassVar[frozenset[str]] = frozenset({"symptom_free", "temperature_c"})
    type: Literal["symptom_free"]
    below: float = 37.3


class Graded(_Places):
    """A place bears one of the grades; the longest valid prefix of its code counts."""

    EVIDENCE: ClassVar[frozenset[str]] = frozenset({"area", "graded_area", "grade", "via"})
    type: Literal["graded"]
    grades: Annotated[tuple[Grade, ...], Field(strict=False, min_length=1)]


class Inside(_Places):
    """A place lies in one of the areas and not in an exception to it: of both lists the longest prefix counts."""

    EVIDENCE: ClassVar[frozenset[str]] = frozenset({"area", "listed_area", "via"})
    type: Literal["inside"]
    areas: Annotated[tuple[AreaCode, ...], Field(strict=False, min_length=1)]
    but_not: Annotated[tuple[AreaCode, ...], Field(strict=False)] = ()


class Trip(Strict):
    """The stated stays of the last days outside the destination's city last at most so many days together; none stated: no."""

    EVIDENCE: ClassVar[frozenset[str]] = frozenset({"trip_days", "allowed_days"})
    type: Literal["trip"]
    at_most_days: Days
    within_days: Days = 14


class InVehicle(Strict):
    """Came by road, in a vehicle of one of the roles; of any role when none is named."""

    EVIDENCE: ClassVar[frozenset[str]] = frozenset({"vehicle_role", "plate_region"})
    type: Literal["vehicle"]
    roles: Annotated[tuple[VehicleRole, ...], Field(strict=False)] = ()


class ByRail(Strict):
    """Got off a train."""

    EVIDENCE: ClassVar[frozenset[str]] = frozenset({"train"})
    type: Literal["rail"]


class VehicleRegion(Strict):
    """The plate begins like this (`鄂` a province, `鄂A` a city): a weak signal, for evidence beside other conditions."""

    EVIDENCE: ClassVar[frozenset[str]] = frozenset({"plate_region"})
    type: Literal["vehicle_region"]
    any_of: Annotated[tuple[PlateRegion, ...], Field(strict=False, min_length=1)]


class PassShown(Strict):
    """The pass shown with the vehicle is in one of the states, and of one of the types when types are named."""

    EVIDENCE: ClassVar[frozenset[str]] = frozenset(
        {"pass_state", "pass_row", "pass_type", "pass_type_row", "expected_other_plate", "trip", "trips"}
    )
    type: Literal["pass"]
    states: Annotated[tuple[PassState, ...], Field(strict=False, min_length=1)]
    types: Annotated[tuple[Identifier, ...], Field(strict=False)] = ()


class Purpose(Strict):
    """The stated purpose is one of these."""

    EVIDENCE: ClassVar[frozenset[str]] = frozenset({"purpose"})
    type: Literal["purpose"]
    any_of: Annotated[tuple[TripPurpose, ...], Field(strict=False, min_length=1)]


class Destination(Strict):
    """The destination was located with one of these results."""

    EVIDENCE: ClassVar[frozenset[str]] = frozenset({"status", "candidates"})
    type: Literal["destination"]
    statuses: Annotated[tuple[DestinationStatus, ...], Field(strict=False, min_length=1)]


class DestinationGraded(Strict):
    """The county of the destination bears one of the grades; a county without a grade never holds."""

    EVIDENCE: ClassVar[frozenset[str]] = frozenset({"destination_area", "destination_grade", "destination_grade_row"})
    type: Literal["destination_graded"]
    grades: Annotated[tuple[Grade, ...], Field(strict=False, min_length=1)]


class Origin(Strict):
    """Whether the origin could be located."""

    EVIDENCE: ClassVar[frozenset[str]] = frozenset({"origin"})
    type: Literal["origin"]
    known: bool


Condition = Annotated[
    Temperature
    | Symptoms
    | SymptomFree
    | Graded
    | Inside
    | Trip
    | InVehicle
    | ByRail
    | VehicleRegion
    | PassShown
    | Purpose
    | Destination
    | DestinationGraded
    | Origin,
    Field(discriminator="type"),
]
