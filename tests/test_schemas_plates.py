"""Number plates: one form for comparing, the region as a hint, no false merge (T51)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.plates import read_plate


@pytest.mark.parametrize(
    ("text", "plate", "region"),
    [
        ("鄂A12345", "鄂A12345", "鄂A"),
        ("鄂A·12345", "鄂A12345", "鄂A"),
        ("豫Ｎ-１２３４５", "豫N12345", "豫N"),
        (" 豫n 12345 ", "豫N12345", "豫N"),
        ("豫ND12345", "豫ND12345", "豫N"),
        ("豫N12345D", "豫N12345D", "豫N"),
        ("豫N1234挂", "豫N1234挂", "豫N"),
        ("豫N1234学", "豫N1234学", "豫N"),
        ("粤Z1234港", "粤Z1234港", "粤Z"),
        ("沪A1234领", "沪A1234领", "沪A"),
        ("使123456", "使123456", None),
        ("WJ豫1234X", "WJ豫1234X", None),
    ],
)
def test_valid_plates(text: str, plate: str, region: str | None) -> None:
    found = read_plate(text)
    assert (found.text, found.region, found.valid) == (plate, region, True)


@pytest.mark.parametrize("text", ["", "无", "豫N1234", "豫N123456", "豫NO2345", "豫N0234I", "豫112345"])
def test_wrong_plates_are_kept_and_marked(text: str) -> None:
    found = read_plate(text)
    assert (found.text, found.valid) == (text, False)


def test_letters_and_digits_that_look_alike_stay_apart() -> None:
    assert len({read_plate(text).text for text in ("豫N0O234", "豫N00234", "豫N1I234", "豫N11234")}) == 4


@given(st.text(max_size=20))
def test_reading_a_plate_twice_changes_nothing(text: str) -> None:
    once = read_plate(text)
    assert read_plate(once.text) == once
