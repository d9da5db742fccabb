"""What devices post, kind by kind: the one place where the gateway tells scans from check-ins. Pure.

A new kind of event is one entry here, one topic and one sink; parsing, sealing, confirming and answering are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from producers.checkins import place_of, prepare_checkins
from producers.devices import EVERY_SITE, Device
from producers.intake import Hash, Prepared, Receipt, prepare_all
from producers.parsing import validate_checkin, validate_scan
from producers.reasons import reason
from reference.snapshot import Snapshot
from schemas.errors import Reason

_COUNTY = 6


@dataclass(frozen=True, slots=True)
class EventKind:
    """Everything in which a kind differs from another.

    `path` is where it is posted, `topic` where it is kept, under the header `schema`; `counter` counts its answers. `place` names
    what the device has to be registered for, and `problem` says why it is not, or why there is no such place.
    """

    path: str
    topic: str
    schema: bytes
    counter: str
    validate: Callable[[Any], Any]
    prepare: Callable[[Sequence[Any], Sequence[Receipt], Hash], list[Prepared]]
    place: Callable[[Any], str]
    problem: Callable[[str, Device, Snapshot, datetime], Reason | None]


def _site_problem(site_id: str, device: Device, snapshot: Snapshot, now: datetime) -> Reason | None:
    if device.site_id not in (site_id, EVERY_SITE):
        return reason("site_forbidden", "site_id")
    return None if snapshot.site(site_id, now) is not None else reason("site_unknown", "site_id")


def _place_problem(place: str, device: Device, snapshot: Snapshot, now: datetime) -> Reason | None:
    """A device reports for the enterprise or unit it is registered for, or for all in its county, township or village."""
    area, _, enterprise = place.partition("/")
    field = "enterprise" if enterprise else "unit"
    scope = device.site_id
    above = scope.isdigit() and len(scope) >= _COUNTY and area.startswith(scope)
    if not above and scope not in (EVERY_SITE, enterprise or area):
        return reason("place_forbidden", field)
    known = snapshot.units.at(area, now) is not None if "-" in area else snapshot.known(area)
    return None if known else reason("place_unknown", field)


SCANS = EventKind(
    path="/v1/scans",
    topic="scans",
    schema=b"scan/1",
    counter="arrivals_gateway_scans_total",
    validate=validate_scan,
    prepare=prepare_all,
    place=attrgetter("site_id"),
    problem=_site_problem,
)
CHECKINS = EventKind(
    path="/v1/checkins",
    topic="checkins",
    schema=b"checkin/1",
    counter="arrivals_gateway_checkins_total",
    validate=validate_checkin,
    prepare=prepare_checkins,
    place=place_of,
    problem=_place_problem,
)
KINDS: tuple[EventKind, ...] = (SCANS, CHECKINS)
BY_PATH: Mapping[str, EventKind] = {kind.path: kind for kind in KINDS}
