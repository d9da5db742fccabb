"""The plan of a sample day: the same day, people and seed give the same posts, byte for byte. Pure: no clock, no network.

The day is played as discrete events: parties arrive in order of time; what a device does later (a full batch, a repeat,
its network
coming back) is an event of its own, so that posts leave in order of simulated time without the whole day in memory.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from producers.simulator import bad_input
from producers.simulator import parameters as p
from producers.simulator.crowd import Slot, draw_crowd
from producers.simulator.devices import Device, make_devices, planned
from producers.simulator.parties import Parties, Traveller
from producers.simulator.posts import PlannedScan, Post, batch, single
from producers.simulator.sites import Site, load_sites
from producers.simulator.trains import Train, load_trains
from reference.gazetteer import Gazetteer
from schemas.base import LOCAL

_SECONDS_PER_PERSON = 9.0
_BATCH_SIZES = (5, 50)
_BATCH_WAIT_SECONDS = (20.0, 60.0)
_REPEAT_AFTER_SECONDS = (40.0, 1_200.0)


@dataclass(frozen=True)
class DayPlan:
    """What is to be played. `people` good scans come out; repeats, conflicts and bad input come on top."""

    day: date
    people: int
    seed: int
    gazetteer: Gazetteer
    sites: tuple[Site, ...] = field(default_factory=load_sites)
    trains: tuple[Train, ...] = field(default_factory=load_trains)

    def posts(self) -> Iterator[Post]:
        """All posts in order of simulated time."""
        return _Day(self).play()


class _Day:
    def __init__(self, plan: DayPlan) -> None:
        self._rng = Random(f"{plan.day}/{plan.people}/{plan.seed}")
        self._plan = plan
        self._midnight = datetime.combine(plan.day, datetime.min.time(), LOCAL)
        self._parties = Parties(plan.gazetteer, plan.day)
        self._devices = make_devices(self._rng, plan.sites, self._midnight)
        self._later: list[tuple[float, int, Callable[[float], Iterable[Post]]]] = []
        self._events = 0

    def play(self) -> Iterator[Post]:
        for device in self._devices:
            if device.offline[1] > 0:
                self._at(device.offline[1], partial(self._reconnect, device))
        slots = draw_crowd(self._rng, self._plan.people, self._plan.sites, self._plan.trains)
        for number, slot in enumerate(slots):
            yield from self._until(slot.second)
            device = self._devices[slot.site]
            for position, traveller in enumerate(self._travellers(slot, number)):
                self._at(slot.second + position * _SECONDS_PER_PERSON, partial(self._arrive, device, traveller))
        yield from self._until(float("inf"))

    def _travellers(self, slot: Slot, number: int) -> list[Traveller]:
        party = f"P-{self._plan.day:%m%d}-{number:06d}"
        if slot.kind == "train":
            station = self._plan.sites[slot.site].data.name.removesuffix("站")
            train = self._plan.trains[slot.train]
            return self._parties.passengers(self._rng, slot.people, party, train, station)
        make = self._parties.coach if slot.kind == "coach" else self._parties.car
        return make(self._rng, slot.people, party)

    def _at(self, second: float, action: Callable[[float], Iterable[Post]]) -> None:
        self._events += 1
        heapq.heappush(self._later, (second, self._events, action))

    def _until(self, second: float) -> Iterator[Post]:
        while self._later and self._later[0][0] <= second:
            at, _, action = heapq.heappop(self._later)
            yield from action(at)

    def _time(self, second: float) -> datetime:
        moment = self._midnight + timedelta(seconds=second)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def _arrive(self, device: Device, traveller: Traveller, second: float) -> Iterator[Post]:
        scan = device.scan(self._rng, second, traveller)
        if device.is_offline(second):
            yield self._keep(device, scan, traveller, second)
            return
        if device.site.posting == "batch":
            yield from self._wait_for_batch(device, scan, traveller, second)
        else:
            sealed = device.sealed(scan, traveller, second)
            yield single(self._time(second), device.site.site_id, sealed)
            self._plan_repeats(device, scan, traveller, sealed, second)
        if self._rng.random() < p.BAD_SHARE:
            yield self._bad(device, traveller, second)

    def _keep(self, device: Device, scan: dict[str, Any], traveller: Traveller, second: float) -> Post:
        return Post(self._time(second), device.site.site_id, "keep", (planned("late", scan, traveller),))

    def _reconnect(self, device: Device, second: float) -> Iterator[Post]:
        yield Post(self._time(second), device.site.site_id, "reconnect")

    def _wait_for_batch(self, device: Device, scan: dict[str, Any], traveller: Traveller, second: float) -> Iterator[Post]:
        if not device.waiting:
            device.batch_size = self._rng.randint(*_BATCH_SIZES)
            self._at(second + self._rng.uniform(*_BATCH_WAIT_SECONDS), partial(self._send_batch, device, scan["event_id"]))
        device.waiting.append((scan, traveller))
        if len(device.waiting) >= device.batch_size:
            yield from self._send_batch(device, device.waiting[0][0]["event_id"], second)

    def _send_batch(self, device: Device, first_id: str, second: float) -> Iterator[Post]:
        """Posts what waits, unless that batch has gone already; without network it goes into the outbox."""
        if not device.waiting or device.waiting[0][0]["event_id"] != first_id:
            return
        waiting, device.waiting = device.waiting, []
        if device.is_offline(second):
            for scan, traveller in waiting:
                yield self._keep(device, scan, traveller, second)
            return
        scans = [device.sealed(scan, traveller, second) for scan, traveller in waiting]
        for (scan, traveller), sealed in zip(waiting, scans, strict=True):
            self._plan_repeats(device, scan, traveller, sealed, second)
        if self._rng.random() < p.REPEAT_BATCH_SHARE:
            self._repeat(device, tuple(scans), second)
        if self._rng.random() < p.BAD_SHARE * len(scans) / 2:
            at = self._rng.randrange(len(scans) + 1)
            scans.insert(at, self._bad_item(device, waiting[0][1], second))
        yield batch(self._time(second), device.site.site_id, tuple(scans))

    def _plan_repeats(
        self, device: Device, scan: dict[str, Any], traveller: Traveller, sealed: PlannedScan, second: float
    ) -> None:
        chance = self._rng.random()
        if chance < p.REPEAT_SHARE:
            self._repeat(device, (sealed,), second)
        elif chance > 1 - p.CONFLICT_SHARE:
            other = planned("conflict", {**scan, "temperature_c": 36.9, "purpose": "other"}, traveller)
            self._send_again(device, (other,), second)

    def _repeat(self, device: Device, scans: tuple[PlannedScan, ...], second: float) -> None:
        repeats = tuple(PlannedScan(s.event_id, "repeat", s.body, s.truth, s.way) for s in scans)
        self._send_again(device, repeats, second)

    def _send_again(self, device: Device, scans: tuple[PlannedScan, ...], second: float) -> None:
        site_id, after = device.site.site_id, tuple(scan.event_id for scan in scans)

        def send(at: float) -> Iterator[Post]:
            if len(scans) == 1:
                yield single(self._time(at), site_id, scans[0], after)
            else:
                yield batch(self._time(at), site_id, scans, after)

        self._at(second + self._rng.uniform(*_REPEAT_AFTER_SECONDS), send)

    def _bad(self, device: Device, traveller: Traveller, second: float) -> Post:
        at, site_id = self._time(second), device.site.site_id
        if self._rng.random() < 0.5:
            return single(at, site_id, self._bad_item(device, traveller, second))
        scan = device.scan(self._rng, second, traveller)
        name, (body, headers) = bad_input.draw_body_fault(self._rng, scan)
        return Post(at, site_id, "post", (PlannedScan(scan["event_id"], f"bad:{name}", body),), body, headers)

    def _bad_item(self, device: Device, traveller: Traveller, second: float) -> PlannedScan:
        scan = device.scan(self._rng, second, traveller)
        other = self._plan.sites[0 if device.site is not self._plan.sites[0] else 1].site_id
        name, body = bad_input.draw_item_fault(self._rng, scan, other)
        return PlannedScan(scan["event_id"], f"bad:{name}", body)
