"""Texts as people, keyboards and PDF files write them, made comparable. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

#: Longest text looked at, in characters; an address is shorter, a pasted page is not an address.
LONGEST = 160
#: Radicals that copying from a PDF leaves in place of the character; NFKC maps the Kangxi block, not these.
_RADICALS = dict(
    zip(
        "⺟⺠⺩⺫⺬⺮⻁⻄⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻬⻮⻰⻳⻑⻗⻃⻤",
        "母民王目示竹虎西见角贝车长门青韦页风飞食马骨鬼鱼鸟卤麦黄齐齿龙龟长雨西鬼",
        strict=True,
    )
)
_ARROWS = dict.fromkeys("→⇒➡➜➔>", "到")
_PLAIN = r"\u4e00-\u9fffA-Za-z0-9"
#: The names of a form's fields, copied with what was written in them: `乡镇(街道):利民镇，村:马阁`.
_FIELD = "所在|详细地址|门牌号?|省份?|城市|地?市|[区县乡镇村居]|街道|行政村|社区|小区"
_FIELDS = re.compile(rf"(?<![{_PLAIN}])(?:(?:{_FIELD})[/()、]*)+ ?:")


def make_normaliser(simplified: Mapping[str, str]) -> Callable[[str], str]:
    """A function that gives a text in NFKC, simplified, upper case, without anything but characters, letters and digits."""
    table = str.maketrans({**simplified, **_RADICALS, **_ARROWS})
    odd = re.compile(f"[^{_PLAIN}]|[{''.join(simplified)}a-z]")
    dropped = re.compile(f"[^{_PLAIN}]+")

    def normalise(text: str) -> str:
        text = text[: 4 * LONGEST]
        if odd.search(text) is None:
            return text[:LONGEST]
        mapped = unicodedata.normalize("NFKC", text).translate(table)
        if ":" in mapped:
            mapped = _FIELDS.sub(" ", mapped)
        return dropped.sub("", mapped)[:LONGEST].upper()

    return normalise
