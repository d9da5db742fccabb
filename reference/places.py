"""The names of Shangqiu's townships and villages by the area they are looked for in, with the ways people write them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from reference.area_index import Name
from reference.area_names import ROADS_FIRST
from reference.gazetteer import SHANGQIU, Gazetteer
from reference.name_table import EMPTY, Codes, Table, make_table
from reference.naming import TOWNSHIP_KINDS, shortened, spellings, stem_of_township, stem_of_village

#: The two zones, which people call by the same names.
LOGISTICS, ECONOMIC = "411471", "411472"
ZONES = (LOGISTICS, ECONOMIC)
#: The urban districts the zones were cut out of: an address may name the district and a township of a zone.
AROUND_ZONES = frozenset({"411402", "411403", *ZONES})
#: What the zones are called: some names are said of both, official ones of one. The county that the urban districts
#: were until 1997 is read in the same way.
_ZONE_NAMES = {
    "城乡一体化示范区 一体化示范区 示范区 商丘新区 商丘市新区 开发区 商丘开发区 高新区": ZONES,
    "商丘经济开发区 经济开发区 经济技术开发区 商丘经济技术开发区 经开区": (ECONOMIC,),
    "豫东综合物流产业集聚区 豫东综合物流园区 豫东物流产业集聚区 豫东物流园区": (LOGISTICS,),
    "商丘县 县级商丘市": ("411403", "411402"),
}
#: Township-level units that are named like things every county has; they count only right after their county.
_KINDLESS = frozenset({"产业集聚区", "农场", "林场"})
#: How many names must begin with a character for it to count as one that names begin with.
_OFTEN = 3
Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """`townships` by county and city code, `villages` by township, county and city code; `written` are the townships
    with their kind; `names` are what is found anywhere in a text.
    """

    townships: Mapping[str, Table]
    written: Mapping[str, Table]
    villages: Mapping[str, Table]
    counties: Table
    county_names: Mapping[str, str]
    names: tuple[Name, ...]
    surnames: frozenset[str]


def build_places(gazetteer: Gazetteer) -> Places:
    """All tables of a gazetteer."""
    townships = [(a.code, _township_stem(a.code, a.name, gazetteer)) for a in gazetteer.below(SHANGQIU, "township")]
    villages = [(a.code, stem_of_village(a.name)) for a in gazetteer.below(SHANGQIU, "village")]
    moved = [(code, stem_of_township(name)) for code, name in gazetteer.later if len(code) <= len("411426105")]
    renamed = [(code, stem_of_village(name)) for code, name in gazetteer.later if len(code) > len("411426105")]
    kinds = [(a.code, a.name[-len(kind) :]) for a in gazetteer.below(SHANGQIU, "township") for kind in _kind(a.name)]
    stems = dict(townships)
    return Places(
        _tables(townships, moved, (6, 4)),
        _tables([(code, stems[code] + kind) for code, kind in kinds], [], (6, 4)),
        _tables(villages, renamed, (9, 6, 4)),
        _counties(gazetteer),
        {a.code: a.name for a in gazetteer.children(SHANGQIU)},
        tuple(_found_anywhere(gazetteer, [*moved, *townships])),
        _often_first(stem for _, stem in villages),
    )


def _kind(name: str) -> Iterator[str]:
    """The kind of a township, if its name tells it."""
    yield from islice((kind for kind in TOWNSHIP_KINDS if name.endswith(kind)), 1)


def _often_first(stems: Iterable[str]) -> frozenset[str]:
    """The characters several names begin with: surnames, directions. Another of them makes another name rather than a slip."""
    return frozenset(char for char, times in Counter(stem[0] for stem in stems).items() if times >= _OFTEN)


def _counties(gazetteer: Gazetteer) -> Table:
    """The counties by their full names. 睢县 is left out: of two characters every other county would be one slip away."""
    names = {a.name: (a.code,) for a in gazetteer.children(SHANGQIU) if len(a.name) == len("夏邑县")}
    return make_table(names, names)


def _township_stem(code: str, name: str, gazetteer: Gazetteer) -> str:
    """`柘城县城关镇` is called 城关镇, `商丘市林场` 林场."""
    county = gazetteer.area_name(code[:6]) or ""
    return stem_of_township(name).removeprefix(county).removeprefix("商丘市")


def _tables(official: list[tuple[str, str]], later: list[tuple[str, str]], lengths: Iterable[int]) -> dict[str, Table]:
    """A table for every area named by codes of these lengths. An official name outdoes a later one, a later one a spelling."""
    sources = (
        [(code, name) for code, stem in official for name in spellings(stem)],
        later,
        [(code, name) for code, stem in official for name in shortened(stem)],
    )
    tables = {}
    for length in lengths:
        spelled, renamed, first = (_grouped(length, pairs) for pairs in sources)
        for area, names in first.items():
            merged = {**spelled.get(area, {}), **renamed.get(area, {}), **names}
            for name in [name for name in names if len(name) > len("李村") and name.endswith("村")]:
                merged[name] = tuple(dict.fromkeys((*merged[name], *merged.get(name[:-1], ()))))
            tables[area] = make_table(merged, (name for code, name in official if code.startswith(area)))
    return tables


def _grouped(length: int, pairs: Pairs) -> dict[str, dict[str, Codes]]:
    """area -> name -> codes, the area being the first `length` digits of each code."""
    grouped: dict[str, dict[str, Codes]] = {}
    for code, name in pairs:
        names = grouped.setdefault(code[:length], {})
        if code not in names.get(name, ()):
            names[name] = (*names.get(name, ()), code)
    return grouped


def with_local_names(names: Iterable[Name], places: Places) -> Iterator[Name]:
    """The names of areas; those of our counties know which of their places begin like a road."""
    for name in names:
        county = name.codes[0]
        tables = (places.townships.get(county, EMPTY), places.villages.get(county, EMPTY))
        inside = tuple(n for table in tables for n in table.official if n[0] in ROADS_FIRST and len(n) > 1)
        yield replace(name, inside=inside) if inside and not name.full else name


def _found_anywhere(gazetteer: Gazetteer, townships: Pairs) -> Iterator[Name]:
    """The names with their kind, which stand out in any text: townships under every kind, zones."""
    codes: dict[str, Codes] = {}
    for code, stem in (pair for pair in townships if pair[1] not in _KINDLESS):
        for spelled in (stem, *spellings(stem)):
            for kind in TOWNSHIP_KINDS:
                have = codes.get(spelled + kind, ())
                codes[spelled + kind] = have if code in have else (*have, code)
    for area in gazetteer.below(SHANGQIU, "township"):
        whole = not area.name.startswith(gazetteer.area_name(area.code[:6]) or "")
        if whole and (area.name.endswith(TOWNSHIP_KINDS) or area.name.startswith("商丘市")):
            codes[area.name] = tuple(dict.fromkeys((*codes.get(area.name, ()), area.code)))
    yield from (Name(text, meant, meant, True, "township") for text, meant in codes.items())
    for names, meant in _ZONE_NAMES.items():
        yield from (Name(text, meant, meant, True, "area" if _is_zone_in_full(text, meant) else "zone") for text in names.split())


def _is_zone_in_full(name: str, meant: Codes) -> bool:
    """Whether a zone's name leaves no doubt, so that it counts like that of a county."""
    return len(meant) == 1 and name.startswith(("商丘", "豫东"))
