"""The console's words in Chinese and English, from one catalogue per language; both hold the same keys (a test compares)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

import orjson

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """All texts of a language by key."""
    texts: dict[str, str] = orjson.loads((files("serving") / "console" / "texts" / f"{language}.json").read_bytes())
    return texts


def choose(asked: str | None, remembered: str | None, accepted: str | None) -> Language:
    """The language of a page: what was asked for, else what the reader chose before, else what the browser prefers;
    Chinese by default.
    """
    for wish in (asked, remembered):
        if wish in LANGUAGES:
            return wish
    for part in (accepted or "").lower().split(","):
        tag = part.split(";")[0].strip()
        if tag.startswith("zh"):
            return "zh"
        if tag.startswith("en"):
            return "en"
    return "zh"
