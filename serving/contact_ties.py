"""What joins two travellers, by the rules in force: train, coach, vehicle, party, checkpoint. Pure, and the same both ways.

Whoever cannot be excluded is not left out: where a seat is not known the whole carriage counts, as a general contact at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from reference.dated import Dated
from reference.shipped import contact_rules_above_shipped
from reference.snapshot import Snapshot
from schemas.contact_rules import STRENGTHS, ContactRuleData, Strength
from schemas.seats import Seat, coach_number, read_coach_seat, read_rail_seat

Rule = Dated[ContactRuleData]
#: A distance nobody knows.
UNKNOWN = None


@dataclass(frozen=True)
class Traveller:
    """One arrival as far as ties go; texts are '' where they are missing, like in the database."""

    person_key: str
    occurred_at: datetime
    kind: str
    site_id: str
    party_id: str = ""
    vehicle_key: str = ""
    vehicle_role: str = ""
    vehicle_seat: str = ""
    train_pair: str = ""
    service_date: date | None = None
    coach: str = ""
    seat: str = ""

    @cached_property
    def carriage(self) -> int:
        """The number of the carriage, 0 when it is not known."""
        return coach_number(self.coach)

    @cached_property
    def rail_place(self) -> Seat | None:
        """Where on the train, if it can be read."""
        return read_rail_seat(self.seat)

    @cached_property
    def coach_place(self) -> Seat | None:
        """Where in the road coach, if it can be read."""
        return read_coach_seat(self.vehicle_seat)


FIELDS = tuple(Traveller.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Tie:
    """One rule that joins two travellers. `distance` counts rows, or compartments of a sleeper, between them; None: not known."""

    rule: Rule
    strength: Strength
    distance: int | None = None
    minutes: int | None = None


def traveller(row: Mapping[str, Any]) -> Traveller:
    """The traveller of a row with `FIELDS`."""
    return Traveller(**{name: row[name] for name in FIELDS})


def rules_in_force(snapshot: Snapshot, at: datetime) -> tuple[Rule, ...]:
    """The contact rules for a journey at `at`, as known now: the strongest first, then by name."""
    table = contact_rules_above_shipped(snapshot.contact_rules)
    found = [row for key in table.keys() if (row := table.at(key, at)) is not None]
    return tuple(sorted(found, key=lambda row: (STRENGTHS.index(row.data.strength), row.data.rule)))


def ties_between(one: Traveller, other: Traveller, rules: Sequence[Rule]) -> tuple[Tie, ...]:
    """The ties between two travellers, strongest first; none between two scans of the same person."""
    if one.person_key == other.person_key:
        return ()
    found = [tie for rule in rules if (tie := _TIES[rule.data.means](one, other, rule)) is not None]
    return tuple(sorted(found, key=lambda tie: STRENGTHS.index(tie.strength)))


def strongest(ties: Sequence[Tie]) -> tuple[int, int, int]:
    """A sort key: by strength, then by distance, then by minutes; unknown ones last."""
    far = 1_000_000
    return (
        min(STRENGTHS.index(tie.strength) for tie in ties),
        min((tie.distance for tie in ties if tie.distance is not None), default=far),
        min((tie.minutes for tie in ties if tie.minutes is not None), default=far),
    )


def _train(one: Traveller, other: Traveller, rule: Rule) -> Tie | None:
    same = one.train_pair == other.train_pair != "" and one.service_date == other.service_date is not None
    data = rule.data
    if not same or (data.trains and not one.train_pair.startswith(data.trains)):
        return None
    known = bool(one.carriage and other.carriage)
    if data.extent == "train":
        return None if known else Tie(rule, data.strength)
    if not known or one.carriage != other.carriage:
        return None
    places = {place.kind for place in (one.rail_place, other.rail_place) if place is not None}
    wanted = {"rows": "seat", "compartment": "berth"}.get(data.extent, data.place)
    if places and wanted and wanted not in places:
        return None
    return _near(rule, _distance(one.rail_place, other.rail_place, "bay" if data.extent == "bay" else "row"))


def _near(rule: Rule, distance: int | None, minutes: int | None = None) -> Tie | None:
    """The tie, if the distance is within reach; a distance nobody knows cannot exclude, and weakens."""
    data = rule.data
    if data.extent == "all":
        return Tie(rule, data.strength, distance, minutes)
    if distance is UNKNOWN:
        return Tie(rule, max(data.strength, "general", key=STRENGTHS.index), UNKNOWN, minutes)
    return Tie(rule, data.strength, distance, minutes) if distance <= data.reach else None


def _distance(one: Seat | None, other: Seat | None, by: str) -> int | None:
    if one is None or other is None or one.kind != other.kind:
        return UNKNOWN
    return abs(int(getattr(one, by)) - int(getattr(other, by)))


def _on_the_road(one: Traveller, other: Traveller, rule: Rule) -> Tie | None:
    by_coach = "coach" in (one.vehicle_role, other.vehicle_role)
    same = one.vehicle_key == other.vehicle_key != "" and by_coach == (rule.data.means == "coach")
    minutes = _minutes(one, other, rule)
    if not same or minutes is None:
        return None
    distance = _distance(one.coach_place, other.coach_place, "row") if by_coach else UNKNOWN
    return _near(rule, distance, minutes)


def _party(one: Traveller, other: Traveller, rule: Rule) -> Tie | None:
    minutes = _minutes(one, other, rule)
    if minutes is None or not one.party_id or one.party_id != other.party_id:
        return None
    return Tie(rule, rule.data.strength, UNKNOWN, minutes)


def _site(one: Traveller, other: Traveller, rule: Rule) -> Tie | None:
    minutes = _minutes(one, other, rule)
    if minutes is None or not one.kind == other.kind == "checkpoint":
        return None
    return Tie(rule, rule.data.strength, UNKNOWN, minutes)


def _minutes(one: Traveller, other: Traveller, rule: Rule) -> int | None:
    """Whole minutes between two scans; None when that is longer, or elsewhere, than the rule allows."""
    apart = abs(one.occurred_at - other.occurred_at)
    elsewhere = rule.data.same_site and one.site_id != other.site_id
    if elsewhere or apart > timedelta(minutes=rule.data.within_minutes or 0):
        return None
    return int(apart.total_seconds()) // 60


_TIES = {"train": _train, "coach": _on_the_road, "vehicle": _on_the_road, "party": _party, "site": _site}
