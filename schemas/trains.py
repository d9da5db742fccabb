"""Train numbers: normalised, and the pair one train runs under on its way (K1234 becomes K1235 where it turns). Pure."""

from __future__ import annotations

import re
import unicodedata

_TRAIN = re.compile(r"(?:([GDCZTKYSLNA])0*([1-9][0-9]{0,3})|([1-7][0-9]{3}))\Z")
_SPACES = re.compile(r"\s+")


def read_train(text: str) -> tuple[str, str, bool]:
    """The number without 次, its pair, and whether it is a train number at all.

    The pair is the even number of the two, since the numbers change between an even one and the next odd one: K1234/K1235
    are one train. Leading zeros are dropped: K0012 is K12.
    """
    plain = _SPACES.sub("", unicodedata.normalize("NFKC", text)).upper().removesuffix("次")
    found = _TRAIN.match(plain)
    if not found:
        return plain, plain, False
    letter, number = found[1] or "", int(found[2] or found[3])
    return f"{letter}{number}", f"{letter}{number - number % 2}", True
