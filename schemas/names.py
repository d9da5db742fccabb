"""Names of people: a display form that cannot mislead, a mask, and flags for what looks broken. The name stays verbatim. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

#: Nothing to fold, hide or remove: the usual case, answered without looking at every character.
_PLAIN = re.compile("[\u4e00-\u9fff]{1,12}\\Z")
_VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
#: The dots that people put between the parts of minority and foreign names, all shown as U+00B7.
_DOTS = str.maketrans(dict.fromkeys("•・‧∙⋅", "·"))
_HIDDEN = ("Cc", "Cf", "Cs")
_PLACEHOLDERS = frozenset(
    (
        *(
            "无",
            "无名",
            "无名氏",
            "佚名",
            "暂无",
            "不详",
            "不明",
            "未知",
            "未填",
            "未登记",
            "保密",
            "本人",
            "同上",
            "匿名",
            "某某",
        ),
        *("测试", "null", "none", "nil", "nan", "n/a", "na", "test", "xxx", "-", "--", "?", "??"),
    )
)
_CYRILLIC_OR_GREEK = re.compile("[\u0370-\u03ff\u0400-\u04ff]")
_LATIN_OR_HAN = re.compile("[A-Za-z\u4e00-\u9fff]")
_HAN = re.compile("[\u4e00-\u9fff]+\\Z")
#: What U+FFFD becomes when its UTF-8 bytes are read as GBK.
_TWICE_BROKEN = "锟斤拷"
#: (the encoding somebody wrongly read with, the one the text was in)
_MISREADINGS = (("cp1252", "utf-8"), ("latin-1", "utf-8"), ("latin-1", "gbk"))
_UTF8_HAN_LEADS = range(0xE4, 0xEA)


class Name(NamedTuple):
    """A name as it is shown, as it is masked, and what is doubtful about it (flags of `schemas.recorded.QualityFlag`)."""

    shown: str
    masked: str
    flags: tuple[str, ...]


def read_name(name: str) -> Name:
    """The name behind what was typed or read."""
    if _PLAIN.match(name):
        return Name(name, _mask(name), _flags_of_plain(name))
    shown = display_name(name)
    return Name(shown, _mask(shown), _flags(name, shown))


def display_name(name: str) -> str:
    """The name for screens and print: compatibility forms folded, invisible and control characters removed, spaces joined."""
    if _PLAIN.match(name):
        return name
    folded = _VARIATION_SELECTORS.sub("", unicodedata.normalize("NFKC", name)).translate(_DOTS)
    visible = "".join(c for c in " ".join(folded.split()) if unicodedata.category(c) not in _HIDDEN)
    return visible.strip()


def mask_name(name: str) -> str:
    """`张三` → `张*`, `欧阳建国` → `欧***`, `Mary Major` → `M***`; at most three stars, so that length tells little."""
    return _mask(display_name(name))


def name_flags(name: str) -> tuple[str, ...]:
    """What is doubtful about a name: `name_mojibake`, `name_confusable` (mixed alphabets), `name_placeholder`."""
    return _flags(name, display_name(name))


def _mask(shown: str) -> str:
    return shown[:1] + "*" * min(max(len(shown) - 1, 1), 3) if shown else "*"


def _flags(name: str, shown: str) -> tuple[str, ...]:
    flags = []
    if "\ufffd" in name or _TWICE_BROKEN in name or _reads_as_mojibake(name):
        flags.append("name_mojibake")
    if _CYRILLIC_OR_GREEK.search(name) and _LATIN_OR_HAN.search(name):
        flags.append("name_confusable")
    if not shown or shown.casefold() in _PLACEHOLDERS:
        flags.append("name_placeholder")
    return tuple(flags)


def _flags_of_plain(name: str) -> tuple[str, ...]:
    """`_flags` of a name of the usual hanzi alone: less can be wrong with it."""
    flags = ("name_mojibake",) if _TWICE_BROKEN in name or _was_utf8(name) else ()
    return (*flags, "name_placeholder") if name in _PLACEHOLDERS else flags


def _reads_as_mojibake(name: str) -> bool:
    """Whether the name is Chinese again when the reading with a wrong encoding is turned back (`寮犱笁` was `张三`)."""
    if name[0] > "\u2fff":
        return _was_utf8(name)
    return any(_turned_back(name, wrong, right) for wrong, right in _MISREADINGS) if name[0] > "\x7f" else False


def _was_utf8(name: str) -> bool:
    """UTF-8 read as GBK; an odd number of bytes left a question mark at the end."""
    cut = name.endswith("?")
    try:
        raw = name.removesuffix("?").encode("gbk")
    except UnicodeError:
        return False
    if not raw or raw[0] not in _UTF8_HAN_LEADS:
        return False
    try:
        return bool(_HAN.match(raw.decode("utf-8", "ignore" if cut else "strict")))
    except UnicodeError:
        return False


def _turned_back(name: str, wrong: str, right: str) -> bool:
    try:
        return bool(_HAN.match(name.encode(wrong).decode(right)))
    except UnicodeError:
        return False
