"""Finds the place of an address that names no county, or names it wrongly. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reference.county_search import TALK, CountySearch, Hit, Hits, first_hit, is_village, repeated_hit
from reference.name_table import Codes, make_table
from reference.places import Places
from reference.resolution import CITY, COUNTY, NOTHING, TOWNSHIP, Reading, one_or_more, placed, undecided
from reference.slips import SCORES, Judge, Slip
from reference.villages import is_explicit, is_tail

_COUNTY_KINDS = frozenset("县市区")
#: What stands before a township and calls itself an area.
_AREA = re.compile(r"[\u4e00-\u9fff]{1,3}?(?:县|市|区|省|州|旗)$")
_ANY_AREA = re.compile(r"[\u4e00-\u9fff](?:县|市|省|州|旗|区(?!间))")


@dataclass(frozen=True, slots=True, eq=False)
class CitySearch:
    """The search below the city; what it finds of a county is read on by `county`."""

    places: Places
    judge: Judge
    county: CountySearch

    def in_city(self, text: str, at: int, hits: Hits, named: bool) -> Reading:
        """The place where no county is named; `named` tells whether the city is."""
        hit = first_hit(text, hits, at, ("township", "zone"))
        if hit is not None and (hit[0] == at or TALK.match(text[at : hit[0]])):
            return self._hit_in_city(text, hit, hits)
        slipped = self.slipped_county(text, at, hits, named)
        if slipped is not None:
            return slipped
        if hit is not None and hit[2].kind == "zone":
            if hit[1] - hit[0] >= len("商丘新区"):
                return self._hit_in_city(text, hit, hits)
            hit = first_hit(text, hits, hit[1], ("township",))
        return self._further_on(text, at, hit, hits, named) if hit is not None else self._bare(text, at, named)

    def slipped_county(self, text: str, at: int, hits: Hits, named: bool) -> Reading | None:
        """A county of the city with one wrong character; where the character is unlike, the city and a township must
        bear it out.
        """
        end = at + len("夏邑县")
        said = text[at:end]
        near = self.judge.nearest(said, self.places.counties, ()) if not _COUNTY_KINDS.isdisjoint(said) else None
        if near is None or near.slip > Slip.UNLIKE or len(near.codes) > 1:
            return None
        inner = self.county.in_county(text, near.codes[0], end, hits)
        if near.slip is Slip.UNLIKE and not (named and inner.status == "ok" and inner.mismatch is None):
            return None
        return inner._replace(score=min(inner.score, SCORES[near.slip]), method=f"county_slip+{inner.method}")

    def _hit_in_city(self, text: str, hit: Hit, hits: Hits) -> Reading:
        """A township or a zone, and no county."""
        _, end, name = hit
        if name.kind == "zone":
            return self._in_zone(text, name.codes, end, hits)
        streets = [code for code in name.codes if len(code) == TOWNSHIP]
        if not streets:
            return self.county.later_township(text, name.codes[0], end)
        span = repeated_hit(hit, hits)
        if len(streets) == 1:
            return self.county.in_township(text, streets[0], span, "township_in_city", 0.95)
        return self._which_township(text, streets, span[1])

    def _which_township(self, text: str, streets: Sequence[str], at: int) -> Reading:
        """Several townships of one name: the village tells which."""
        read = [(street, self.county.village(text, at, street)) for street in streets]
        for firm in ("exact", "slip"):
            having = [found.codes for _, found in read if found.codes and found.method == firm]
            if having:
                codes = tuple(code for codes in having for code in codes)
                return one_or_more(codes, 0.9 if firm == "exact" else 0.7, f"township_in_city+{firm}")
        return undecided(streets, "township_in_city")

    def _in_zone(self, text: str, zones: Codes, at: int, hits: Hits) -> Reading:
        """A zone, or both where the name does not tell; a township or village of theirs settles it."""
        read = [self.county.in_county(text, zone, at, hits) for zone in zones]
        inner = [reading for reading in read if reading.code not in (*zones, None, CITY)]
        firm = [reading for reading in inner if reading.status == "ok"] or inner
        if len({reading.code for reading in firm}) == 1:
            return firm[0]
        if len(zones) == 1:
            return placed(zones[0], 0.9, "zone")
        return undecided(zones, "zone")

    def _further_on(self, text: str, at: int, hit: Hit, hits: Hits, named: bool) -> Reading:
        """A township behind words that are no talk: its village before it, somebody's name, or an area nobody knows."""
        before = text[at : hit[0]]
        streets = [code for code in hit[2].codes if len(code) == TOWNSHIP]
        area = _AREA.search(before)
        if area is not None:
            return self._unknown_area(text, area.group(), hit, hits, named)
        if _ANY_AREA.search(before):
            return undecided(hit[2].codes, "township_in_city", "area_unknown")
        reading = self._hit_in_city(text, hit, hits)
        if is_village(reading):
            return reading
        villages = self.county.village_before(text, at, hit[0], streets)
        return one_or_more(villages, 0.85, "township_in_city+before") if villages else reading

    def _unknown_area(self, text: str, said: str, hit: Hit, hits: Hits, named: bool) -> Reading:
        """A county nobody knows before a township of ours.

        The township is the answer where its county may have been written so, or where city, township and village agree;
        otherwise it is a candidate.
        """
        reading = self._hit_in_city(text, hit, hits)
        if reading.code is not None and len(reading.code) >= TOWNSHIP and reading.mismatch is None:
            slip = self._county_slip(said, reading.code[:COUNTY])
            exact = is_village(reading) and reading.method.endswith("exact")
            long = len(self.places.county_names[reading.code[:COUNTY]]) > len("睢县")
            if slip <= Slip.ALIKE or (exact and (named or (slip is Slip.UNLIKE and long))):
                score = min(reading.score, SCORES.get(slip, 0.7))
                return reading._replace(score=score, method=f"county_slip+{reading.method}", mismatch="area_unknown")
        return undecided(
            reading.candidates or (reading.code,) if reading.code else hit[2].codes, "township_in_city", "area_unknown"
        )

    def shadowed(self, text: str, start: int, end: int, hits: Hits) -> Reading | None:
        """The place in a county of ours of which the name of a county elsewhere, at `start` to `end`, may be a slip."""
        for at in range(max(0, start - 1), start + 1):
            slipped = self.slipped_county(text, at, hits, named=True) if end - start < len("夏邑县") else None
            if slipped is not None:
                return slipped
        hit = first_hit(text, hits, end, ("township",))
        if hit is None or hit[0] != end:
            return None
        reading = self._unknown_area(text, text[start:end], hit, hits, named=False)
        return reading if reading.status == "ok" else None

    def _county_slip(self, said: str, county: str) -> Slip:
        """The slip by which a county came to be written so; `OTHER` where no single one did it."""
        name = self.places.county_names[county]
        near = self.judge.nearest(said[-len(name) - 1 :], make_table({name: (county,)}, (name,)), ())
        return near.slip if near else Slip.OTHER

    def _bare(self, text: str, at: int, named: bool) -> Reading:
        """Names without a kind, or a village alone; whatever is not firm leaves the city or nothing."""
        nothing = placed(CITY, 0.9, "city") if named else NOTHING
        if at >= len(text) or TALK.match(text[at:]):
            return nothing
        codes, end = self.places.townships[CITY].longest(text, at)
        streets = [code for code in codes if len(code) == TOWNSHIP and end < len(text)]
        read = [self.county.village(text, end, street) for street in streets]
        pairs = [code for found in read if found.method == "exact" for code in found.codes]
        if pairs:
            return one_or_more(pairs, 0.85, "short_township+exact")
        return self._village_alone(text, at, codes, end) or self.county.slipped_township(text, CITY, at) or nothing

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
