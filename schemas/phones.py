"""Phone numbers in E.164, or none with a flag. The home region of a number says nothing about where its owner comes from. Pure."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

_MOBILE = re.compile(r"(?:\+?86)?(1[3-9]\d{9})\Z")
_SEPARATORS = re.compile(r"[\s\-()（）]+")


def read_phone(text: str | None) -> tuple[str | None, str | None]:
    """The number in E.164 and a flag: (`+8613800000000`, None), (None, `phone_invalid`) or (None, `phone_missing`)."""
    if text is None or not text.strip():
        return None, "phone_missing"
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text))
    mobile = _MOBILE.match(plain)
    if mobile:
        return f"+86{mobile[1]}", None
    try:
        number = phonenumbers.parse(plain, "CN")
    except phonenumbers.NumberParseException:
        return None, "phone_invalid"
    if not phonenumbers.is_valid_number(number):
        return None, "phone_invalid"
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), None
