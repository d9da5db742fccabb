"""Health check-ins (rows S5 and S6 of the order): what is posted to `POST /v1/checkins` and what rests on `checkins`, version 1.

The person and the measurement are those of a scan; a check-in says besides for whom it is made, an enterprise or a management
unit, and is routed nowhere. Structure is strict, content lenient, as with scans. A temperature nobody took is missing, never 0.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import Day, EventId, Identifier, Instant, ShortText, Stamp, Strict, Tolerant
from schemas.recorded import QualityFlag, RecordedPerson, Sealed
from schemas.scan import Person, Symptom, Temperature

#: An employee's daily check-in 员工打卡, a resident's health form 居民健康登记, a gate passed inwards or outwards 出入.
CheckinKind = Literal["employee", "resident", "gate_in", "gate_out"]
#: Where the person is that day: at work, at home in the city, or away from it.
Whereabouts = Literal["at_work", "at_home", "away", "unknown"]
County = Annotated[str, StringConstraints(pattern=r"^4114[0-9]{2}$")]
#: A management unit that lies in one county: never the city, which would be nobody's.
CountyUnit = Annotated[str, StringConstraints(pattern=r"^4114[0-9]{2}([0-9]{3}([0-9]{3})?)?(-[A-Za-z0-9]{1,24})?$")]


class Enterprise(Strict):
    """Who employs or lets in: `code` is its unified social credit code or the county's own number, `county` where it works."""

    code: Identifier
    name: ShortText
    county: County


class Checkin(Strict):
    """One check-in of one person, as posted. It is made for an `enterprise` or for a `unit`, never for both."""

    version: Literal[1] = 1
    event_id: EventId
    kind: CheckinKind
    made_at: Instant
    sent_at: Instant | None = None
    person: Person
    enterprise: Enterprise | None = None
    unit: CountyUnit | None = None
    temperature_c: Temperature | None = None
    symptoms: Annotated[tuple[Symptom, ...], Field(max_length=6, strict=False)] = ()
    whereabouts: Whereabouts = "unknown"
    #: Who wrote it down, where that is not the person.
    reporter: Identifier | None = None

    @model_validator(mode="after")
    def _made_for_one(self) -> Self:
        if (self.enterprise is None) == (self.unit is None):
            raise PydanticCustomError("checkin_place", "name either the enterprise or the unit")
        if (self.kind == "employee" and self.unit) or (self.kind == "resident" and self.enterprise):
            raise PydanticCustomError("checkin_kind", "an employee checks in for an enterprise, a resident for a unit")
        return self


class RecordedEnterprise(Tolerant):
    """The enterprise as it is shown."""

    code: Identifier
    name: str


class RecordedCheckin(Tolerant):
    """One accepted check-in; key of the record on `checkins` is `person.key`. `checked_on` is the local day of `made_at`."""

    version: Literal[1]
    event_id: EventId
    kind: CheckinKind
    enterprise: RecordedEnterprise | None = None
    unit: CountyUnit | None = None
    county_code: County
    device_id: Identifier
    made_at: Stamp
    received_at: Stamp
    checked_on: Day
    person: RecordedPerson
    temperature_c: float | None = None
    symptoms: Annotated[tuple[Symptom, ...], Field(strict=False)] = ()
    whereabouts: Whereabouts = "unknown"
    quality: Annotated[tuple[QualityFlag, ...], Field(strict=False)] = ()
    sealed: Sealed


CHECKIN: TypeAdapter[Checkin] = TypeAdapter(Checkin)
RECORDED_CHECKIN: TypeAdapter[RecordedCheckin] = TypeAdapter(RecordedCheckin)
