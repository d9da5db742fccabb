"""Reads a village's name at a place in a text: exact, at the beginning of something longer, or with one slip. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reference.places import Codes, Table
from reference.slips import SCORES, Judge, Slip

_NUMERALS = "0-9一二三四五六七八九十"
_KIND = r"村民|村委|居委|居民|社区|行政村|自然村|生活区|大队|村"
#: What may follow a village's name: its kind, a group, a house.
_TAIL = re.compile(rf"{_KIND}|[0-9A-Z]|第?[{_NUMERALS}甲乙东西南北前后]+(?:组|队|号|栋|幢|楼|街|巷|路|院|头|门|区)|组|队|路口|小学|中学|附近|学校|卫生")
_EXPLICIT = re.compile(_KIND)
#: After these a name may begin in the middle of a text: `平原路新区社区`.
_BREAK = frozenset("路街道号巷口旁边侧院园城头内处区委会室府栋")
#: A natural village's name, which may follow that of its village: `火店李楼`.
_NATURAL = re.compile(r"^[\u4e00-\u9fff]{1,3}[庄楼集庙寨堂桥营口街阁园店屯家岗洼元河寺坊井沟湾窑房门场铺村子]")


@dataclass(frozen=True, slots=True)
class Found:
    """What a text says of a village: the codes it may mean (none: no village), how firmly, and how it was read.

    `named` is what stood where a village's name is expected, `explicit` whether its kind was written.
    """

    codes: Codes = ()
    score: float = 0.0
    method: str = "none"
    named: str = ""
    explicit: bool = False
    near: Codes = ()


def read_village(text: str, at: int, table: Table, city: Table, judge: Judge) -> Found:
    """The village of `table` that `text` names at `at`; `city` holds the names of all villages."""
    codes, end = table.longest(text, at)
    if codes and is_tail(text, end):
        return Found(codes, 1.0, "exact", text[at:end], _EXPLICIT.match(text, end) is not None)
    named, explicit = name_at(text, at)
    if codes and len(named) - (end - at) >= 2 and city.longest(text, at)[1] == end:
        return _followed(text, end, named, explicit, codes, table)
    return _slipped(text, at, named, explicit, codes, table, judge)


def is_tail(text: str, end: int) -> bool:
    """Whether a name may end here."""
    return end >= len(text) or _TAIL.match(text, end) is not None


def name_at(text: str, at: int) -> tuple[str, bool]:
    """What stands at a place up to where a village's name must end, and whether its kind follows."""
    tail = _TAIL.search(text, at + 1)
    if tail is None:
        return text[at:], False
    explicit = _EXPLICIT.match(text, tail.start()) is not None
    alone = tail.start() == at + 1 and text[at + 1] == "村"
    return text[at : tail.start() + alone], explicit


def _followed(text: str, end: int, named: str, explicit: bool, codes: Codes, table: Table) -> Found:
    """A village's name with more behind it: a natural village of its own, unless that is a village of the township too."""
    others, other_end = table.longest(text, end)
    if others and set(others) != set(codes) and is_tail(text, other_end):
        return Found((*codes, *others), 0.5, "two_villages", named, explicit)
    if _NATURAL.match(text, end):
        return Found(codes, 0.85, "natural_village", named, explicit)
    return Found((), 0.0, "none", named, explicit, codes)


def _slipped(text: str, at: int, named: str, explicit: bool, codes: Codes, table: Table, judge: Judge) -> Found:
    near = judge.nearest(named, table)
    if near is None:
        later = _later_in(text, at, table)
        return Found(later, 0.85, "exact", named, explicit) if later else Found((), 0.0, "none", named, explicit, codes)
    if near.slip is Slip.OTHER:
        return Found((), 0.0, "none", named, explicit, near.codes)
    return Found(near.codes, SCORES[near.slip], "slip", named, explicit)


def _later_in(text: str, at: int, table: Table) -> Codes:
    """A village further on in the text, where it is written with its kind and something ends before it."""
    for start in range(at + 1, len(text) - 1):
        if text[start - 1] in _BREAK or text[start - 1].isascii():
            codes, end = table.longest(text, start)
            if codes and _EXPLICIT.match(text, end):
                return codes
    return ()
