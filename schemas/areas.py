"""What happens to areas and units, and in them: what they became, and how many cases were counted."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import LOCAL, AreaCode, Day, ShortText, Tolerant, UnitCode


def end_of_day(day: date) -> datetime:
    """24:00 of a day in Shangqiu."""
    return datetime.combine(day + timedelta(days=1), time(), LOCAL)


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
