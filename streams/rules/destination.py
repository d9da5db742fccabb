"""A destination that is unknown, or outside the city: it goes to a named desk, never to nobody and never to everybody."""

from __future__ import annotations

from schemas.arrival import Decision
from streams.case import Case, Spoken

RULE = "destination-unplaced"
_UNPLACED = frozenset({"ambiguous", "city_only", "outside", "unresolved"})


def evaluate(case: Case) -> Spoken | None:
    """Speaks when the destination leads to no unit; outside the city the person is passing through."""
    status = case.location.status
    if status not in _UNPLACED:
        return None
    decision: Decision = "admit" if status == "outside" else "register"
    return Spoken(RULE, 1, "low", decision, {"status": status, "candidates": len(case.location.candidates)})
