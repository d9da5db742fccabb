"""Fever: 37.3 °C or more is handed to the health desk at once (Ministry of Transport, 3 Feb 2020)."""

from __future__ import annotations

from streams.case import Case, Spoken

RULE = "fever"
THRESHOLD_C = 37.3


def evaluate(case: Case) -> Spoken | None:
    """Speaks when the temperature was taken and reaches the threshold; a missing temperature is never a fever."""
    measured = case.scan.temperature_c
    if measured is None:
        return None
    version, threshold = case.parameter(RULE, "threshold_c", THRESHOLD_C)
    if measured < threshold:
        return None
    return Spoken(RULE, version, "high", "refer", {"temperature_c": measured, "threshold_c": threshold})
