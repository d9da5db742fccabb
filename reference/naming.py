"""How official names are made of a stem and a kind: what people leave out, and what they swap. Pure."""

from __future__ import annotations

import re

#: Endings of an official village-level name; the package also holds two misprinted ones.
_COMMITTEE = re.compile(
    r"(?:社区居民委员会|社区居委会|居民委员会|村民委员会|村民委员|村民委会|村委会|居委会|社区|生活区)$"
)
_TOWNSHIP = re.compile(r"(?:回族镇|民族乡|街道办事处|街道|镇|乡)$")


def stem_of_village(name: str) -> str:
    """`火店村委会` -> `火店`; `马村村委会` -> `马村`; a name that would shrink to one character keeps its 村."""
    stem = _COMMITTEE.sub("", name)
    return stem if len(stem) != 1 else stem + "村"


def stem_of_township(name: str) -> str:
    """`车站镇` -> `车站`, `城关回族镇` -> `城关`."""
    return _TOWNSHIP.sub("", name)
