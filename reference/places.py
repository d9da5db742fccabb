"""The names of Shangqiu's townships and villages by the area they are looked for in, with the ways people write them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reference.area_index import Name
from reference.gazetteer import SHANGQIU, Gazetteer
from reference.naming import spellings, stem_of_township, stem_of_village, village_names

#: Codes of the two zones, which people call by the same names.
LOGISTICS, ECONOMIC = "411471", "411472"
ZONES = (LOGISTICS, ECONOMIC)
#: The urban districts the zones were cut out of: an address may name the district and a township of a zone.
AROUND_ZONES = frozenset({"411402", "411403", *ZONES})
#: Names of the zones: those said of both, and those of one.
ZONE_NAMES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("城乡一体化示范区", "一体化示范区", "示范区", "商丘新区", "开发区", "商丘开发区", "高新区"), ZONES),
    **dict.fromkeys(("河南商丘经济开发区", "商丘经济开发区", "经济开发区", "经济技术开发区", "商丘经济技术开发区", "经开区"), (ECONOMIC,)),
    **dict.fromkeys(
        ("豫东综合物流产业聚集区", "豫东综合物流产业集聚区", "豫东综合物流园区", "豫东物流产业集聚区", "豫东综合物流园", "豫东物流园"),
        (LOGISTICS,),
    ),
}
_KINDS = ("镇", "乡", "街道办事处", "街道办", "街道", "办事处", "回族镇", "办", "乡镇")
Codes = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The names of one area with the codes they may mean; `official` are the stems to measure a slip against; `lengths` descend."""

    names: Mapping[str, Codes]
    official: tuple[str, ...]
    lengths: tuple[int, ...]

    def longest(self, text: str, at: int) -> tuple[Codes, int]:
        """The codes and the end of the longest name that stands at a position; no codes where none does."""
        names = self.names
        for length in self.lengths:
            codes = names.get(text[at : at + length])
            if codes is not None:
                return codes, min(at + length, len(text))
        return (), at


EMPTY = Table({}, (), ())


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """`townships` by county code, `villages` by township, county and city code; `names` are the townships and zones as found anywhere."""

    townships: Mapping[str, Table]
    villages: Mapping[str, Table]
    names: tuple[Name, ...]
    stems: Mapping[str, str]


def build_places(gazetteer: Gazetteer) -> Places:
    """All tables of a gazetteer."""
    townships = [(a.code, stem) for a in gazetteer.below(SHANGQIU, "township") for stem in _stems(a.code, a.name, gazetteer)]
    villages = [(a.code, stem_of_village(a.name)) for a in gazetteer.below(SHANGQIU, "village")]
    later = [(code, name) for code, name in gazetteer.later]
    moved = [(code, stem_of_township(name)) for code, name in later if len(code) == len("411426105")]
    renamed = [(code, stem_of_village(name)) for code, name in later if len(code) == len("411426105001")]
    return Places(
        _by_area(townships, moved, (6, 4)),
        _by_area(villages, renamed, (9, 6, 4)),
        tuple(_township_names(gazetteer)),
        dict(villages) | dict(townships),
    )


def _stems(code: str, name: str, gazetteer: Gazetteer) -> Iterator[str]:
    """`柘城县城关镇` is called 城关镇, `商丘市林场` also 林场."""
    stem = stem_of_township(name)
    for above in (gazetteer.area_name(code[:6]), "商丘市"):
        stem = stem.removeprefix(above or "")
    yield stem


def _by_area(official: list[tuple[str, str]], other: list[tuple[str, str]], lengths: Iterable[int]) -> dict[str, Table]:
    """A table for every area that the given lengths of code name. An official name outdoes a later or a variant one."""
    tables: dict[str, Table] = {}
    for length in lengths:
        first = _grouped((code, name) for code, stem in official for name in village_names(stem, code) for code in (code,))
    for length in lengths:
        first = _grouped(length, ((code, name) for code, stem in official for name in village_names(stem)))
        second = _grouped(length, other)
        third = _grouped(length, ((code, name) for code, stem in official for name in spellings(stem)))
        stems = _grouped(length, official)
        for area in first:
            names = {**third.get(area, {}), **second.get(area, {}), **first[area]}
            sizes = tuple(sorted({len(name) for name in names}, reverse=True))
            tables[area] = Table(names, tuple(stems[area]), sizes)
    return tables
