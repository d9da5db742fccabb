"""Phone numbers in E.164, or none with a flag. A number's home region says nothing about where its owner comes from. Pure."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

_MOBILE = re.compile(r"(?:\+?86|0086)?(1[3-9][0-9]{9})\Z")
_SEPARATORS = re.compile(r"[\s\-‐-―()（）.]+")


def read_phone(text: str | None) -> tuple[str | None, str | None]:
    """The number in E.164 and a flag: (`+8613800000000`, None), (None, `phone_invalid`) or (None, `phone_missing`)."""
    if text is None or not text.strip():
        return None, "phone_missing"
    mobile = _MOBILE.match(text)
    if mobile:
        return f"+86{mobile[1]}", None
    plain = _SEPARATORS.sub("", "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf"))
    mobile = _MOBILE.match(plain)
    return (f"+86{mobile[1]}", None) if mobile else _other_phone(plain)


def _other_phone(plain: str) -> tuple[str | None, str | None]:
    """Landlines and numbers of other countries."""
    try:
        number = phonenumbers.parse(plain, "CN")
    except phonenumbers.NumberParseException:
        return None, "phone_invalid"
    if not phonenumbers.is_valid_number(number):
        return None, "phone_invalid"
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), None
