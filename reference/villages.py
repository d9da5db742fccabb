"""Reads a village's name at a place in a text: exact, at the beginning of something longer, or with one slip. Pure."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple

from reference.places import Codes, Table
from reference.slips import SCORES, Judge, Slip

_NUMERALS = "0-9一二三四五六七八九十"
_KIND = r"村民委|村委|居委|居民委|社区|行政村|自然村|生活区|大队|村(?!民)"
_GROUP = rf"第?[{_NUMERALS}]+(?:村民小组|村民组|小组|组|队|号|单元|栋|幢)|第?[0-9]+|[A-Z]|村民|组|路口|小学|中学|附近|学校|卫生"
#: What may follow a village's name: its kind, a group, a house, a part of it.
_TAIL = re.compile(rf"{_KIND}|{_GROUP}|[甲乙东西南北前后{_NUMERALS}]+(?:队|楼|街|巷|路|院|头|门|区)|队")
#: Where a name that is not known must end.
_END = re.compile(f"{_KIND}|{_GROUP}")
_EXPLICIT = re.compile(_KIND)
#: After these a name may begin in the middle of a text: `平原路新区社区`.
BREAK = frozenset("路街道号巷口旁边侧院园城头内处区委会室府栋")
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
    if codes and is_tail(text, end):
        return Found(codes, 1.0, "exact", text[at:end], True)
    named, explicit = name_at(text, at)
    if codes and len(named) - (end - at) >= len("李村") and around.city.longest(text, at)[1] == end:
        return _followed(text, end, Found((), 0.0, "none", named, explicit, codes), table)
    return _slipped(text, at, Found((), 0.0, "none", named, explicit, codes), table, around)


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


def _followed(text: str, end: int, said: Found, table: Table) -> Found:
    """A village's name with more behind it: a natural village of its own, unless that is a village of the township too."""
    others, other_end = table.longest(text, end)
    if others and set(others) != set(said.near) and is_tail(text, other_end):
        return said._replace(codes=(*said.near, *others), score=0.5, method="two_villages")
    if _NATURAL.match(text, end):
        return said._replace(codes=said.near, score=0.85, method="natural_village")
    return said


def _slipped(text: str, at: int, said: Found, table: Table, around: Around) -> Found:
    near = around.judge.nearest(said.named, table, around.county)
    if near is None:
        codes = _further_on(text, at, table)
        return said._replace(codes=codes, score=0.8, method="further_on") if codes else said
    decided = near.slip < Slip.UNLIKE or (near.slip is Slip.UNLIKE and said.explicit)
    if not decided:
        return said._replace(near=near.codes)
    return said._replace(codes=near.codes, score=SCORES[near.slip], method="slip")


def _further_on(text: str, at: int, table: Table) -> Codes:
    """A village further on in the text, where it is written with its kind and something ends before it."""
    for start in range(at + 1, len(text) - 1):
        if text[start - 1] in BREAK or text[start - 1].isascii():
            codes, end = table.longest(text, start)
            if codes and is_explicit(text, end):
                return codes
    return ()
