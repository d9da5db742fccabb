"""Where people go: a village drawn over all eleven county areas, and the many ways people write it down.

The true code and the way of writing go into the history file beside the event id, so that the resolver's accuracy can be measured per way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from producers.simulator.parameters import CODED_DESTINATION_SHARE, DESTINATION_WEIGHTS
from reference.gazetteer import Area, Gazetteer
from reference.naming import stem_of_township, stem_of_village


@dataclass(frozen=True, slots=True)
class Home:
    """A village with the names above it; `later` is a name the township got in a later edition, if any."""

    village: Area
    township: Area
    county: Area
    later: str | None

    @property
    def stem(self) -> str:
        """What people call the village: 火店 for 火店村委会."""
        return stem_of_village(self.village.name)

    @property
    def short_county(self) -> str:
        """The county without its last character (夏邑), a zone by the name people use."""
        return _ZONE_NAMES.get(self.county.code, self.county.name[:-1])


@dataclass(frozen=True, slots=True)
class Destination:
    """As posted (`place`) and as it is: `truth` is a code, or `outside`, `ambiguous`, `unresolved`; `way` names how it was written."""

    place: dict[str, str]
    truth: str
    way: str


_ZONE_NAMES = {"411471": "示范区", "411472": "开发区"}
#: Names of the prefecture's county areas that people use alone.
_LOOKALIKES = {
    **{"楼": "娄", "娄": "楼", "张": "章", "岗": "冈", "堌": "固", "固": "堌", "庄": "荘", "周": "洲", "刘": "留", "侯": "候"},
    **{"寨": "塞", "堂": "唐", "桥": "乔", "乔": "桥", "阁": "阎", "口": "囗", "集": "即", "店": "点", "营": "盈", "王": "汪"},
}
_COMPOUNDS = ("锦绣花园", "阳光小区", "建业城", "盛世家园", "幸福苑")
_OUTSIDE = ("郑州市二七区大学路街道", "山东省菏泽市单县", "安徽亳州谯城区", "去徐州 路过", "开封市杞县城关镇", "上海浦东新区")
_VAGUE = ("回家", "县城", "老家", "商丘", "商丘市区", "亲戚家", "不知道", "单位", "", "无", "農村")
_DROPPED_TYPO_MIN = 3


def _digits(rng: Random, limit: int) -> str:
    return str(rng.randint(1, limit))


def _typo(rng: Random, home: Home) -> str:
    """The village with one character swapped for one that looks or sounds alike, or left out."""
    stem = home.stem
    swappable = [i for i, character in enumerate(stem) if character in _LOOKALIKES]
    if swappable:
        at = rng.choice(swappable)
        stem = stem[:at] + _LOOKALIKES[stem[at]] + stem[at + 1 :]
    elif len(stem) >= _DROPPED_TYPO_MIN:
        at = rng.randrange(len(stem))
        stem = stem[:at] + stem[at + 1 :]
    return f"{home.county.name}{home.township.name}{stem}村"


def _later(rng: Random, home: Home) -> str:
    return f"{home.county.name}{home.later or home.township.name}{home.stem}村"


def _compound(rng: Random, home: Home) -> str:
    return (
        f"{home.county.name}{home.township.name}{home.stem}{rng.choice(_COMPOUNDS)}"
        f"{_digits(rng, 30)}号楼{_digits(rng, 4)}单元{_digits(rng, 18)}0{_digits(rng, 4)}"
    )


#: Way of writing -> weight, writer. The weights are simulation parameters.
_WAYS: dict[str, tuple[float, Callable[[Random, Home], str]]] = {
    "official": (8, lambda r, h: f"河南省商丘市{h.county.name}{h.township.name}{h.village.name}"),
    "full": (12, lambda r, h: f"河南省商丘市{h.county.name}{h.township.name}{h.stem}村"),
    "no_province": (10, lambda r, h: f"商丘市{h.county.name}{h.township.name}{h.stem}村委会"),
    "county_first": (16, lambda r, h: f"{h.county.name}{h.township.name}{h.stem}村"),
    "abbreviated": (14, lambda r, h: f"{h.short_county}{stem_of_township(h.township.name)}{h.stem}"),
    "spaced": (5, lambda r, h: f"{h.short_county} {h.township.name} {h.stem}"),
    "no_county": (10, lambda r, h: f"{h.township.name}{h.stem}村"),
    "no_township": (5, lambda r, h: f"{h.county.name}{h.stem}村"),
    "village_only": (2, lambda r, h: f"{h.stem}村"),
    "house_number": (8, lambda r, h: f"{h.county.name}{h.township.name}{h.stem}村{_digits(r, 12)}组{_digits(r, 99)}号"),
    "compound": (3, _compound),
    "typo": (5, _typo),
    "later_name": (3, _later),
    "township_only": (2, lambda r, h: f"{h.county.name}{h.township.name}"),
    "county_only": (1, lambda r, h: f"商丘{h.county.name}"),
    "outside": (0.8, lambda r, h: r.choice(_OUTSIDE)),
    "vague": (1.2, lambda r, h: r.choice(_VAGUE)),
}
_TRUTH_OF_WAY: dict[str, Callable[[Home], str]] = {
    "township_only": lambda h: h.township.code,
    "county_only": lambda h: h.county.code,
    "outside": lambda h: "outside",
    "vague": lambda h: "unresolved",
}
_WAY_NAMES = tuple(_WAYS)
_WAY_WEIGHTS = tuple(accumulate(weight for weight, _ in _WAYS.values()))


class Destinations:
    """All villages of the city, drawn with the weights of the parameters."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        later = dict(gazetteer.later)
        self._homes = {
            county: [
                Home(village, township, area, later.get(township.code))
                for township in gazetteer.children(county)
                for village in gazetteer.children(township.code)
            ]
            for county in DESTINATION_WEIGHTS
            if (area := gazetteer.get(county)) is not None
        }
        self._renamed = [h for homes in self._homes.values() for h in homes if h.later]
        self._counties = tuple(self._homes)
        self._weights = tuple(accumulate(DESTINATION_WEIGHTS[county] for county in self._counties))

    def draw_home(self, rng: Random) -> Home:
        """A village somewhere in the city."""
        return rng.choice(self._homes[rng.choices(self._counties, cum_weights=self._weights)[0]])

    def describe(self, rng: Random, home: Home) -> Destination:
        """The destination as one traveller gives it: chosen from a list (a code), or written."""
        if rng.random() < CODED_DESTINATION_SHARE:
            return _coded(rng, home)
        way = rng.choices(_WAY_NAMES, cum_weights=_WAY_WEIGHTS)[0]
        if way == "later_name" and self._renamed:
            home = rng.choice(self._renamed)
        truth = _TRUTH_OF_WAY.get(way, lambda h: h.village.code)(home)
        text = _WAYS[way][1](rng, home)
        return Destination({"text": text} if text else {}, truth, way)


def same_as_above(first: Destination) -> Destination:
    """What the second member of a family writes."""
    return Destination({"text": "同上"}, first.truth, "same_as_above")


def _coded(rng: Random, home: Home) -> Destination:
    chance = rng.random()
    if chance < 0.85:
        return Destination({"code": home.village.code}, home.village.code, "coded")
    if chance < 0.97:
        place = {"code": home.township.code, "text": f"{home.stem}村{_digits(rng, 12)}组"}
        return Destination(place, home.village.code, "coded_township")
    return Destination({"code": home.county.code}, home.county.code, "coded_county")
