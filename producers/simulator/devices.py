"""The devices of the sample day: each site has one, with a counter, a clock that may be wrong, and a network that may be
gone for a while.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

import orjson

from producers.simulator import parameters as p
from producers.simulator.parties import Traveller
from producers.simulator.posts import PlannedScan
from producers.simulator.sites import Site
from schemas.event_ids import RANDOM_BYTES, uuid7

_SEND_DELAY = timedelta(milliseconds=300)
_DAY_MINUTES = 24 * 60


@dataclass(slots=True)
class Device:
    """One device; `waiting` are the scans of a batch not yet posted, `offline` the seconds of the day without network."""

    site: Site
    midnight: datetime
    clock_error: timedelta = timedelta()
    offline: tuple[float, float] = (-1.0, -1.0)
    sequence: int = 0
    waiting: list[tuple[dict[str, Any], Traveller]] = field(default_factory=list)
    batch_size: int = 1

    def is_offline(self, second: float) -> bool:
        """Whether the device has no network at that second of the day."""
        return self.offline[0] <= second < self.offline[1]

    def scan(self, rng: Random, second: float, traveller: Traveller) -> dict[str, Any]:
        """The scan as the device writes it, with the time of its own clock."""
        occurred = self.midnight + timedelta(seconds=second) + self.clock_error
        milliseconds = int(occurred.timestamp() * 1000)
        self.sequence += 1
        return {
            "version": 1,
            "event_id": uuid7(milliseconds, rng.randbytes(RANDOM_BYTES)),
            "site_id": self.site.site_id,
            "sequence": self.sequence,
            "occurred_at": milliseconds if self.site.milliseconds else stamp(occurred),
            "operator": f"G-{self.sequence // 400 % 6 + 1:02d}",
            **traveller.fields,
        }

    def sealed(self, scan: dict[str, Any], traveller: Traveller, second: float) -> PlannedScan:
        """The scan as posted at that second while the network is there."""
        sent = self.midnight + timedelta(seconds=second) + self.clock_error + _SEND_DELAY
        return planned("live", {**scan, "sent_at": stamp(sent)}, traveller)


def planned(kind: str, scan: dict[str, Any], traveller: Traveller) -> PlannedScan:
    """A scan's bytes with what is known about it."""
    destination = traveller.destination
    return PlannedScan(scan["event_id"], kind, orjson.dumps(scan), destination.truth, destination.way)


def stamp(instant: datetime) -> str:
    """RFC 3339 with milliseconds."""
    return instant.isoformat(timespec="milliseconds")


def make_devices(rng: Random, sites: Sequence[Site], midnight: datetime) -> list[Device]:
    """A device per site: the two quietest checkpoints have wrong clocks, enough others lose their network once."""
    devices = [Device(site, midnight) for site in sites]
    by_weight = sorted(
        (d for d in devices if d.site.data.site_kind == "checkpoint"), key=lambda d: (d.site.weight, d.site.site_id)
    )
    for device, minutes in zip(by_weight, p.CLOCK_ERRORS_MINUTES, strict=False):
        device.clock_error = timedelta(minutes=minutes)
    candidates = by_weight[len(p.CLOCK_ERRORS_MINUTES) :]
    rng.shuffle(candidates)
    road_weight, late = sum(d.site.weight for d in by_weight), 0.0
    for device in candidates:
        if late >= p.LATE_SHARE:
            break
        device.offline = _outage(rng)
        late += (1 - p.RAIL_SHARE) * device.site.weight / road_weight * _share_of_day(*device.offline)
    return devices


def _outage(rng: Random) -> tuple[float, float]:
    start = rng.uniform(8 * 60, 19 * 60)
    return start * 60, (start + rng.uniform(*p.OFFLINE_MINUTES)) * 60


def _share_of_day(start: float, end: float) -> float:
    """The part of a day's traffic between two seconds of the day."""
    total = sum(p.HOURS)
    minutes = range(int(start // 60), min(int(end // 60), _DAY_MINUTES))
    return sum(p.HOURS[minute // 60] / 60 for minute in minutes) / total
