"""Vehicles from key areas are turned back, except those that serve epidemic prevention or the resumption of work.

The city's order (February 2020) names the measure and the exemption; on 10 Feb 2020 the province forbade blanket
refusal, so a stated
exempt purpose without a pass is observed instead of refused. The plate alone decides nothing: it is only evidence.
"""

from __future__ import annotations

from typing import Literal

from streams.case import Case, Spoken

RULE = "key-vehicle"
EXEMPT_PURPOSES = frozenset({"epidemic_prevention", "work_resumption", "supplies"})
Exemption = Literal["pass", "purpose", "none"]


def evaluate(case: Case) -> Spoken | None:
    """Speaks for a person in a vehicle at a checkpoint whose origin or recent stay is graded high."""
    vehicle = case.scan.vehicle
    graded = case.worst_graded()
    if vehicle is None or graded is None or graded.row.data.grade != "high":
        return None
    version, _ = case.parameter(RULE, "blanket", 0)
    exemption, permit_row = _exemption(case)
    decision = {"pass": "register", "purpose": "observe", "none": "turn_back"}[exemption]
    evidence = {
        "graded_area": graded.row.data.area,
        "via": graded.via,
        "plate_region": vehicle.region,
        "exemption": exemption,
        "pass_row": permit_row,
        "purpose": case.scan.purpose,
    }
    return Spoken(RULE, version, "high", decision, evidence, graded.row.row_id)  # type: ignore[arg-type]


def _exemption(case: Case) -> tuple[Exemption, str | None]:
    vehicle = case.scan.vehicle
    if vehicle is not None and vehicle.pass_id:
        row = case.snapshot.permit(vehicle.pass_id, case.at)
        if row is not None and row.data.vehicle_key in (None, vehicle.key):
            return "pass", row.row_id
    return ("purpose", None) if case.scan.purpose in EXEMPT_PURPOSES else ("none", None)
