"""Every condition of the vocabulary as a quick callable: evidence when it holds, None when it does not.

`needed` names the facts without which a condition cannot hold; a rule that needs a fact the case lacks is not asked at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reference.snapshot import CITY
from schemas import rule_conditions as asked
from schemas.rule_conditions import Grade
from streams.case import Case, Evidence
from streams.rules.passes import Shown, examine

#: Facts about a case, one bit each. LISTED: a place lies in an area some rule lists; PURPOSE: some rule names the purpose.
WARM, SYMPTOMS, LISTED, VEHICLE, RAIL, PASS, PURPOSE, UNPLACED, LOST = (1 << n for n in range(9))
#: A place, and the county of the destination, bear this grade.
GRADED: Mapping[Grade, int] = {"high": 1 << 9, "medium": 1 << 10, "low": 1 << 11}
DESTINATION: Mapping[Grade, int] = {"high": 1 << 12, "medium": 1 << 13, "low": 1 << 14}
PLACED = frozenset({"ok", "county_only"})


@dataclass(slots=True)
class Inquiry:
    """One case being asked by one rule after the other. `grade_row` is the grade the present rule rests on."""

    case: Case
    grade_row: str | None = None
    _shown: Shown | None = field(default=None, init=False)

    def shown(self) -> Shown:
        """What the pass of the scan is worth, found once."""
        if self._shown is None:
            self._shown = examine(self.case)
        return self._shown


Check = Callable[[Inquiry], Evidence | None]


def compile_condition(condition: Any) -> Check:
    """The callable of a condition of `schemas.rule_conditions`."""
    return _COMPILERS[type(condition)](condition)


def needed(condition: Any) -> int:
    """The facts without which a condition cannot hold, as bits."""
    if isinstance(condition, asked.Destination):
        return UNPLACED if PLACED.isdisjoint(condition.statuses) else 0
    if isinstance(condition, asked.Origin):
        return 0 if condition.known else LOST
    if isinstance(condition, asked.PassShown):
        return 0 if "missing" in condition.states else PASS
    if isinstance(condition, asked.Graded):
        return GRADED[condition.grades[0]] if len(condition.grades) == 1 else 0
    if isinstance(condition, asked.DestinationGraded):
        return DESTINATION[condition.grades[0]] if len(condition.grades) == 1 else 0
    return _NEEDED.get(type(condition), 0)


def _temperature(condition: asked.Temperature) -> Check:
    threshold = condition.at_least

    def check(inquiry: Inquiry) -> Evidence | None:
        measured = inquiry.case.scan.temperature_c
        if measured is None or measured < threshold:
            return None
        return {"temperature_c": measured, "threshold_c": threshold}

    return check


def _symptoms(condition: asked.Symptoms) -> Check:
    wanted = frozenset(condition.any_of)

    def check(inquiry: Inquiry) -> Evidence | None:
        stated = inquiry.case.scan.symptoms
        found = [symptom for symptom in stated if symptom in wanted] if wanted else stated
        return {"symptoms": ",".join(found)} if found else None

    return check


def _symptom_free(condition: asked.SymptomFree) -> Check:
    def check(inquiry: Inquiry) -> Evidence | None:
        scan = inquiry.case.scan
        warm = scan.temperature_c is not None and scan.temperature_c >= condition.below
        return None if scan.symptoms or warm else {"symptom_free": True, "temperature_c": scan.temperature_c}

    return check


def _graded(condition: asked.Graded) -> Check:
    grades, via, within = frozenset(condition.grades), frozenset(condition.via), condition.within_days

    def check(inquiry: Inquiry) -> Evidence | None:
        for place, row in inquiry.case.graded():
            if row.data.grade in grades and place.via in via and place.days <= within:
                inquiry.grade_row = row.row_id
                return {"area": place.area, "graded_area": row.data.area, "grade": row.data.grade, "via": place.via}
        return None

    return check


def _inside(condition: asked.Inside) -> Check:
    via, within, areas = frozenset(condition.via), condition.within_days, frozenset(condition.areas)
    longest_first = sorted(areas.union(condition.but_not), key=len, reverse=True)

    def check(inquiry: Inquiry) -> Evidence | None:
        for place in inquiry.case.places():
            if place.via in via and place.days <= within:
                listed = next((area for area in longest_first if place.area.startswith(area)), None)
                if listed in areas:
                    return {"area": place.area, "listed_area": listed, "via": place.via}
        return None

    return check


def _trip(condition: asked.Trip) -> Check:
    within, most = condition.within_days, condition.at_most_days

    def check(inquiry: Inquiry) -> Evidence | None:
        home = inquiry.case.destination[: len(CITY)] or CITY
        away = [p.length for p in inquiry.case.places() if p.via == "stay" and p.days <= within and not p.area.startswith(home)]
        return {"trip_days": sum(away), "allowed_days": most} if away and sum(away) <= most else None

    return check


def _vehicle(condition: asked.InVehicle) -> Check:
    roles = frozenset(condition.roles)

    def check(inquiry: Inquiry) -> Evidence | None:
        vehicle = inquiry.case.scan.vehicle
        if vehicle is None or (roles and vehicle.role not in roles):
            return None
        return {"vehicle_role": vehicle.role, "plate_region": vehicle.region}

    return check


def _rail(_: asked.ByRail) -> Check:
    def check(inquiry: Inquiry) -> Evidence | None:
        rail = inquiry.case.scan.rail
        return {"train": rail.train} if rail is not None else None

    return check


def _vehicle_region(condition: asked.VehicleRegion) -> Check:
    def check(inquiry: Inquiry) -> Evidence | None:
        vehicle = inquiry.case.scan.vehicle
        region = vehicle.region if vehicle is not None else None
        return {"plate_region": region} if region and region.startswith(condition.any_of) else None

    return check


def _pass(condition: asked.PassShown) -> Check:
    states, types = frozenset(condition.states), frozenset(condition.types)

    def check(inquiry: Inquiry) -> Evidence | None:
        shown = inquiry.shown()
        return shown.evidence if shown.state in states and (not types or shown.pass_type in types) else None

    return check


def _purpose(condition: asked.Purpose) -> Check:
    wanted = frozenset(condition.any_of)

    def check(inquiry: Inquiry) -> Evidence | None:
        purpose = inquiry.case.scan.purpose
        return {"purpose": purpose} if purpose in wanted else None

    return check


def _destination(condition: asked.Destination) -> Check:
    statuses = frozenset(condition.statuses)

    def check(inquiry: Inquiry) -> Evidence | None:
        location = inquiry.case.location
        return {"status": location.status, "candidates": len(location.candidates)} if location.status in statuses else None

    return check


def _destination_graded(condition: asked.DestinationGraded) -> Check:
    grades = frozenset(condition.grades)

    def check(inquiry: Inquiry) -> Evidence | None:
        row = inquiry.case.destination_grade()
        if row is None or row.data.grade not in grades:
            return None
        county = inquiry.case.location.county_code or inquiry.case.location.outside_code
        return {"destination_area": county, "destination_grade": row.data.grade, "destination_grade_row": row.row_id}

    return check


def _origin(condition: asked.Origin) -> Check:
    def check(inquiry: Inquiry) -> Evidence | None:
        code = inquiry.case.origin_code
        return {"origin": code} if (code is not None) == condition.known else None

    return check


_COMPILERS: Mapping[type[Any], Callable[[Any], Check]] = {
    asked.Temperature: _temperature,
    asked.Symptoms: _symptoms,
    asked.SymptomFree: _symptom_free,
    asked.Graded: _graded,
    asked.Inside: _inside,
    asked.Trip: _trip,
    asked.InVehicle: _vehicle,
    asked.ByRail: _rail,
    asked.VehicleRegion: _vehicle_region,
    asked.PassShown: _pass,
    asked.Purpose: _purpose,
    asked.Destination: _destination,
    asked.DestinationGraded: _destination_graded,
    asked.Origin: _origin,
}
_NEEDED: Mapping[type[Any], int] = {
    asked.Temperature: WARM,
    asked.Symptoms: SYMPTOMS,
    asked.Inside: LISTED,
    asked.InVehicle: VEHICLE,
    asked.ByRail: RAIL,
    asked.VehicleRegion: VEHICLE,
    asked.Purpose: PURPOSE,
}
