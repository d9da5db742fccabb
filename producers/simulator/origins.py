"""Where people come from, where they were in the last 14 days, and the plates and ID prefixes that go with it (or do not)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from random import Random

from producers.simulator import parameters as p
from producers.simulator.parameters import ORIGINS, OriginShare
from reference.gazetteer import Area, Gazetteer

_PLATE_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_HUBEI = "42"
_OBSERVED_DAYS = 14


@dataclass(frozen=True, slots=True)
class Origin:
    """A county people come from, with its prefecture's share and the official names from the province down."""

    share: OriginShare
    code: str
    city: str
    county: str

    @property
    def text(self) -> str:
        """As people write it: 浙江省杭州市余杭区 without the province."""
        return self.county if self.county.startswith(self.city) else self.city + self.county


class Origins:
    """The origins of the parameters with their counties out of the gazetteer."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._counties = {share.area: _counties(gazetteer, share.area) for share in ORIGINS}
        self._names = {share.area: _city_name(gazetteer, share.area) for share in ORIGINS}
        self._weights = tuple(accumulate(share.weight for share in ORIGINS))
        self._hubei = tuple(share for share in ORIGINS if share.area.startswith(_HUBEI))
        self._local = tuple(area.code for area in gazetteer.children("4114"))
        self._all = tuple(code for code, area in gazetteer.areas.items() if area.level == "county")

    def draw(self, rng: Random) -> Origin:
        """An origin for one party."""
        return self._origin(rng, rng.choices(ORIGINS, cum_weights=self._weights)[0])

    def draw_from(self, rng: Random, areas: frozenset[str]) -> Origin:
        """An origin among the given prefectures (the stops of a train)."""
        shares = [share for share in ORIGINS if share.area in areas]
        return self._origin(rng, rng.choices(shares, [share.weight for share in shares])[0])

    def place(self, rng: Random, origin: Origin) -> dict[str, str]:
        """The origin as posted: by code, by code and text, or by text alone."""
        if rng.random() >= p.CODED_ORIGIN_SHARE:
            return {"text": origin.text}
        if rng.random() < 0.5:
            return {"code": origin.code, "text": origin.text}
        return {"code": origin.code}

    def stays(self, rng: Random, origin: Origin, day: date) -> list[dict[str, object]]:
        """The last 14 days: mostly one place, for some two; for a few of them Hubei was one."""
        moved = day - timedelta(days=rng.randint(1, _OBSERVED_DAYS))
        earliest = day - timedelta(days=_OBSERVED_DAYS)
        if rng.random() < p.RECENT_HUBEI_SHARE:
            before = self._origin(rng, rng.choice(self._hubei))
        elif rng.random() < 0.1:
            before = self.draw(rng)
        else:
            return [_stay(origin.code, earliest, day)]
        return [_stay(before.code, earliest, moved), _stay(origin.code, moved, day)]

    def first_issued_at(self, rng: Random, origin: Origin) -> str:
        """The county in the ID number: where it was first issued, mostly home, and never evidence of an origin."""
        chance = rng.random()
        if chance < 0.7:
            return rng.choice(self._local)
        return origin.code if chance < 0.9 else rng.choice(self._all)

    def _origin(self, rng: Random, share: OriginShare) -> Origin:
        county = rng.choice(self._counties[share.area])
        return Origin(share, county.code, self._names[share.area], county.name)


def draw_plate(rng: Random, origin: Origin) -> str:
    """A made-up plate, in four of ten cases of Shangqiu; some new-energy, some written with a dot or in full width."""
    region = "豫N" if rng.random() < 0.4 else origin.share.plate
    style = rng.random()
    if style < 0.04:
        return f"{region}D{rng.choice(_LETTERS)}{rng.randrange(10**4):04d}"
    serial = "".join(rng.choice(_PLATE_CHARACTERS) for _ in range(2)) + f"{rng.randrange(1000):03d}"
    if style < 0.08:
        return f"{region}·{serial}"
    if style < 0.1:
        return region[0] + chr(ord(region[1]) + 0xFEE0) + serial
    return region + serial


def _stay(code: str, first: date, last: date) -> dict[str, object]:
    return {"place": {"code": code}, "from_day": first.isoformat(), "to_day": last.isoformat()}


def _counties(gazetteer: Gazetteer, area: str) -> tuple[Area, ...]:
    """The counties of a prefecture; municipalities have none in between, so their counties are found by prefix."""
    return tuple(gazetteer.below(area, "county"))


def _city_name(gazetteer: Gazetteer, area: str) -> str:
    found = gazetteer.get(area) or gazetteer.get(area[:2])
    return found.name if found else ""
