"""Names of people: a display form that cannot mislead, a mask, and flags for what looks broken. The name itself is kept verbatim. Pure."""

from __future__ import annotations

import re
import unicodedata

#: Characters that reorder or hide text: bidi controls, zero-width characters, byte order mark, variation selectors.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]")
_PLACEHOLDERS = frozenset({"无", "无名", "不详", "未知", "null", "none", "n/a", "na", "-", "测试", "test", "匿名", "某某"})
_CYRILLIC_OR_GREEK = re.compile("[\u0370-\u03ff\u0400-\u04ff]")
_LATIN = re.compile("[A-Za-z]")


def display_name(name: str) -> str:
    """The name for screens and print: compatibility forms folded, invisible and control characters removed, spaces joined."""
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", name))
    visible = "".join(c for c in folded if unicodedata.category(c) not in ("Cc", "Cs"))
    return " ".join(visible.split())


def mask_name(name: str) -> str:
    """`张三` → `张*`, `欧阳建国` → `欧***`, `Mary Major` → `M***`; at most three stars, so that length tells little."""
    shown = display_name(name)
    return shown[:1] + "*" * min(max(len(shown) - 1, 1), 3) if shown else "*"


def name_flags(name: str) -> tuple[str, ...]:
    """What is doubtful about a name: `name_mojibake`, `name_confusable` (mixed alphabets), `name_placeholder`."""
    flags = []
    if "\ufffd" in name or _reads_as_mojibake(name):
        flags.append("name_mojibake")
    if _CYRILLIC_OR_GREEK.search(name) and _LATIN.search(name):
        flags.append("name_confusable")
    if display_name(name).casefold() in _PLACEHOLDERS or not display_name(name):
        flags.append("name_placeholder")
    return tuple(flags)


def _reads_as_mojibake(name: str) -> bool:
    """Whether the name is UTF-8 that somebody read as GBK: turned back, it is Chinese again (`寮犱笁` was `张三`)."""
    try:
        back = name.encode("gbk").decode("utf-8")
    except UnicodeError:
        return False
    return back != name and all("\u4e00" <= c <= "\u9fff" for c in back)
