"""Where people go: a village drawn over all eleven county areas, and the many ways people write it down.

The true code and the way of writing go into the history file beside the event id, so that the resolver's accuracy can be
measured per way.
"""

from __future__ import annotations

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
        """The county without its last character (夏邑, but 睢县), a zone by the name people use."""
        name = self.county.name
        return _ZONE_NAMES.get(self.county.code, name[:-1] if len(name) > 2 else name)


@dataclass(frozen=True, slots=True)
class Destination:
    """As posted (`place`) and as it is: `truth` is a code, or `outside`, `ambiguous`, `unresolved`; `way` names how it
    was written.
    """

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


#: Way of writing -> weight, text. The weights are simulation parameters; the words come from `_words`.
_WAYS: dict[str, tuple[float, str]] = {
    "official": (8, "河南省商丘市{county}{township}{village}"),
    "full": (12, "河南省商丘市{county}{township}{stem}村"),
    "no_province": (10, "商丘市{county}{township}{stem}村委会"),
    "county_first": (16, "{county}{township}{stem}村"),
    "abbreviated": (14, "{short_county}{short_township}{stem}"),
    "spaced": (5, "{short_county} {township} {stem}"),
    "no_county": (10, "{township}{stem}村"),
    "no_township": (5, "{county}{stem}村"),
    "village_only": (2, "{stem}村"),
    "house_number": (8, "{county}{township}{stem}村{group}组{house}号"),
    "compound": (3, "{county}{township}{stem}{compound}{group}号楼{group}单元{house}0{group}"),
    "typo": (5, "{county}{township}{mistyped}村"),
    "later_name": (3, "{county}{later}{stem}村"),
    "township_only": (2, "{county}{township}"),
    "county_only": (1, "商丘{county}"),
    "outside": (0.8, "{outside}"),
    "vague": (1.2, "{vague}"),
}
_WAY_NAMES = tuple(_WAYS)
_WAY_WEIGHTS = tuple(accumulate(weight for weight, _ in _WAYS.values()))


def _words(rng: Random, home: Home) -> dict[str, str]:
    return {
        "county": home.county.name,
        "short_county": home.short_county,
        "township": home.township.name,
        "short_township": stem_of_township(home.township.name),
        "village": home.village.name,
        "stem": home.stem,
        "mistyped": _mistype(rng, home.stem),
        "later": home.later or home.township.name,
        "group": str(rng.randint(1, 12)),
        "house": str(rng.randint(1, 99)),
        "compound": rng.choice(_COMPOUNDS),
        "outside": rng.choice(_OUTSIDE),
        "vague": rng.choice(_VAGUE),
    }


def _mistype(rng: Random, stem: str) -> str:
    """The village with one character swapped for one that looks or sounds alike, or left out."""
    swappable = [i for i, character in enumerate(stem) if character in _LOOKALIKES]
    if swappable:
        at = rng.choice(swappable)
        return stem[:at] + _LOOKALIKES[stem[at]] + stem[at + 1 :]
    if len(stem) < _DROPPED_TYPO_MIN:
        return stem
    at = rng.randrange(len(stem))
    return stem[:at] + stem[at + 1 :]


def _truth(way: str, home: Home) -> str:
    """The code that was meant, or the word for what cannot be located."""
    special = {"township_only": home.township.code, "county_only": home.county.code, "outside": "outside", "vague": "unresolved"}
    return special.get(way, home.village.code)


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
        text = _WAYS[way][1].format_map(_words(rng, home))
        return Destination({"text": text} if text else {}, _truth(way, home), way)


def same_as_above(first: Destination) -> Destination:
    """What the second member of a family writes."""
    return Destination({"text": "同上"}, first.truth, "same_as_above")


def _coded(rng: Random, home: Home) -> Destination:
    chance = rng.random()
    if chance < 0.85:
        return Destination({"code": home.village.code}, home.village.code, "coded")
    if chance < 0.97:
        place = {"code": home.township.code, "text": f"{home.stem}村{rng.randint(1, 12)}组"}
        return Destination(place, home.village.code, "coded_township")
    return Destination({"code": home.county.code}, home.county.code, "coded_county")
