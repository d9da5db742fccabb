"""The dated rows of the `reference` topic: whatever can change a decision or a right, appended and never overwritten.

`valid_from`/`valid_to` say when a row holds in the world, `known_from` when the city knew it. A later row with the
same `kind` and
`key` supersedes an earlier one for the time both are valid. The offset of a row is the reference version from which it counts.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import LOCAL, AreaCode, Day, Identifier, Instant, ShortText, Tolerant, UnitCode
from schemas.rule_conditions import Grade
from schemas.rules import PassData, PassTypeData, PassUseData, RuleData

Role = Literal["device", "unit", "county", "health_desk", "analyst", "administrator"]


def end_of_day(day: date) -> datetime:
    """24:00 of a day in Shangqiu."""
    return datetime.combine(day + timedelta(days=1), time(), LOCAL)


class GradeData(Tolerant):
    """The risk grade of an area of any level; the longest valid prefix of a place's code wins (State Council, 17 Feb 2020)."""

    kind: Literal["grade"]
    area: AreaCode
    grade: Grade


class SiteData(Tolerant):
    """A checkpoint or station. `county` answers for arrivals whose destination nobody can name."""

    kind: Literal["site"]
    site_id: Identifier
    name: ShortText
    site_kind: Literal["checkpoint", "rail"]
    county: AreaCode


class UnitData(Tolerant):
    """A management unit below the village: a natural village, compound or building, with the names people write."""

    kind: Literal["unit"]
    unit: UnitCode
    parent: UnitCode
    name: ShortText
    aliases: Annotated[tuple[str, ...], Field(strict=False)] = ()


class SuccessionData(Tolerant):
    """What an area or a management unit became: it is merged, split, renamed or dissolved from `valid_from` on.

    One successor: it was renamed or merged (every merged unit has a row that names the same one). Several: it was split.
    None: it was dissolved, and the unit above answers. Itself as the only successor: it keeps its code and bears another name.
    `names` runs parallel to `successors`; without it they bear the names of the gazetteer.
    """

    kind: Literal["succession"]
    unit: UnitCode
    successors: Annotated[tuple[UnitCode, ...], Field(strict=False)] = ()
    names: Annotated[tuple[ShortText, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.names and len(self.names) != len(self.successors):
            raise PydanticCustomError("succession_names", "give every successor a name, or none")
        if len(set(self.successors)) < len(self.successors):
            raise PydanticCustomError("succession_twice", "a successor is named twice")
        if self.unit in self.successors and len(self.successors) > 1:
            raise PydanticCustomError("succession_itself", "a unit that is split ends; it cannot be one of its parts")
        return self


class CaseCountData(Tolerant):
    """The cases of an area counted up to 24:00 of a day; published the next day (State Council, 17 Feb 2020).

    `confirmed` counts all since the beginning, `new` those of the day, `clusters` those found that day (two cases or more with
    one source). None: not reported, which is not the same as 0.
    """

    kind: Literal["case-count"]
    area: AreaCode
    day: Day
    confirmed: Annotated[int, Field(ge=0)]
    new: Annotated[int, Field(ge=0)] | None = None
    clusters: Annotated[int, Field(ge=0)] | None = None

    @property
    def counted_at(self) -> datetime:
        """24:00 of the day, from which the count holds."""
        return end_of_day(self.day)


class CredentialData(Tolerant):
    """A bearer token by its SHA-256; `scope` is a site for a device, a unit for a desk, `*` for the whole city."""

    kind: Literal["credential"]
    token_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    role: Role
    subject: Identifier
    scope: str


Data = Annotated[
    GradeData
    | SiteData
    | UnitData
    | SuccessionData
    | CaseCountData
    | PassData
    | PassTypeData
    | PassUseData
    | RuleData
    | CredentialData,
    Field(discriminator="kind"),
]


class ReferenceRow(Tolerant):
    """One appended row; `row_id` is unique for ever and is what evidence points at."""

    version: Literal[1]
    row_id: Identifier
    key: str
    valid_from: Instant
    valid_to: Instant | None = None
    known_from: Instant
    author: ShortText
    reason: ShortText
    #: A withdrawal: for its period nothing holds under the key (a revoked token, a grade taken back).
    withdrawn: bool = False
    data: Data


REFERENCE_ROW: TypeAdapter[ReferenceRow] = TypeAdapter(ReferenceRow)
