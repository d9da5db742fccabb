"""How official names are made of a stem and a kind: what people leave out, swap, and spell in another way. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Endings of an official village-level name; the package also holds two misprinted ones.
_COMMITTEE = re.compile(r"(?:社区居民委员会|社区居委会|居民委员会|村民委员会|村民委员|村民委会|村委会|居委会|社区|生活区)$")
_TOWNSHIP = re.compile(r"(?:回族镇|民族乡|街道办事处|街道|镇|乡)$")
#: Kinds of township, which people swap and which change when a township becomes a street office.
TOWNSHIP_KINDS = ("回族镇", "镇", "乡", "街道办事处", "街道办", "街道", "办事处", "办")
#: Characters written for one another in the names of Shangqiu; the first files of the bureau do it too.
_WRITTEN_ALIKE = (
    "酇酂鄼",
    "邱丘",
    "堌固崮",
    "候侯",
    "楼娄",
    "元园",
    "闫阎",
    "付傅",
    "肖萧",
    "代戴",
    "禇褚",
    "歧岐",
    "尧窑",
    "各阁",
    "砦寨",
)
_ALIKE = {char: group.replace(char, "") for group in _WRITTEN_ALIKE for char in group}


def stem_of_village(name: str) -> str:
    """`火店村委会` -> `火店`; `马村村委会` -> `马村`; a name that would shrink to one character keeps its 村."""
    stem = _COMMITTEE.sub("", name)
    return stem if len(stem) != 1 else stem + "村"


def stem_of_township(name: str) -> str:
    """`车站镇` -> `车站`, `城关回族镇` -> `城关`."""
    return _TOWNSHIP.sub("", name)


def shortened(stem: str) -> Iterator[str]:
    """A village's stem and what is left when 村 is taken for its kind: `大李村` and `大李`."""
    yield stem
    if len(stem) > len("李村") and stem.endswith("村"):
        yield stem[:-1]
    if stem.startswith("林场") and len(stem) > len("林场东"):
        yield stem.removeprefix("林场")


def spellings(stem: str) -> Iterator[str]:
    """The name with one character written in another way: `太丘` for `太邱`, `张娄` for `张楼`."""
    for i, char in enumerate(stem):
        for other in _ALIKE.get(char, ""):
            yield stem[:i] + other + stem[i + 1 :]
