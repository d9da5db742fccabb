"""Reads a village's name at a place in a text: exact, at the beginning of something longer, or with one slip. Pure."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple

from reference.name_table import Codes, Table
from reference.slips import SCORES, VILLAGE_LAST, Judge, Slip

_NUMERALS = "0-9一二三四五六七八九十"
_KIND = r"村民委|村委|居委|居民委|社区|行政村|自然村|生活区|大队|村(?!民)"
#: The same with a slip in it.
_KIND_SLIP = r".?民?委员?会|村.委|村民.员会|[材存寸忖邨](?:[0-9]|$)|[^路街道巷弄](?=[0-9]+[号组队])"
_GROUP = rf"第?[{_NUMERALS}]+(?:村民小组|村民组|小组|组|队|号|单元|栋|幢)|第?[0-9]+|[A-Z]|村民|组|路口|小学|中学|附近|学校|卫生"
#: What may follow a village's name: its kind, a group, a house, a part of it.
_TAIL = re.compile(rf"{_KIND}|{_GROUP}|[甲乙东西南北前后{_NUMERALS}]+(?:队|楼|街|巷|路|院|头|门|区)|队|{_KIND_SLIP}")
#: Where a name that is not known must end.
_END = re.compile(f"{_KIND}|{_GROUP}")
_EXPLICIT = re.compile(_KIND)
#: After these a name may begin in the middle of a text: `平原路新区社区`.
_BROKEN = re.compile(r"[A-Z0-9路街道号巷口旁边侧院园城头内处区委会室府栋](?=[\u4e00-\u9fff]{2})")
#: What people put between a township and its village; the village must then be written in full.
_GAP = re.compile(
    r"(?:的|下辖|下属|辖区|境内|管辖|(?:东|西|南|北|中|前|后)+(?:边|面|侧|头|部)|街[东西南北]|(?:集|街|镇|乡|县)上|人民政府|政府|"
    r"(?:东|西|南|北)*[0-9一二三四五六七八九十]+(?:公里|里地|里|米))+"
)
#: How long a misspelt name is taken to be where nothing says where it ends.
_UNBOUND = (4, 3, 2)
#: A natural village's name, which may follow that of its village: `火店李楼`.
_NATURAL = re.compile(r"[\u4e00-\u9fff]{1,3}[庄楼集庙寨堂桥营口街阁园店屯家岗洼元河寺坊井沟湾窑房门场铺村子]")


class Found(NamedTuple):
    """What a text says of a village: the codes it may mean (none: no village), how firmly, and how it was read.

    `method` is `exact`, `natural_village`, `slip`, `further_on`, `two_villages` or `none`; `named` is what stood
    where a village's name is
    expected, `explicit` whether its kind was written; `near` are villages whose names are near but were not taken for meant.
    """

    codes: Codes = ()
    score: float = 0.0
    method: str = "none"
    named: str = ""
    explicit: bool = False
    near: Codes = ()


NO_VILLAGE = Found()


class Around(NamedTuple):
    """What the reading of a name is weighed against: the names of the county and of the city."""

    county: Container[str]
    city: Table
    judge: Judge


def read_village(text: str, at: int, table: Table, around: Around) -> Found:
    """The village of `table` that `text` names at `at`."""
    codes, end = table.longest(text, at)
    if codes and (is_tail(text, end) or (text[end - 1] == "村" and end - at > len("李村"))):
        return Found(codes, 1.0, "exact", text[at:end], True)
    named, explicit = name_at(text, at)
    said = Found((), 0.0, "none", named, explicit, codes)
    if codes and len(named) - (end - at) >= len("李村") and around.city.longest(text, at)[1] == end:
        return _followed(text, end, said, table, around)
    found = _slipped(said, table, around, at + len(named) == len(text))
    if found.codes:
        return found
    return _further_on(text, at, found, table) or _unbound(text, at, found, table, around)


def is_tail(text: str, end: int) -> bool:
    """Whether a name may end here."""
    return end >= len(text) or _TAIL.match(text, end) is not None


def is_explicit(text: str, end: int) -> bool:
    """Whether the kind of a village stands here."""
    return _EXPLICIT.match(text, end) is not None


def name_at(text: str, at: int) -> tuple[str, bool]:
    """What stands at a place up to where a village's name must end, and whether its kind follows."""
    tail = _END.search(text, at + 1)
    if tail is None:
        return text[at:], False
    end = tail.start()
    if text.startswith("村村", end) or (end == at + 1 and text[end] == "村"):
        end += 1
    return text[at:end], is_explicit(text, tail.start())


def _followed(text: str, end: int, said: Found, table: Table, around: Around) -> Found:
    """A village's name with more behind it: a natural village of its own, unless that is a village of the township too."""
    others, other_end = table.longest(text, end)
    if others and set(others) != set(said.near) and is_tail(text, other_end):
        return said._replace(codes=(*said.near, *others), score=0.5, method="two_villages")
    slipped = _slipped(said, table, around)
    if slipped.codes and set(slipped.codes) != set(said.near):
        return said._replace(codes=(*said.near, *slipped.codes), score=0.5, method="two_villages")
    if _NATURAL.match(text, end):
        return said._replace(codes=said.near, score=0.85, method="natural_village")
    return said


def _slipped(said: Found, table: Table, around: Around, ends: bool = False) -> Found:
    """What was said, led to the village of which it is a slip. With an unlike character the end of the name must be
    certain: its kind is written, or the text `ends` with it.
    """
    near = around.judge.nearest(said.named, table, around.county)
    if near is None or near.slip is Slip.OTHER:
        return said._replace(near=near.codes) if near else said
    if near.slip is Slip.UNLIKE and not said.explicit and not (ends and len(said.named) > len("李庄")):
        return said._replace(near=near.codes)
    return said._replace(codes=near.codes, score=SCORES[near.slip], method="slip")


def _further_on(text: str, at: int, said: Found, table: Table) -> Found | None:
    """A village further on in the text, where only words that name nothing, or the end of something, stand before it."""
    gap = _GAP.match(text, at)
    if gap is not None:
        codes, end = table.longest(text, gap.end())
        if codes and is_tail(text, end):
            return said._replace(codes=codes, score=0.85, method="further_on")
    for begun in _BROKEN.finditer(text, at):
        codes, end = table.longest(text, begun.end())
        if codes and is_explicit(text, end):
            return said._replace(codes=codes, score=0.8, method="further_on")
    return None


def _unbound(text: str, at: int, said: Found, table: Table, around: Around) -> Found:
    """A misspelt village with something unknown behind it: 章庄大街18号."""
    if said.explicit:
        return said
    told = _EXPLICIT.search(text, at + 2, at + 9)
    for size in (told.start() - at, *_UNBOUND) if told else _UNBOUND:
        name = text[at : at + size]
        if name[-1:] in VILLAGE_LAST or told:
            near = around.judge.nearest(name, table, around.county)
            if near is not None and near.slip <= Slip.ALIKE:
                return said._replace(codes=near.codes, score=0.8, method="slip")
    return said
