"""Finds township and village of an address whose county is known. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from reference.address_words import is_goal
from reference.area_index import Name
from reference.area_names import is_road
from reference.name_table import EMPTY, Codes
from reference.naming import TOWNSHIP_KINDS
from reference.places import AROUND_ZONES, ZONES, Places
from reference.resolution import CITY, COUNTY, TOWNSHIP, VILLAGE, Reading, one_or_more, placed, undecided
from reference.slips import SCORES, Judge, Slip
from reference.villages import NO_VILLAGE, Around, Found, is_tail, read_village

#: How names of townships end that tell by themselves what they are: 产业集聚区, 农场.
_KINDS_IN_NAME = frozenset("区场")
#: What stands between two townships neither of which is the answer.
_OR = frozenset(["", "或", "或者", "和", "与", "及", "还是"])
#: Characters of a township's name and its kind at most, with a character too many.
_LONGEST_WRITTEN = 7
#: Characters a township's name has at most before its kind, when nobody knows it.
LONGEST_STEM = 4

Hit = tuple[int, int, Name]
Hits = Sequence[Hit]
_TOWNSHIP_KIND = re.compile(r"回族镇|街道办事处|街道办|街道|办事处|镇|乡")
#: What people write before an address: it says nothing about the place.
TALK = re.compile(
    r"^(?:家住|现住|住在|住|我家|我|家|老家|在|是|回|去|到|至|往|返|返乡|目的地|地址|的|城|县城|市区|城区|境内|辖区|下辖)*$"
)


@dataclass(frozen=True, slots=True, eq=False)
class CountySearch:
    """The search below a county."""

    places: Places
    judge: Judge

    def in_county(self, text: str, county: str, at: int, hits: Hits) -> Reading:
        """The place in a county whose name ends at `at`."""
        hit = first_hit(text, hits, at, ("township",))
        if hit is not None and (hit[0] == at or TALK.match(text[at : hit[0]])):
            reading = self._township_hit(text, county, hit, hits)
            return reading if reading.code and len(reading.code) > TOWNSHIP else self._or_shorter(text, county, at, reading)
        short = self._short_township(text, county, at)
        if short is not None:
            return short
        return self._without_township(text, county, at, hits)

    def _or_shorter(self, text: str, county: str, at: int, reading: Reading) -> Reading:
        """Where the township with its kind leads to no village, perhaps the kind begins the village's name: 镇里固 镇北."""
        codes, end = self.places.townships.get(county, EMPTY).longest(text, at)
        if len(codes) == 1 and len(codes[0]) == TOWNSHIP:
            exact = self._exact(text, end, codes[0])
            if len(exact) == 1:
                return placed(exact[0], 0.85, "short_township+exact")
        return reading

    def in_township(self, text: str, street: str, span: tuple[int, int], method: str, score: float) -> Reading:
        """The village in a township named at `span`; the township counts even where the village lies elsewhere."""
        end = span[1]
        if end >= len(text):
            return placed(street, min(score, 0.9), method)
        found = self.village(text, end, street)
        if found.method != "exact":
            again = _after_repeat(text, *span)
            second = self.village(text, again, street) if again else NO_VILLAGE
            if second.codes:
                end, found = again, second
        return self._with_village(text, street, end, found, method, score)

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
        return read_village(text, at, self.places.villages.get(area, EMPTY), self._around(area[:COUNTY]))

    @lru_cache(maxsize=32)  # noqa: B019 - as long-lived as the gazetteer
    def _around(self, county: str) -> Around:
        """What names in a county are weighed against."""
        villages = self.places.villages
        return Around(villages.get(county, EMPTY).names, villages[CITY], self.judge)

    def _exact(self, text: str, at: int, area: str) -> Codes:
        """The villages of an area whose name stands at a place and ends there."""
        codes, end = self.places.villages.get(area, EMPTY).longest(text, at)
        return codes if codes and is_tail(text, end) else ()

    def village_before(self, text: str, start: int, end: int, streets: Sequence[str]) -> Codes:
        """The villages of some townships that the text between two places names in full: 张庄村火店镇."""
        before = text[start:end]
        if len(before) < len("张庄"):
            return ()
        return tuple(code for street in streets for code in self._exact(before, 0, street))

    def _township_hit(self, text: str, county: str, hit: Hit, hits: Hits) -> Reading:
        """A township written with its kind after a county."""
        inside = within(hit, county)
        if not inside:
            slipped = self.slipped_township(text, county, hit[0])
            there = any(self._exact(text, hit[1], code) for code in hit[2].codes)
            if slipped is not None and is_village(slipped) and slipped.method.endswith("exact") and not there:
                return slipped
            return undecided((*hit[2].codes, county), "township", "township_elsewhere")
        if len(inside[0]) == COUNTY:
            return self.later_township(text, county, hit[1])
        span = repeated_hit(hit, hits)
        other = [
            h for h in hits if text[span[1] : h[0]] in _OR and h[0] >= span[1] and h[2].kind == "township" and within(h, county)
        ]
        if other:
            return undecided((inside[0], *within(other[0], county)), "township", "two_addresses")
        return self.in_township(text, inside[0], span, "township", 1.0)

    def later_township(self, text: str, county: str, at: int) -> Reading:
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
            bare = text[end - 1] not in _KINDS_IN_NAME
            if bare and (text[end : end + 1] == "区" or is_road(text, end, full=False)):
                return None
            slipped = self.slipped_township(text, county, at, end - at)
            if slipped is not None and is_village(slipped):
                return slipped
        return self._with_village(text, codes[0], end, below, "short_township", 0.95)

    def _same_name(self, text: str, street: str, end: int, villages: Codes, village_end: int) -> Reading | None:
        """A bare name of a township that villages bear too. Written with 村 it is a village."""
        if village_end > end or text[end : end + 1] in ("村", "社", "居", "行", "自"):
            return None
        away = [code for code in villages if code[:TOWNSHIP] != street]
        if away:
            return undecided((street, *villages), "short_township")
        return placed(street, 0.8, "short_township", villages)

    def _without_township(self, text: str, county: str, at: int, hits: Hits) -> Reading:
        """A township further on, county and village, a township with a slip, or no more than the county."""
        if at >= len(text):
            return placed(county, 0.9, "county")
        hit = next((h for h in hits if h[0] >= at and h[2].kind == "township" and within(h, county)), None)
        if hit is not None:
            return self._township_further_on(text, county, at, hit, hits)
        exact = self._exact(text, at, county)
        if exact:
            return one_or_more(exact, 0.9, "village_in_county")
        slip = self.slipped_township(text, county, at)
        if slip is not None:
            return slip
        found = self.village(text, at, county)
        if found.method == "further_on":
            return one_or_more(found.codes, 0.75, "village_in_county")
        if found.method == "slip" and found.explicit and found.score >= SCORES[Slip.ALIKE]:
            return one_or_more(found.codes, 0.7, "village_in_county+slip")
        return self._county_alone(text, county, at)

    def _township_further_on(self, text: str, county: str, at: int, hit: Hit, hits: Hits) -> Reading:
        """A township of the county behind other words; its village stands behind it or, written backwards, before it."""
        reading = self._township_hit(text, county, hit, hits)
        if is_village(reading) or reading.status == "ambiguous":
            return reading
        before = self.village_before(text, at, hit[0], [code for code in within(hit, county) if len(code) == TOWNSHIP])
        return one_or_more(before, 0.85, "township+before") if before else reading

    def _county_alone(self, text: str, county: str, at: int) -> Reading:
        kind = _TOWNSHIP_KIND.search(text, at + 1)
        unknown = kind is not None and kind.start() - at <= LONGEST_STEM and text[kind.start()] != "街"
        return placed(county, 0.9, "county", (), "township_unknown" if unknown else None)

    def slipped_township(self, text: str, area: str, at: int, stem: int = 0) -> Reading | None:
        """A township of a county, or of the city, written with its kind and one slip; `stem` is the length of its name without
        the kind, if that stands there: then it is the kind that may be wrong.

        Where the slip is not believable by itself, or the kind is what is wrong, a village of the township must bear it out.
        """
        table, weak = self.places.written.get(area, EMPTY), None
        for size in _sizes(text, at, stem):
            near = self.judge.nearest(text[at : at + size], table, ())
            if near is None:
                continue
            span, score = (at, at + size), SCORES.get(near.slip, 0.7)
            answers = [self.in_township(text, street, span, "township_slip", score) for street in near.codes]
            firm = [a for a in answers if is_village(a) and (near.slip <= Slip.ALIKE or a.method.endswith("exact"))]
            if len(firm) == 1:
                return firm[0]
            if weak is None and near.slip <= (Slip.ALIKE if area == CITY else Slip.UNLIKE) and _ends_with_kind(text, *span):
                weak = _weak(answers, near.codes, area)
        return weak


