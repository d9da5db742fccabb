"""Assign: the one unit that answers for an arrival. The deepest the destination supports; otherwise a named desk.

The owner follows the destination, never the clerk or the site that entered it; the site's county is asked only when
the destination
names no county of the city at all. A unit that ended by the time the scan was received hands over to what stands for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reference.snapshot import CITY, Snapshot
from schemas.arrival import DeskReason, Location, UnitLevel

HEALTH_DESK = "health"


@dataclass(frozen=True, slots=True)
class Assignment:
    """The responsible unit, its level and county, and why it is a desk rather than a unit below it."""

    unit: str
    level: UnitLevel
    county: str
    desk_reason: DeskReason | None


def assign(location: Location, unit: str | None, site_county: str | None, snapshot: Snapshot, at: datetime) -> Assignment:
    """`unit` is the deepest unit the resolver supports (None when it found none); `site_county` the site's county desk.

    `at` is when the scan was received: a late scan must not reach a desk that has been closed since.
    """
    reason: DeskReason | None = None if location.status == "ok" else location.status
    if unit is not None and len(unit) > len(CITY):
        unit = snapshot.standing(unit, at)
        return Assignment(unit, snapshot.unit_level(unit), unit[:6], reason)
    desk = snapshot.standing(site_county or CITY, at)
    return Assignment(desk, snapshot.unit_level(desk), desk[:6], reason or "unresolved")


def health_desk(site_county: str | None) -> str:
    """The health desk where the person stands: that of the site's county, else of the city."""
    return f"{site_county or CITY}-{HEALTH_DESK}"
