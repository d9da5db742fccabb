"""An origin that nobody can locate: the arrival is registered with an unknown risk, never waved through as low."""

from __future__ import annotations

from streams.case import Case, Spoken

RULE = "origin-unknown"


def evaluate(case: Case) -> Spoken | None:
    """Speaks when neither a code nor the text of the origin names a known area."""
    if case.origin_code is not None:
        return None
    return Spoken(RULE, 1, "unknown", "register", {"origin": None})
