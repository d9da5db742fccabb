"""Origin, or a stay of the last 14 days, in a graded area (State Council, 17 Feb 2020; 14 days: Ministry of Civil
Affairs, 10 Feb 2020).
"""

from __future__ import annotations

from schemas.arrival import Decision
from streams.case import Case, Spoken

RULE = "area-grade"


def evaluate(case: Case) -> Spoken | None:
    """High: observe for 14 days. Medium: register and monitor. Low or ungraded: says nothing."""
    graded = case.worst_graded()
    if graded is None or graded.row.data.grade == "low":
        return None
    version, _ = case.parameter(RULE, "observe_days", 14)
    grade = graded.row.data.grade
    evidence = {"area": graded.area, "graded_area": graded.row.data.area, "grade": grade, "via": graded.via}
    decision: Decision = "observe" if grade == "high" else "register"
    return Spoken(RULE, version, grade, decision, evidence, graded.row.row_id)
