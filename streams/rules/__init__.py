"""The rules, in the order they speak. A rule is one file with `RULE` and `evaluate(case)`; register it here.

Of all that speak the strongest decision wins (`streams.assess`); every one of them is kept as a finding with its evidence.
"""

from __future__ import annotations

from collections.abc import Callable

from streams.case import Case, Spoken
from streams.rules import area_grade, destination, fever, key_vehicle, origin

Rule = Callable[[Case], Spoken | None]

RULES: tuple[tuple[str, Rule], ...] = (
    (fever.RULE, fever.evaluate),
    (area_grade.RULE, area_grade.evaluate),
    (key_vehicle.RULE, key_vehicle.evaluate),
    (origin.RULE, origin.evaluate),
    (destination.RULE, destination.evaluate),
)
