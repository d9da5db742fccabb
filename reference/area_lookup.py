"""The area a name in a list means: 湖北省武汉市武昌区, 武汉武昌, 夏邑县. Exact: what is left over or doubtful is refused. Pure.

A list of grades is no address: one county too many or too few turns people back, so nothing is searched for inside the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from reference.area_names import full_names, short_names
from reference.gazetteer import Gazetteer
from reference.normalise import make_normaliser

_APART = re.compile(r"[\s,/、·>-]+")
_COUNTY = 6


def areas_named(gazetteer: Gazetteer, text: str) -> tuple[str, ...]:
    """Every code the whole text may mean, ascending: names from the larger to the smaller area, some of which may be left out."""
    index = _index(gazetteer)
    longest = max(map(len, index))
    clean = _APART.sub("", make_normaliser(gazetteer.characters.simplified)(text))

    def read(rest: str, above: str) -> Iterator[str]:
        if not rest and above:
            yield above
        for end in range(1, min(len(rest), longest) + 1):
            for code in index.get(rest[:end], ()):
                if code.startswith(above) and code != above:
                    yield from read(rest[end:], code)

    return tuple(sorted(set(read(clean, ""))))


@lru_cache(maxsize=2)
def _index(gazetteer: Gazetteer) -> Mapping[str, tuple[str, ...]]:
    """Name -> codes: full and short ones down to the county, the official ones below."""
    normalise = make_normaliser(gazetteer.characters.simplified)
    found: dict[str, dict[str, None]] = {}
    for code, area in gazetteer.areas.items():
        short = short_names(code, area.name) if len(code) <= _COUNTY else ()
        for name in (*full_names(code, area.name), *short):
            found.setdefault(normalise(name), {})[code] = None
    return {name: tuple(codes) for name, codes in found.items()}
