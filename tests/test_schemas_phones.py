"""Phone numbers: E.164 or a flag (T52)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.phones import read_phone


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("19900000001", "+8619900000001"),
        ("+86 199-0000-0001", "+8619900000001"),
        ("8619900000001", "+8619900000001"),
        ("0086 19900000001", "+8619900000001"),
        ("１９９００００００01", "+8619900000001"),
        ("\u202d199 0000 0001\u202c", "+8619900000001"),
        ("0370-2789999", "+863702789999"),
        ("(0370) 2789999", "+863702789999"),
        ("+852 9123 4567", "+85291234567"),
    ],
)
def test_numbers_in_one_form(text: str, number: str) -> None:
    assert read_phone(text) == (number, None)


@pytest.mark.parametrize("text", ["138001380001", "123", "abc", "１", "+", "12345678901"])
def test_what_is_no_number_is_flagged(text: str) -> None:
    assert read_phone(text) == (None, "phone_invalid")


@pytest.mark.parametrize("text", [None, "", "  "])
def test_a_missing_number_is_flagged_as_missing(text: str | None) -> None:
    assert read_phone(text) == (None, "phone_missing")


@given(st.text(max_size=40))
def test_whatever_is_typed_gives_e164_or_a_flag(text: str) -> None:
    number, flag = read_phone(text)
    assert (number is None) == (flag is not None)
    assert number is None or re.fullmatch(r"\+[1-9][0-9]{3,14}", number)
