"""From an address as people write it to the unit that answers for it, without ever guessing. Pure.

Read from the larger to the smaller: areas are found with an Aho-Corasick automaton and chained; below the county names are looked up in
the table of the area read so far, so that a name counts only where it can be; one slip is put right only inside that area. Whatever
several places may mean is `ambiguous` with candidates; a short name without context never routes anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reference.addresses import Part, choose
from reference.area_index import Chain, area_keys, automaton, hits, read_chains
from reference.area_names import LOCAL_SHORT
from reference.custom_units import CustomUnit, CustomUnits
from reference.gazetteer import Gazetteer
from reference.local_search import Hits, LocalSearch
from reference.normalise import make_normaliser
from reference.places import build_places
from reference.resolution import CITY, COUNTY, Resolution, as_line, placed, undecided
from reference.slips import Judge

__all__ = ["CustomUnit", "Resolution", "Resolver", "as_line", "resolve_lines"]


class Resolver:
    """The resolver over one gazetteer and the custom units of one reference version. Immutable; safe to share."""

    def __init__(self, gazetteer: Gazetteer, custom_units: Sequence[CustomUnit] = ()) -> None:
        self._gazetteer = gazetteer
        self._normalise = make_normaliser(gazetteer.characters.simplified)
        places = build_places(gazetteer)
        areas = {a.code: a.name for level in ("province", "city", "county") for a in gazetteer.below("", level)}
        large = (n for n in area_keys(areas) if n.full or n.text in LOCAL_SHORT or len(n.codes[0]) < COUNTY)
        self._automaton = automaton([*large, *places.names])
        judge = Judge(gazetteer.characters, places.villages[CITY].names, places.surnames)
        self._local = LocalSearch(places, judge)
        self._custom = CustomUnits(custom_units, self._normalise)

    def resolve(self, text: str) -> Resolution:
        """Where a text says somebody goes; see `Resolution`. Any text is answered, none raises."""
        clean = self._normalise(text)
        found = hits(self._automaton, clean)
        return self._custom.refine(self._resolve(text, clean, found), clean)
