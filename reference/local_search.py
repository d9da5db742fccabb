"""Finds township and village of an address whose county, or at least whose city, is known. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reference.area_index import Name
from reference.places import AROUND_ZONES, EMPTY, ZONES, Codes, Places, Table
from reference.resolution import CITY, COUNTY, TOWNSHIP, Resolution, placed, undecided
from reference.slips import SCORES, Judge, Slip
from reference.villages import Found, is_tail, name_at, read_village

Hits = Sequence[tuple[int, int, Name]]
_TOWNSHIP_KIND = re.compile(r"回族镇|街道办事处|街道办|街道|办事处|镇|乡")
#: What people write before an address: it says nothing about the place.
_TALK = re.compile(r"^(?:家住|现住|住在|住|我家|我|家|老家|在|是|回|去|到|至|往|返|返乡|目的地|地址|的|县城|市区|城区|境内|辖区|下辖)*$")
_AREA_KIND = re.compile(r"[\u4e00-\u9fff](?:县|市|区|省|州|旗)$")


@dataclass(frozen=True, slots=True, eq=False)
class LocalSearch:
    """The search below county and city."""

    places: Places
    judge: Judge

    def in_county(self, text: str, county: str, at: int, hits: Hits) -> Resolution:
        """The place in a county whose name ends at `at`."""
        hit = next((h for h in hits if h[0] >= at and h[2].kind == "township"), None)
        if hit is not None and (hit[0] == at or _TALK.match(text[at : hit[0]])):
            return self._township_hit(text, county, hit)
        short = self._short_township(text, county, at)
        if short is not None:
            return short
        return self._without_township(text, county, at, hit)

    def in_township(self, text: str, street: str, at: int, method: str, score: float) -> Resolution:
        """The village in a township whose name ends at `at`; the township counts even where the village lies elsewhere."""
        found = self.village(text, at, street)
        if len(found.codes) == 1:
            return placed(text, found.codes[0], min(score, found.score), f"{method}+{found.method}")
        if found.codes:
            return undecided(text, found.codes, f"{method}+{found.method}")
        elsewhere = self._elsewhere(text, at, street) if found.named else ()
        if elsewhere:
            return placed(text, street, min(score, 0.8), method, (*elsewhere, *found.near), "village_elsewhere")
        unknown = "village_unknown" if found.explicit and len(found.named) > 1 else None
        return placed(text, street, min(score, 0.9), method, found.near, unknown)

    def village(self, text: str, at: int, area: str) -> Found:
        """What the text says of a village of an area (a township, a county or the city)."""
        if at >= len(text):
            return Found()
        return read_village(text, at, self.places.villages.get(area, EMPTY), self.places.villages[CITY], self.judge)

    def _elsewhere(self, text: str, at: int, street: str) -> Codes:
        """Villages of the same county that bear the name which the named township does not have."""
        codes, end = self.places.villages[street[:COUNTY]].longest(text, at)
        return codes if codes and is_tail(text, end) else ()

    def _township_hit(self, text: str, county: str, hit: tuple[int, int, Name]) -> Resolution:
        """A township written with its kind after a county."""
        _, end, name = hit
        inside = [code for code in name.codes if code[:COUNTY] == county]
        if not inside and county in AROUND_ZONES:
            inside = [code for code in name.codes if code[:COUNTY] in AROUND_ZONES]
        if not inside:
            return self._township_elsewhere(text, county, end, name)
        if len(inside[0]) == COUNTY:
            return self._later_township(text, county, end)
        return self.in_township(text, inside[0], end, "township", 1.0)

    def _township_elsewhere(self, text: str, county: str, end: int, name: Name) -> Resolution:
        """County and township contradict each other: neither is taken for right."""
        return undecided(text, (*name.codes, county), "township", "township_elsewhere")

    def _later_township(self, text: str, county: str, at: int) -> Resolution:
        """A township founded after the edition from parts of several: only its villages tell where it was."""
        found = self.village(text, at, county)
        if len(found.codes) == 1 and found.method == "exact":
            return placed(text, found.codes[0], 0.8, "later_name+exact", (), "later_name")
        return placed(text, county, 0.8, "later_name", found.codes, "later_name")

    def _short_township(self, text: str, county: str, at: int) -> Resolution | None:
        """A township written without its kind (夏邑车站火店), unless the name is that of a village."""
        table = self.places.townships.get(county, EMPTY)
        codes, end = table.longest(text, at)
        streets = [code for code in codes if len(code) == TOWNSHIP]
        if len(streets) != 1 or len(text[at:end]) < 2:
            return None
        street = streets[0]
        below = self.village(text, end, street)
        if below.codes and below.method == "exact":
            return self.in_township(text, street, end, "short_township", 0.95)
        whole, whole_end = self.places.villages[county].longest(text, at)
        if whole and whole_end >= end and is_tail(text, whole_end):
            return self._same_name(text, street, end, whole, whole_end)
        return self.in_township(text, street, end, "short_township", 0.85)

    def _same_name(self, text: str, street: str, end: int, villages: Codes, village_end: int) -> Resolution | None:
        """A bare name of a township that villages bear too. Written with 村 it is a village."""
        if village_end > end or text[end : end + 1] in ("村", "社", "居", "行", "自"):
            return None
        away = [code for code in villages if code[:TOWNSHIP] != street]
        if away:
            return undecided(text, (street, *villages), "short_township")
        return placed(text, street, 0.8, "short_township", villages)

    def _without_township(self, text: str, county: str, at: int, hit: tuple[int, int, Name] | None) -> Resolution:
        """County and village, a township with a slip, or no more than the county."""
        found = self.village(text, at, county)
        if found.codes and found.method == "exact":
            return _one_or_more(text, found.codes, 0.9, "village_in_county")
        slip = self._slipped_township(text, county, at)
        if slip is not None:
            return slip
        if hit is not None and any(code[:COUNTY] == county for code in hit[2].codes) and _is_break(text, hit[0]):
            return self._township_hit(text, county, hit)
        if found.codes and found.method == "slip" and found.explicit and found.score >= SCORES[Slip.SIMILAR_SHAPE]:
            return _one_or_more(text, found.codes, 0.7, "village_in_county+slip")
        return self._county_alone(text, county, at)

    def _county_alone(self, text: str, county: str, at: int) -> Resolution:
        kind = _TOWNSHIP_KIND.search(text, at + 1)
        unknown = kind is not None and kind.start() - at <= 4 and text[kind.start()] != "街"
        return placed(text, county, 0.9, "county", (), "township_unknown" if unknown else None)

    def _slipped_township(self, text: str, county: str, at: int) -> Resolution | None:
        """A township of the county with one wrong character, written with its kind."""
        kind = _TOWNSHIP_KIND.search(text, at + 1, at + 7)
        if kind is None:
            return None
        near = self.judge.nearest(text[at : kind.start()], self.places.townships.get(county, EMPTY))
        if near is None or near.slip is Slip.OTHER:
            return None
        streets = [code for code in near.codes if len(code) == TOWNSHIP]
        answers = [self.in_township(text, s, kind.end(), "township_slip", SCORES[near.slip]) for s in streets]
        if len(answers) == 1:
            return answers[0]
        firm = [a for a in answers if a.village_code]
        return firm[0] if len(firm) == 1 else undecided(text, streets, "township_slip") if streets else None

    def in_city(self, text: str, at: int, hits: Hits, named: bool) -> Resolution:
        """The place where no county is named; `named` tells whether the city is."""
        hit = next((h for h in hits if h[0] >= at and h[2].kind != "area"), None)
        if hit is not None:
            gap = text[at : hit[0]]
            if not gap or _TALK.match(gap):
                return self._hit_in_city(text, hit, hits)
            if _AREA_KIND.search(gap):
                return self._unknown_area(text, gap, hit, hits)
        return self._bare(text, at, named)

    def _hit_in_city(self, text: str, hit: tuple[int, int, Name], hits: Hits) -> Resolution:
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

    def _which_township(self, text: str, streets: list[str], at: int) -> Resolution:
        """Several townships of one name: the village tells which."""
        read = [(street, self.village(text, at, street)) for street in streets]
        for firm in ("exact", "slip"):
            having = [found.codes for _, found in read if found.codes and found.method == firm]
            if having:
                codes = tuple(code for codes in having for code in codes)
                return _one_or_more(text, codes, 0.9 if firm == "exact" else 0.7, f"township_in_city+{firm}")
        return undecided(text, streets, "township_in_city")

    def _in_zone(self, text: str, zones: Codes, at: int, hits: Hits) -> Resolution:
        """A zone, or both where the name does not tell; a township or village of theirs settles it."""
        for zone in zones:
            inner = self.in_county(text, zone, at, hits)
            if inner.status == "ok" and inner.unit and inner.unit[:COUNTY] in ZONES:
                return inner
        if len(zones) == 1:
            return placed(text, zones[0], 0.9, "zone")
        return undecided(text, zones, "zone")

    def _unknown_area(self, text: str, gap: str, hit: tuple[int, int, Name], hits: Hits) -> Resolution:
        """A county nobody knows stands before a township of ours: the township is a candidate, not an answer."""
        return undecided(text, self._hit_in_city(text, hit, hits).candidates or hit[2].codes, "township_in_city", "area_unknown")

    def _bare(self, text: str, at: int, named: bool) -> Resolution:
        """Names without a kind, or a village alone; whatever is not firm leaves the city or nothing."""
        nothing = placed(text, CITY, 0.9, "city") if named else Resolution(text, "unresolved")
        if at >= len(text):
            return nothing
        codes, end = self.places.townships[CITY].longest(text, at)
        pairs = [
            code
            for street in codes
            if len(street) == TOWNSHIP and end < len(text)
            for code in (found := self.village(text, end, street)).codes
            if found.method == "exact"
        ]
        if pairs:
            return _one_or_more(text, tuple(pairs), 0.85, "short_township+exact")
        return self._village_alone(text, at, codes, end) or nothing

    def _village_alone(self, text: str, at: int, townships: Codes, township_end: int) -> Resolution | None:
        """A village with neither township nor county: it must be the only one, and be written in full."""
        table = self.places.villages[CITY]
        codes, end = table.longest(text, at)
        if codes and is_tail(text, end):
            _, explicit = name_at(text, at)
            if explicit or (end == len(text) and end - at > 2):
                return _one_or_more(text, codes, 0.7, "village_in_city")
            if end == len(text):
                return undecided(text, (*(c for c in townships if township_end == end), *codes), "bare_name")
        if townships and township_end == len(text):
            return undecided(text, townships, "bare_name")
        return None


def _one_or_more(text: str, codes: Codes, score: float, method: str) -> Resolution:
    return placed(text, codes[0], score, method) if len(set(codes)) == 1 else undecided(text, codes, method)


def _is_break(text: str, at: int) -> bool:
    return text[at - 1] in "路街道号巷口旁边侧院园城头内处区"
