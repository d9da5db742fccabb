"""Train numbers: normalised, and the pair one train runs under on its way (K1234 becomes K1235 where its direction changes). Pure."""

from __future__ import annotations

import re
import unicodedata

_TRAIN = re.compile(r"(?:[GDCZTKYSLNA]\d{1,4}|[1-7]\d{3})\Z")


def read_train(text: str) -> tuple[str, str, bool]:
    """The number without 次, its pair, and whether it is a train number at all.

    The pair is the even number of the two, since the numbers change between an even one and the next odd one: K1234/K1235 are one train.
    """
    plain = unicodedata.normalize("NFKC", text).strip().upper().removesuffix("次").strip()
    if not _TRAIN.match(plain):
        return plain, plain, False
    letter, digits = (plain[0], plain[1:]) if plain[0].isalpha() else ("", plain)
    number = int(digits)
    return plain, f"{letter}{number - number % 2}", True
