"""What a device posts: one scan at a checkpoint or a station (`POST /v1/scans`), version 1.

Structure is strict: an unknown field, a number in quotes or a second copy of a key is an error the device's maker
must see. Content is lenient: a traveller with a mistyped ID number or an odd address still stands at the barrier, so
such a scan is accepted, flagged and routed (`producers.intake`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from schemas.base import AreaCode, Day, EventId, Identifier, Instant, ShortText, Strict, Text, Text4, Text8, Text20, Text40

DocumentType = Literal[
    "resident_id",
    "hk_macao_permit",
    "taiwan_permit",
    "residence_permit",
    "foreign_permanent",
    "passport",
    "other",
]
Lodging = Literal["own_home", "relatives", "rented", "employer", "hotel", "isolation_site", "other", "unknown"]
VehicleRole = Literal["private", "coach", "truck", "ambulance", "official", "other"]
TripPurpose = Literal["home", "work", "epidemic_prevention", "work_resumption", "supplies", "transit", "other"]
Symptom = Literal["fever", "cough", "fatigue", "breathless", "diarrhoea", "other"]
#: As measured, in °C; what is implausible is flagged and becomes missing (`producers.intake`).
Temperature = Annotated[float, Field(ge=-100, le=10_000)]


class Person(Strict):
    """Who was scanned. Everything here is sealed at the gateway and rests nowhere in clear."""

    name: ShortText
    document_type: DocumentType
    document_number: Text40
    phone: Text40 | None = None
    nationality: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None


class Place(Strict):
    """A place as a code, as text, or both; the code counts when it exists in the gazetteer."""

    code: AreaCode | None = None
    text: Text | None = None


class Stay(Strict):
    """Where the traveller was during the last 14 days; both days included."""

    place: Place
    from_day: Day
    to_day: Day


class Vehicle(Strict):
    """The vehicle at a checkpoint and the pass shown with it."""

    plate: Text20 | None = None
    role: VehicleRole = "private"
    seat: Text8 | None = None
    pass_id: Identifier | None = None


class RailLeg(Strict):
    """The train a person got off; `service_date` is the day the train left its first station."""

    train: Text8
    service_date: Day
    coach: Text4 | None = None
    seat: Text8 | None = None
    from_station: Text40 | None = None
    to_station: Text40 | None = None


class _Scan(Strict):
    version: Literal[1] = 1
    event_id: EventId
    site_id: Identifier
    sequence: Annotated[int, Field(ge=0, lt=2**63)]
    occurred_at: Instant
    sent_at: Instant | None = None
    person: Person
    origin: Place
    destination: Place
    stays: Annotated[tuple[Stay, ...], Field(max_length=30, strict=False)] = ()
    temperature_c: Temperature | None = None
    symptoms: Annotated[tuple[Symptom, ...], Field(max_length=6, strict=False)] = ()
    purpose: TripPurpose = "other"
    lodging: Lodging = "unknown"
    party_id: Identifier | None = None
    operator: Identifier | None = None


class CheckpointScan(_Scan):
    """A person registered at an expressway or trunk-road checkpoint; `party_id` joins the people of one car."""

    kind: Literal["checkpoint"]
    vehicle: Vehicle | None = None


class RailScan(_Scan):
    """A person who got off a train at one of the city's stations (row S7 of the order)."""

    kind: Literal["rail"]
    rail: RailLeg


Scan = Annotated[CheckpointScan | RailScan, Field(discriminator="kind")]
SCAN: TypeAdapter[CheckpointScan | RailScan] = TypeAdapter(Scan)