def _weak(answers: Sequence[Reading], streets: Codes, area: str) -> Reading:
    """What a township with a slip comes to that no village bears out; one of another township speaks against it."""
    if len(answers) > 1 or area == CITY:
        return undecided(streets, "township_slip")
    if answers[0].mismatch == "village_elsewhere":
        return undecided((*streets, *answers[0].candidates), "township_slip", "village_elsewhere")
    return answers[0]


def _sizes(text: str, at: int, stem: int) -> Iterator[int]:
    """How long a township's name at a place may be, written with its kind: first as it seems, then as slips may have made it."""
    longest = min(_LONGEST_WRITTEN, len(text) - at)
    kind = _TOWNSHIP_KIND.search(text, at + 1, at + longest)
    if kind is None:
        yield from range(stem + 1, min(stem + 2, longest) + 1) if stem else ()
        return
    seems = kind.end() - at
    yield seems
    yield from (size for size in range(longest, 1, -1) if size != seems)


def _ends_with_kind(text: str, start: int, end: int) -> bool:
    """Whether a township's name that stands at `start` to `end` ends with a kind."""
    return text.endswith(TOWNSHIP_KINDS, start, end) and not text.startswith(TOWNSHIP_KINDS, end)


def is_village(reading: Reading) -> bool:
    """Whether a reading leads down to a village."""
    return reading.code is not None and len(reading.code) == VILLAGE


