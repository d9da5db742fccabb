"""People who travel together: a car, an organised coach, a group from a train. They share origin, address, party and vehicle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from producers.simulator import parameters as p
from producers.simulator.destinations import Destination, Destinations, same_as_above
from producers.simulator.origins import Origin, Origins, draw_plate
from producers.simulator.people import draw_surname, make_person
from producers.simulator.trains import Train
from reference.gazetteer import Gazetteer

#: P (see `parameters`): what people say why they travel and where they will live.
_PURPOSES = {"home": 58, "work": 9, "work_resumption": 12, "supplies": 6, "epidemic_prevention": 3, "transit": 3, "other": 9}
_LODGINGS = {"own_home": 78, "relatives": 6, "rented": 7, "employer": 4, "hotel": 2, "isolation_site": 0.5, "unknown": 2.5}
_ROLES = {"private": 88, "truck": 9, "official": 1.5, "ambulance": 0.5, "other": 1}
_SYMPTOMS = ("cough", "fatigue", "breathless", "diarrhoea", "other")
_NEEDS_PASS = frozenset({"supplies", "epidemic_prevention", "work_resumption"})


@dataclass(frozen=True, slots=True)
class Traveller:
    """One person's scan without identity and times, and the truth about the destination."""

    fields: dict[str, Any]
    destination: Destination


class Parties:
    """Makes parties of one day."""

    def __init__(self, gazetteer: Gazetteer, day: date) -> None:
        self._origins = Origins(gazetteer)
        self._destinations = Destinations(gazetteer)
        self._day = day

    def car(self, rng: Random, people: int, party: str) -> list[Traveller]:
        """A family or colleagues in one car, or the driver of a lorry, with a pass where the purpose asks for one."""
        origin = self._origins.draw(rng)
        purpose = _pick(rng, _PURPOSES)
        role = "truck" if purpose == "supplies" and people <= 2 else _pick(rng, _ROLES)
        vehicle: dict[str, Any] = {"plate": draw_plate(rng, origin), "role": role}
        if purpose in _NEEDS_PASS and rng.random() < 0.6:
            vehicle["pass_id"] = f"HN-{rng.choice('AAB')}-{rng.randrange(10**6):06d}"
        travellers = self._family(rng, people, origin, purpose)
        for seat, traveller in enumerate(travellers, 1):
            traveller.fields.update({"kind": "checkpoint", "party_id": party, "vehicle": vehicle | {"seat": str(seat)}})
        return travellers

    def coach(self, rng: Random, people: int, party: str) -> list[Traveller]:
        """Workers brought point to point: one plate, one pass, seats kept, each to their own village."""
        origin = self._origins.draw(rng)
        vehicle = {"plate": draw_plate(rng, origin), "role": "coach", "pass_id": f"HN-C-{rng.randrange(10**6):06d}"}
        travellers = [self._family(rng, 1, origin, "work_resumption")[0] for _ in range(people)]
        for seat, traveller in enumerate(travellers, 1):
            traveller.fields.update({"kind": "checkpoint", "party_id": party, "vehicle": vehicle | {"seat": f"{seat:02d}"}})
        return travellers

    def passengers(self, rng: Random, people: int, party: str, train: Train, station: str) -> list[Traveller]:
        """People who got off together, in neighbouring seats."""
        origin = self._origins.draw_from(rng, train.stops)
        coach, seats = train.draw_seats(rng, people)
        leg = {
            "train": train.draw_number(rng),
            "service_date": train.service_date(self._day).isoformat(),
            "coach": coach,
            "from_station": origin.share.station,
            "to_station": station,
        }
        travellers = self._family(rng, people, origin, _pick(rng, _PURPOSES))
        for traveller, seat in zip(travellers, seats, strict=True):
            traveller.fields.update({"kind": "rail", "rail": leg | {"seat": seat}})
            if people > 1:
                traveller.fields["party_id"] = party
        return travellers

    def _family(self, rng: Random, people: int, origin: Origin, purpose: str) -> list[Traveller]:
        home = self._destinations.draw_home(rng)
        stays = self._origins.stays(rng, origin, self._day)
        lodging, surname = _pick(rng, _LODGINGS), draw_surname(rng)
        given = self._destinations.describe(rng, home)
        travellers = []
        for member in range(people):
            same = member > 0 and "text" in given.place and rng.random() < 0.04
            said = same_as_above(given) if same else given
            person = make_person(rng, self._origins.first_issued_at(rng, origin), surname if rng.random() < 0.7 else None)
            fields: dict[str, Any] = {
                "person": person,
                "origin": self._origins.place(rng, origin),
                "destination": said.place,
                "stays": stays,
                "purpose": purpose,
                "lodging": lodging,
                **_health(rng),
            }
            travellers.append(Traveller(fields, said))
        return travellers


def _health(rng: Random) -> dict[str, Any]:
    """Temperature and symptoms; a missing temperature is left out, never zero on purpose."""
    chance = rng.random()
    if chance < p.MISSING_TEMPERATURE_SHARE:
        return {}
    if chance < p.MISSING_TEMPERATURE_SHARE + p.ODD_TEMPERATURE_SHARE:
        return {"temperature_c": rng.choice((98.1, 365.0, 0.0, 3.66))}
    if chance > 1 - p.FEVER_SHARE:
        low, high = p.FEVER_RANGE
        symptoms = rng.sample(_SYMPTOMS, rng.randint(0, 2))
        return {"temperature_c": round(rng.triangular(low, high, low + 0.2), 1), "symptoms": ["fever", *symptoms]}
    mean, spread = p.NORMAL_TEMPERATURE
    health: dict[str, Any] = {"temperature_c": round(min(37.2, max(35.3, rng.gauss(mean, spread))), 1)}
    if rng.random() < 0.004:
        health["symptoms"] = [rng.choice(_SYMPTOMS)]
    return health


def _pick(rng: Random, weights: dict[str, Any]) -> str:
    names: Sequence[str] = tuple(weights)
    return rng.choices(names, tuple(weights.values()))[0]
