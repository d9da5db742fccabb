"""From an address as people write it to the unit that answers for it, without ever guessing. Pure.

Read from the larger to the smaller: areas are found with an Aho-Corasick automaton and chained; below the county
names are looked up in
the table of the area read so far, so that a name counts only where it can be; one slip is put right only inside that
area. Whatever
several places may mean is `ambiguous` with candidates; a short name without context never routes anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import ahocorasick

from reference.addresses import after_origin, counted, destinations, is_origin, lives_at, without_marker
from reference.area_index import Chain, automaton, hits, read_chains
from reference.area_names import LOCAL_SHORT
from reference.city_search import CitySearch
from reference.county_search import CountySearch, Hits
from reference.custom_units import CustomUnit, CustomUnits
from reference.gazetteer import Gazetteer
from reference.normalise import make_normaliser
from reference.places import build_places, with_local_names
from reference.resolution import CITY, COUNTY, NOTHING, VILLAGE, Reading, Resolution, as_line, resolution, undecided
from reference.slips import Judge

PROVINCE = "41"
__all__ = ["CustomUnit", "Resolution", "Resolver", "as_line", "resolve_lines"]


class Resolver:
    """The resolver over one gazetteer and the custom units of one reference version. Immutable; safe to share."""

    def __init__(self, gazetteer: Gazetteer, custom_units: Sequence[CustomUnit] = ()) -> None:
        self._index = gazetteer.index
        self._normalise = make_normaliser(gazetteer.characters.simplified)
        self._automaton, self._local = _tables(gazetteer)
        self._custom = CustomUnits(custom_units, self._normalise)

    def resolve(self, text: str) -> Resolution:
        """Where a text says somebody goes; see `Resolution`. Any text is answered, none raises."""
        clean = self._normalise(text)
        return resolution(text, self._custom.refine(self._read(clean), clean))

    def resolve_many(self, lines: Iterable[str]) -> list[Resolution]:
        """One answer per line, in order."""
        return [self.resolve(line) for line in lines]

    def _read(self, clean: str) -> Reading:
        found = hits(self._automaton, clean)
        chains = read_chains(found, clean)
        if not chains:
            return self._local.in_city(clean, 0, found, named=False)
        if len(chains) > 1:
            chains = counted(clean, chains)
        if len(chains) > 1:
            return self._several(clean, chains)
        return self._misplaced(clean, chains[0], found) if chains[0].behind else self._one(clean, chains[0], found)

    def _misplaced(self, clean: str, chain: Chain, found: Hits) -> Reading:
        """A county behind a city it does not lie in: the county counts, unless the city and a township are ours."""
        if chain.behind and chain.behind.code.startswith(CITY):
            here = self._local.in_city(clean, chain.behind.end, found, named=True)
            if here.status != "city_only":
                return here
        reading = self._one(clean, chain, found)
        return reading._replace(mismatch=reading.mismatch or "city_elsewhere")

    def _one(self, clean: str, chain: Chain, found: Hits) -> Reading:
        """One address."""
        code = chain.code
        if code.startswith(CITY):
            here = self._behind(clean, code, chain.end, found)
            if here.code is not None and len(here.code) > len(code):
                return self._deeper(here, clean, chain, found) if chain.again else here
            return self._around(here, clean, chain, found)
        if code == PROVINCE:
            return self._local.in_city(clean, chain.end, found, named=False)
        onward = after_origin(clean, chain)
        if onward is not None:
            here = self._local.in_city(clean, onward, found, named=False)
            if here.code is None:
                here = self._local.in_city(without_marker(clean[: chain.start]), 0, found, named=False)
            if here.code is not None or is_origin(clean, chain):
                return here
        shadowed = self._local.shadowed(clean, chain.start, chain.end, found) if chain.top == COUNTY else None
        if shadowed is not None:
            return shadowed
        deepest = self._index.find_normalised(clean[chain.start :])
        several = chain.codes if len(chain.codes) > 1 else ()
        return Reading("outside", None, 0.95, "outside", several, None, deepest or code or None)

    def _behind(self, clean: str, code: str, at: int, found: Hits) -> Reading:
        """The place that the text names behind the city or one of its counties."""
        if len(code) == COUNTY:
            return self._in_county(clean, code, at, found)
        return self._local.in_city(clean, at, found, named=True)

    def _deeper(self, here: Reading, clean: str, chain: Chain, found: Hits) -> Reading:
        """Where the area is named twice, what stands behind the second time, if that leads further."""
        if here.code is None or len(here.code) == VILLAGE:
            return here
        second = self._behind(clean, chain.code, chain.again, found)
        return second if second.code is not None and second.code[: len(here.code)] == here.code else here

    def _around(self, here: Reading, clean: str, chain: Chain, found: Hits) -> Reading:
        """Where the text says nothing behind an area: what stands behind its repetition, or before it: 火店镇张庄村夏邑县."""
        parts = [self._behind(clean, chain.code, chain.again, found)] if chain.again else []
        before = clean[: chain.start]
        if len(before) > 1 and here.status != "ambiguous":
            parts.append(self._behind(before, chain.code, 0, [hit for hit in found if hit[1] <= chain.start]))
        size = len(chain.code)
        return next((part for part in parts if part.code is not None and len(part.code) > size), here)

    def _in_county(self, clean: str, county: str, at: int, found: Hits) -> Reading:
        """The place in a county; where a second address of the same county follows words like 现住, that one."""
        now = lives_at(clean, at)
        if now is None:
            return self._local.county.in_county(clean, county, at, found)
        here = self._local.county.in_county(clean, county, now[1], found)
        return here if here.code and len(here.code) > COUNTY else self._local.county.in_county(clean[: now[0]], county, at, found)

    def _several(self, clean: str, chains: list[Chain]) -> Reading:
        """Several addresses: the one somebody goes to, if the words tell."""
        ends = [c.start for c in chains[1:]] + [len(clean)]
        parts = {id(c): clean[c.start : end] for c, end in zip(chains, ends, strict=True)}
        meant = [self._read(without_marker(parts[id(c)])) for c in destinations(clean, chains)]
        if len(meant) == 1:
            return meant[0]
        places = [r.code or r.outside_code for r in meant]
        candidates = [place for place in places if place]
        if len(set(candidates)) == 1 and len(candidates) == len(meant):
            return meant[0]
        return undecided(candidates, "two_addresses", "two_addresses") if candidates else NOTHING


@lru_cache(maxsize=2)
def _tables(gazetteer: Gazetteer) -> tuple[ahocorasick.Automaton, CitySearch]:
    """What all resolvers of a gazetteer share: a new custom unit does not build it again."""
    places = build_places(gazetteer)
    large = (n for n in gazetteer.index.names if n.full or n.text in LOCAL_SHORT or len(n.codes[0]) < COUNTY)
    judge = Judge(gazetteer.characters, places.villages[CITY].names, places.surnames)
    return automaton([*with_local_names(large, places), *places.names]), CitySearch(places, judge, CountySearch(places, judge))


def resolve_lines(resolver: Resolver, lines: Iterable[str]) -> Iterator[dict[str, object]]:
    """What `arrivals resolve` prints: one object per line, in order."""
    return (as_line(resolver.resolve(line.rstrip("\r\n"))) for line in lines)