def within(hit: Hit, county: str) -> list[str]:
    """Those codes of a township's name that lie in a county, or in the zones cut out of it."""
    codes = hit[2].codes
    inside = [code for code in codes if code[:COUNTY] == county]
    if not inside and county in AROUND_ZONES:
        others = AROUND_ZONES if county in ZONES else ZONES
        inside = [code for code in codes if code[:COUNTY] in others]
    return inside


def repeated_hit(hit: Hit, hits: Hits) -> tuple[int, int]:
    """Where a township's name stands last, when it is written twice in a row."""
    start, end, name = hit
    for other in hits:
        if other[0] == end and set(other[2].codes) & set(name.codes):
            start, end = other[0], other[1]
    return start, end


def _after_repeat(text: str, start: int, end: int) -> int:
    """Where a text goes on after a repeated last character or kind of a name: 王桥镇镇赵小楼; 0 where nothing is repeated."""
    for size in (len("街道"), len("镇")):
        if end - size > start and text.startswith(text[end - size : end], end):
            return end + size
    return 0


def first_hit(text: str, hits: Hits, at: int, kinds: tuple[str, ...]) -> Hit | None:
    """The first hit of some kinds from a place on; where words say that somebody goes to a later one, that."""
    found: Hit | None = None
    for hit in hits:
        if hit[0] < at or hit[2].kind not in kinds:
            continue
        if found is None:
            found = hit
        elif is_goal(text, hit[0]) and not set(hit[2].codes) & set(found[2].codes):
            return hit
    return found
