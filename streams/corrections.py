"""What people corrected about one arrival, put over what the machine found: a correction always wins. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from reference.snapshot import Snapshot
from schemas.arrival import Location
from streams.locate import Located, coded

#: How a place was found when a person said it.
METHOD = "correction"


class Corrected(NamedTuple):
    """The corrected places of an arrival; None where nobody corrected anything."""

    destination: str | None
    origin: str | None


def corrections_of(event_id: str, snapshot: Snapshot) -> Corrected:
    """The newest word on each place. A withdrawn row takes back everything said before it."""
    destination = origin = None
    for row in snapshot.corrections.history(event_id):
        if row.withdrawn:
            break
        destination = destination or row.data.destination
        origin = origin or row.data.origin
    return Corrected(destination, origin)


def correct(located: Located, event_id: str, snapshot: Snapshot) -> Located:
    """What was located, with the corrected places in it."""
    said = corrections_of(event_id, snapshot)
    if said.origin is not None:
        located = replace(located, origin_code=said.origin, origin_method=METHOD)
    if said.destination is not None:
        location, unit = _destination(said.destination)
        located = replace(located, destination=location, unit=unit)
    return located


def _destination(said: str) -> tuple[Location, str | None]:
    """An area, or a unit below a village (`411426104207-01`), whose location is that of its area."""
    area = said.partition("-")[0]
    location, unit = coded(area)
    return location.model_copy(update={"method": METHOD}), said if said != area else unit
