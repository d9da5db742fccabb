"""Who counts as a contact on a journey, as rows of the reference: dated, with their source, changed without a release."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import Identifier, Text, Tolerant

#: What joins two people: the same train, road coach, other vehicle, party, or the same checkpoint at about the same time.
Means = Literal["train", "coach", "vehicle", "party", "site"]
#: From the strongest to the weakest: 密切接触 · 一般接触 · 弱关联.
Strength = Literal["close", "general", "weak"]
STRENGTHS: tuple[Strength, ...] = ("close", "general", "weak")
#: `all`: the whole carriage, vehicle, party or site · `train`: the same train where nobody knows the carriage of one of the two.
Extent = Literal["all", "rows", "bay", "compartment", "train"]
_TRAIN_ONLY = frozenset({"bay", "compartment", "train"})
TrainPrefix = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,2}$")]


class ContactRuleData(Tolerant):
    """One tie between two travellers from a date on.

    `reach` counts rows, bays or compartments between the two. `trains` are beginnings of train numbers the rule is made for,
    all when none is named. Ties that are not one journey by themselves (vehicle, party, site) need `within_minutes`; with
    `same_site` only scans of one site are joined.
    """

    kind: Literal["contact-rule"]
    rule: Identifier
    rule_version: int
    means: Means
    extent: Extent = "all"
    #: On trains: only seats, or only berths; a place nobody knows counts as both.
    place: Literal["seat", "berth"] | None = None
    reach: Annotated[int, Field(ge=0, le=50)] = 0
    trains: Annotated[tuple[TrainPrefix, ...], Field(strict=False)] = ()
    within_minutes: Annotated[int, Field(ge=1, le=2_880)] | None = None
    same_site: bool = True
    strength: Strength
    text_zh: Text
    text_en: Text
    source_zh: Text
    source_en: Text

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.means == "train") == (self.within_minutes is not None):
            raise PydanticCustomError("contact_rule_time", "give `within_minutes` for everything but trains")
        if self.means != "train" and (self.extent in _TRAIN_ONLY or self.trains or self.place):
            raise PydanticCustomError("contact_rule_extent", "bays, compartments, places and train numbers are for trains")
        if self.extent == "rows" and self.means not in ("train", "coach"):
            raise PydanticCustomError("contact_rule_rows", "rows are for trains and coaches")
        return self
