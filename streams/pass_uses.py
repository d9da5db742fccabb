"""The uses of passes: which arrivals are written down as rows of kind `pass-use`, so that the next trip can be counted. Pure.

Only passes with a limited number of trips are counted; a plate other than the bound one is seen on the scan itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reference.rows import make_row
from reference.shipped import pass_types_above_shipped
from reference.snapshot import Snapshot
from schemas.base import LOCAL
from schemas.reference_rows import ReferenceRow
from schemas.rules import PassUseData

AUTHOR = "arrivals"


def use_of(arrival: Mapping[str, Any], snapshot: Snapshot) -> ReferenceRow | None:
    """The use an arrival is of its pass; None when no pass with counted trips was shown, or the use is known already."""
    vehicle = arrival.get("vehicle") or {}
    pass_id, event_id = vehicle.get("pass_id"), arrival["event_id"]
    if not pass_id:
        return None
    at = datetime.fromisoformat(arrival["occurred_at"]).astimezone(LOCAL)
    if not _counted(pass_id, at, snapshot):
        return None
    if any(row.data.event_id == event_id for row in snapshot.pass_uses.history(pass_id)):
        return None
    known = datetime.fromisoformat(arrival["received_at"]).astimezone(LOCAL)
    use = PassUseData(
        kind="pass-use", pass_id=pass_id, event_id=event_id, site_id=arrival["site_id"], at=at, vehicle_key=vehicle.get("key")
    )
    return make_row(use, key=pass_id, author=AUTHOR, reason="pass shown", valid_from=at, known_from=known)


def _counted(pass_id: str, at: datetime, snapshot: Snapshot) -> bool:
    permit = snapshot.permit(pass_id, at)
    if permit is None:
        return False
    kind = pass_types_above_shipped(snapshot.pass_types).at(permit.data.pass_type, at)
    return permit.data.trips is not None or (kind is not None and kind.data.trips is not None)
