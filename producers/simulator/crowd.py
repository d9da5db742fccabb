"""Who arrives when and where: parties at checkpoints along the day's profile, groups from trains after each arrival.
Exactly as many people as asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Literal

from producers.simulator import parameters as p
from producers.simulator.sites import Site
from producers.simulator.trains import Train

_DAY_SECONDS = 86_400
_WALK_SECONDS = 120
_QUEUE_MEAN_SECONDS = 240
_LONGEST_QUEUE_SECONDS = 1_500


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A party of `people` at a site, `second` seconds after local midnight; `train` is the index of the train they left."""

    second: float
    site: int
    people: int
    kind: Literal["car", "coach", "train"]
    train: int = -1


def draw_crowd(rng: Random, people: int, sites: Sequence[Site], trains: Sequence[Train]) -> list[Slot]:
    """The day's parties in order of time, `people` persons in all."""
    rail = round(people * p.RAIL_SHARE)
    return sorted((*_road(rng, people - rail, sites), *_rail(rng, rail, sites, trains)))


def _road(rng: Random, people: int, sites: Sequence[Site]) -> Iterator[Slot]:
    indices = [i for i, site in enumerate(sites) if site.data.site_kind == "checkpoint"]
    weights = tuple(accumulate(sites[i].weight for i in indices))
    hours = tuple(accumulate(p.HOURS))
    sizes, size_weights = tuple(p.CAR_PARTY_SIZES), tuple(accumulate(p.CAR_PARTY_SIZES.values()))
    while people > 0:
        coach = people > p.COACH_SEATS[1] and rng.random() < p.COACH_PARTY_SHARE
        size = rng.randint(*p.COACH_SEATS) if coach else rng.choices(sizes, cum_weights=size_weights)[0]
        size = min(size, people)
        people -= size
        second = rng.choices(range(24), cum_weights=hours)[0] * 3600 + rng.random() * 3600
        site = rng.choices(indices, cum_weights=weights)[0]
        yield Slot(min(second, _DAY_SECONDS - 60.0 - 9 * size), site, size, "coach" if coach else "car")


def _rail(rng: Random, people: int, sites: Sequence[Site], trains: Sequence[Train]) -> Iterator[Slot]:
    index = {site.site_id: i for i, site in enumerate(sites)}
    at_station = [train.site_id for train in trains]
    loads = [sites[index[train.site_id]].weight / at_station.count(train.site_id) * rng.uniform(0.6, 1.4) for train in trains]
    cumulative = tuple(accumulate(loads))
    sizes, size_weights = tuple(p.TRAIN_PARTY_SIZES), tuple(accumulate(p.TRAIN_PARTY_SIZES.values()))
    while people > 0:
        size = min(rng.choices(sizes, cum_weights=size_weights)[0], people)
        people -= size
        number = rng.choices(range(len(trains)), cum_weights=cumulative)[0]
        queue = min(rng.expovariate(1 / _QUEUE_MEAN_SECONDS), _LONGEST_QUEUE_SECONDS)
        second = trains[number].arrives_second + _WALK_SECONDS + queue
        yield Slot(second, index[trains[number].site_id], size, "train", number)
