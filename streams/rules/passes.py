"""The pass shown with a vehicle: what it is worth for this trip. An exemption rests on it, so every doubt is a state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from reference.dated import Dated
from reference.shipped import pass_types_above_shipped
from schemas.rule_conditions import PassState
from schemas.rules import PassData, PassTypeData, PassUseData
from streams.case import Case, Evidence


@dataclass(frozen=True, slots=True)
class Shown:
    """The state of the pass with its evidence (row ids, never a plate), its type, and what it exempts from."""

    state: PassState
    evidence: Evidence
    pass_type: str | None = None
    exempts: tuple[str, ...] = ()


_MISSING = Shown("missing", {"pass_state": "missing"})
_UNKNOWN = Shown("unknown", {"pass_state": "unknown"})


def examine(case: Case) -> Shown:
    """What the pass of the scan is worth at that moment: bound plate, validity, area, trips, in this order."""
    vehicle = case.scan.vehicle
    if vehicle is None or not vehicle.pass_id:
        return _MISSING
    row = case.snapshot.permit(vehicle.pass_id, case.at)
    kind = pass_types_above_shipped(case.snapshot.pass_types).at(row.data.pass_type, case.at) if row else None
    if row is None or kind is None or _expired(row, kind.data, case.at):
        return _UNKNOWN
    found: Evidence = {"pass_row": row.row_id, "pass_type": kind.data.pass_type, "pass_type_row": kind.row_id}
    state, more = _state(case, row.data, kind.data, vehicle.key)
    exempts = kind.data.exempts if state == "valid" else ()
    return Shown(state, {"pass_state": state, **found, **more}, kind.data.pass_type, exempts)


def _expired(row: Dated[PassData], kind: PassTypeData, at: datetime) -> bool:
    return kind.valid_days is not None and at >= row.valid_from + timedelta(days=kind.valid_days)


def _state(case: Case, permit: PassData, kind: PassTypeData, plate: str | None) -> tuple[PassState, Evidence]:
    bound = kind.plate_bound or permit.vehicle_key is not None
    if bound and (plate is None or permit.vehicle_key is None):
        return "unconfirmed", {}
    if bound and permit.vehicle_key != plate:
        return "misused", {"expected_other_plate": True}
    if not (_covers(kind.origins, case.origin_code) and _covers(kind.destinations, case.destination)):
        return "out_of_scope", {}
    allowed = permit.trips if permit.trips is not None else kind.trips
    if allowed is not None:
        uses = _uses(case, permit.pass_id, plate if bound else None)
        trip = count_trips(uses, case.at, plate, timedelta(hours=kind.trip_hours))
        if trip > allowed:
            return "misused", {"trip": trip, "trips": allowed}
    return "valid", {}


def _covers(areas: tuple[str, ...], code: str | None) -> bool:
    return not areas or (code is not None and code.startswith(areas))


def _uses(case: Case, pass_id: str, bound_to: str | None) -> list[tuple[datetime, str | None]]:
    """The earlier uses of a pass, one per event; the scan under decision is never one of them, nor are later ones.

    Of a pass bound to a plate those with that plate alone: whoever shows it with another is flagged, and must not use up a trip.
    """
    newest: dict[str, Dated[PassUseData]] = {}
    for row in case.snapshot.pass_uses.history(pass_id):
        newest.setdefault(row.data.event_id, row)
    return [
        (row.data.at, row.data.vehicle_key)
        for row in newest.values()
        if not row.withdrawn and row.data.event_id != case.scan.event_id and row.data.at <= case.at
        if bound_to in (None, row.data.vehicle_key)
    ]


def count_trips(uses: Iterable[tuple[datetime, str | None]], at: datetime, plate: str | None, window: timedelta) -> int:
    """The number of the trip a pass is on at `at`: 1 for the first.

    Uses of one plate within `window` of a trip's first belong to that trip: its passengers, and the checkpoints on its way.
    """
    begun: dict[str | None, datetime] = {}
    trips = 0
    for when, used_by in sorted([*uses, (at, plate)], key=lambda use: (use[0], use[1] or "")):
        start = begun.get(used_by)
        if start is None or when - start >= window:
            begun[used_by] = when
            trips += 1
    return trips
