"""Finds township and village of an address whose county, or at least whose city, is known. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reference.area_index import Name
from reference.area_names import is_road
from reference.places import AROUND_ZONES, EMPTY, Codes, Places
from reference.resolution import CITY, COUNTY, NOTHING, TOWNSHIP, Reading, one_or_more, placed, undecided
from reference.slips import SCORES, Judge, Slip
from reference.villages import BREAK, NO_VILLAGE, Around, Found, is_explicit, is_tail, read_village

#: Characters a township's name has at most before its kind, when nobody knows it.
LONGEST_STEM = 4

Hits = Sequence[tuple[int, int, Name]]
_TOWNSHIP_KIND = re.compile(r"回族镇|街道办事处|街道办|街道|办事处|镇|乡")
#: What people write before an address: it says nothing about the place.
_TALK = re.compile(
    r"^(?:家住|现住|住在|住|我家|我|家|老家|在|是|回|去|到|至|往|返|返乡|目的地|地址|的|城|县城|市区|城区|境内|辖区|下辖)*$"
)
_COUNTY_KINDS = frozenset("县市区")
_AREA_KIND = re.compile(r"[\u4e00-\u9fff](?:县|市|区|省|州|旗)$")


@dataclass(frozen=True, slots=True, eq=False)
class LocalSearch:
    """The search below county and city."""

    places: Places
    judge: Judge

    def in_county(self, text: str, county: str, at: int, hits: Hits) -> Reading:
        """The place in a county whose name ends at `at`."""
        hit = _first(hits, at, ("township",))
        if hit is not None and (hit[0] == at or _TALK.match(text[at : hit[0]])):
            reading = self._township_hit(text, county, hit)
            return reading if reading.code and len(reading.code) > TOWNSHIP else self._or_shorter(text, county, at, reading)
        short = self._short_township(text, county, at)
        if short is not None:
            return short
        return self._without_township(text, county, at, hit)

    def _or_shorter(self, text: str, county: str, at: int, reading: Reading) -> Reading:
        """Where the township with its kind leads to no village, perhaps the kind begins the village's name: 镇里固 镇北."""
        codes, end = self.places.townships.get(county, EMPTY).longest(text, at)
        if len(codes) == 1 and len(codes[0]) == TOWNSHIP:
            found = self.village(text, end, codes[0])
            if found.method == "exact" and len(found.codes) == 1:
                return placed(found.codes[0], 0.85, "short_township+exact")
        return reading

    def in_township(self, text: str, street: str, at: int, method: str, score: float) -> Reading:
        """The village in a township whose name ends at `at`; the township counts even where the village lies elsewhere."""
        if at >= len(text):
            return placed(street, min(score, 0.9), method)
        return self._with_village(text, street, at, self.village(text, at, street), method, score)

    def _with_village(self, text: str, street: str, at: int, found: Found, method: str, score: float) -> Reading:
        """The reading of a township together with what was found of a village behind it."""
        if len(found.codes) == 1:
            return placed(found.codes[0], min(score, found.score), f"{method}+{found.method}")
        if found.codes:
            return undecided(found.codes, f"{method}+{found.method}")
        elsewhere = self._exact(text, at, street[:COUNTY]) if found.named else ()
        if elsewhere:
            return placed(street, min(score, 0.8), method, (*elsewhere, *found.near), "village_elsewhere")
        unknown = "village_unknown" if found.explicit and len(found.named) > 1 else None
        return placed(street, min(score, 0.9), method, found.near, unknown)

    def village(self, text: str, at: int, area: str) -> Found:
        """What the text says of a village of an area (a township, a county or the city)."""
        if at >= len(text):
            return NO_VILLAGE
        villages = self.places.villages
        around = Around(villages.get(area[:COUNTY], EMPTY).names, villages[CITY], self.judge)
        return read_village(text, at, villages.get(area, EMPTY), around)

    def _exact(self, text: str, at: int, area: str) -> Codes:
        """The villages of an area whose name stands at a place and ends there."""
        codes, end = self.places.villages.get(area, EMPTY).longest(text, at)
        return codes if codes and is_tail(text, end) else ()

    def _township_hit(self, text: str, county: str, hit: tuple[int, int, Name]) -> Reading:
        """A township written with its kind after a county."""
        _, end, name = hit
        inside = [code for code in name.codes if code[:COUNTY] == county]
        if not inside and county in AROUND_ZONES:
            inside = [code for code in name.codes if code[:COUNTY] in AROUND_ZONES]
        if not inside:
            return undecided((*name.codes, county), "township", "township_elsewhere")
        if len(inside[0]) == COUNTY:
            return self._later_township(text, county, end)
        return self.in_township(text, inside[0], end, "township", 1.0)

    def _later_township(self, text: str, county: str, at: int) -> Reading:
        """A township founded after the edition from parts of several: only its villages tell where it was."""
        found = self.village(text, at, county)
        if len(found.codes) == 1 and found.method == "exact":
            return placed(found.codes[0], 0.8, "later_name+exact", (), "later_name")
        return placed(county, 0.8, "later_name", found.codes, "later_name")

    def _short_township(self, text: str, county: str, at: int) -> Reading | None:
        """A township written without its kind (夏邑车站火店), unless the name is that of a village."""
        table = self.places.townships.get(county, EMPTY)
        codes, end = table.longest(text, at)
        if len(codes) != 1 or len(codes[0]) != TOWNSHIP or end - at < len("车站"):
            return None
        below = self.village(text, end, codes[0])
        if below.method != "exact":
            whole, whole_end = self.places.villages[county].longest(text, at)
            if whole and whole_end >= end and is_tail(text, whole_end):
                return self._same_name(text, codes[0], end, whole, whole_end)
            if is_road(text, end, full=False):
                return None
        return self._with_village(text, codes[0], end, below, "short_township", 0.95)

    def _same_name(self, text: str, street: str, end: int, villages: Codes, village_end: int) -> Reading | None:
        """A bare name of a township that villages bear too. Written with 村 it is a village."""
        if village_end > end or text[end : end + 1] in ("村", "社", "居", "行", "自"):
            return None
        away = [code for code in villages if code[:TOWNSHIP] != street]
        if away:
            return undecided((street, *villages), "short_township")
        return placed(street, 0.8, "short_township", villages)

    def _without_township(self, text: str, county: str, at: int, hit: tuple[int, int, Name] | None) -> Reading:
        """County and village, a township with a slip, or no more than the county."""
        exact = self._exact(text, at, county)
        if exact or at >= len(text):
            return one_or_more(exact, 0.9, "village_in_county") if exact else placed(county, 0.9, "county")
        slip = self._slipped_township(text, county, at)
        if slip is not None:
            return slip
        if hit is not None and any(code[:COUNTY] == county for code in hit[2].codes) and text[hit[0] - 1] in BREAK:
            return self._township_hit(text, county, hit)
        found = self.village(text, at, county)
        if found.method == "further_on":
            return one_or_more(found.codes, 0.75, "village_in_county")
        if found.method == "slip" and found.explicit and found.score >= SCORES[Slip.SAME_SHAPE]:
            return one_or_more(found.codes, 0.7, "village_in_county+slip")
        return self._county_alone(text, county, at)

    def _county_alone(self, text: str, county: str, at: int) -> Reading:
        kind = _TOWNSHIP_KIND.search(text, at + 1)
        unknown = kind is not None and kind.start() - at <= LONGEST_STEM and text[kind.start()] != "街"
        return placed(county, 0.9, "county", (), "township_unknown" if unknown else None)

    def _slipped_township(self, text: str, area: str, at: int) -> Reading | None:
        """A township of a county, or of the city, with one wrong character, written with its kind."""
        kind = _TOWNSHIP_KIND.search(text, at + 1, at + 7)
        if kind is None:
            return None
        near = self.judge.nearest(text[at : kind.start()], self.places.townships.get(area, EMPTY), ())
        if near is None or near.slip is Slip.OTHER or (area == CITY and near.slip is Slip.UNLIKE):
            return None
        streets = [code for code in near.codes if len(code) == TOWNSHIP]
        answers = [self.in_township(text, s, kind.end(), "township_slip", SCORES[near.slip]) for s in streets]
        if len(answers) == 1 and area != CITY:
            return answers[0]
        firm = [a for a in answers if a.code and len(a.code) > TOWNSHIP]
        return firm[0] if len(firm) == 1 else undecided(streets, "township_slip") if streets else None

    def in_city(self, text: str, at: int, hits: Hits, named: bool) -> Reading:
        """The place where no county is named; `named` tells whether the city is."""
        hit = _first(hits, at, ("township", "zone"))
        if hit is not None:
            gap = text[at : hit[0]]
            if not gap or _TALK.match(gap):
                return self._hit_in_city(text, hit, hits)
        slipped = self._slipped_county(text, at, hits, named)
        if slipped is not None:
            return slipped
        if hit is not None and _AREA_KIND.search(text[at : hit[0]]):
            return self._unknown_area(text, hit, hits)
        return self._bare(text, at, named)

    def _slipped_county(self, text: str, at: int, hits: Hits, named: bool) -> Reading | None:
        """A county of the city with one wrong character; where the character is unlike, the city and a township must
        bear it out.
        """
        end = at + len("夏邑县")
        near = self.judge.nearest(text[at:end], self.places.counties, ()) if text[end - 1 : end] in _COUNTY_KINDS else None
        if near is None or near.slip > Slip.UNLIKE or len(near.codes) > 1:
            return None
        inner = self.in_county(text, near.codes[0], end, hits)
        if near.slip is Slip.UNLIKE and not (named and inner.status == "ok" and inner.mismatch is None):
            return None
        return inner._replace(score=min(inner.score, SCORES[near.slip]), method=f"county_slip+{inner.method}")

    def _hit_in_city(self, text: str, hit: tuple[int, int, Name], hits: Hits) -> Reading:
        """A township or a zone, and no county."""
        _, end, name = hit
        if name.kind == "zone":
            return self._in_zone(text, name.codes, end, hits)
        streets = [code for code in name.codes if len(code) == TOWNSHIP]
        if not streets:
            return self._later_township(text, name.codes[0], end)
        if len(streets) == 1:
            return self.in_township(text, streets[0], end, "township_in_city", 0.95)
        return self._which_township(text, streets, end)

    def _which_township(self, text: str, streets: list[str], at: int) -> Reading:
        """Several townships of one name: the village tells which."""
        read = [(street, self.village(text, at, street)) for street in streets]
        for firm in ("exact", "slip"):
            having = [found.codes for _, found in read if found.codes and found.method == firm]
            if having:
                codes = tuple(code for codes in having for code in codes)
                return one_or_more(codes, 0.9 if firm == "exact" else 0.7, f"township_in_city+{firm}")
        return undecided(streets, "township_in_city")

    def _in_zone(self, text: str, zones: Codes, at: int, hits: Hits) -> Reading:
        """A zone, or both where the name does not tell; a township or village of theirs settles it."""
        inner = [reading for zone in zones if (reading := self.in_county(text, zone, at, hits)).code not in (zone, None, CITY)]
        firm = [reading for reading in inner if reading.status == "ok"] or inner
        if len({reading.code for reading in firm}) == 1:
            return firm[0]
        if len(zones) == 1:
            return placed(zones[0], 0.9, "zone")
        return undecided(zones, "zone")

    def _unknown_area(self, text: str, hit: tuple[int, int, Name], hits: Hits) -> Reading:
        """A county nobody knows stands before a township of ours: the township is a candidate, not an answer."""
        return undecided(self._hit_in_city(text, hit, hits).candidates or hit[2].codes, "township_in_city", "area_unknown")

    def _bare(self, text: str, at: int, named: bool) -> Reading:
        """Names without a kind, or a village alone; whatever is not firm leaves the city or nothing."""
        nothing = placed(CITY, 0.9, "city") if named else NOTHING
        if at >= len(text) or _TALK.match(text[at:]):
            return nothing
        codes, end = self.places.townships[CITY].longest(text, at)
        streets = [code for code in codes if len(code) == TOWNSHIP and end < len(text)]
        read = [self.village(text, end, street) for street in streets]
        pairs = [code for found in read if found.method == "exact" for code in found.codes]
        if pairs:
            return one_or_more(pairs, 0.85, "short_township+exact")
        return self._village_alone(text, at, codes, end) or self._slipped_township(text, CITY, at) or nothing

    def _village_alone(self, text: str, at: int, townships: Codes, township_end: int) -> Reading | None:
        """A village with neither township nor county: it must be the only one, and be written in full."""
        table = self.places.villages[CITY]
        codes, end = table.longest(text, at)
        if codes and is_tail(text, end):
            if is_explicit(text, end) or (end == len(text) and end - at > len("张庄")):
                return one_or_more(codes, 0.7, "village_in_city")
            if end == len(text):
                return undecided((*(c for c in townships if township_end == end), *codes), "bare_name")
        if townships and township_end == len(text):
            return undecided(townships, "bare_name")
        return None


def _first(hits: Hits, at: int, kinds: tuple[str, ...]) -> tuple[int, int, Name] | None:
    """The first hit of some kinds from a place on."""
    for hit in hits:
        if hit[0] >= at and hit[2].kind in kinds:
            return hit
    return None
