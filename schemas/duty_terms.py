"""The terms of a duty: how soon a unit acknowledges, when it is reminded, how long an offer and an observation last."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.base import AreaCode, Tolerant

#: Minutes, from one to a week.
Minutes = Annotated[int, Field(ge=1, le=10_080)]


class DutyTermsData(Tolerant):
    """Terms for the units of an area (a county, or 4114 for the city); the row of the county wins over the city's.

    High risk is acknowledged within `high_minutes` of its receipt, medium within `medium_minutes`, everything else by 24:00 of
    the day of receipt; what is handed over later, counted from then. These are the project's own figures: the orders of
    February 2020 say "at once" and name none. 14 days of observation: MCA, 10 February 2020; 37.3 °C: MoT, 3 February 2020.
    """

    kind: Literal["duty-terms"]
    area: AreaCode
    high_minutes: Minutes = 30
    medium_minutes: Minutes = 120
    #: A reminder so long before the acknowledgement is due; none where the time given is shorter than that.
    remind_minutes: Minutes = 15
    #: An offered transfer that nobody accepts lapses after this time.
    offer_minutes: Minutes = 120
    observe_days: Annotated[int, Field(ge=1, le=28)] = 14
    fever_c: Annotated[float, Field(ge=36.0, le=39.0)] = 37.3
