"""Seats as people write them, read into rows, bays and compartments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.seats import Seat, coach_number, read_coach_seat, read_rail_seat


@pytest.mark.parametrize(
    ("text", "seat"),
    [
        ("05A", Seat("seat", 5, 5)),
        ("12F", Seat("seat", 12, 12)),
        ("12f号", Seat("seat", 12, 12)),
        ("１２Ｆ", Seat("seat", 12, 12)),
        ("7排C座", Seat("seat", 7, 7)),
        ("058", Seat("seat", 11, 5)),
        ("59号", Seat("seat", 11, 5)),
        ("60", Seat("seat", 12, 6)),
        ("08下", Seat("berth", 3, 3)),
        ("07 上铺", Seat("berth", 3, 3)),
        ("09号中铺", Seat("berth", 4, 4)),
        ("软卧04上", Seat("berth", 0, 0)),
        ("软卧05下铺", Seat("berth", 1, 1)),
    ],
)
def test_a_rail_seat_is_read(text: str, seat: Seat) -> None:
    assert read_rail_seat(text) == seat


@pytest.mark.parametrize("text", ["", None, "无座", "0", "00A", "05I", "1234A", "A5", "下", "餐车", "12下下", "5年"])
def test_what_says_no_place_is_none(text: str | None) -> None:
    assert read_rail_seat(text) is None


@pytest.mark.parametrize(("text", "row"), [("1", 0), ("04", 0), ("5", 1), ("45号", 11), ("3B", 3)])
def test_a_coach_has_four_seats_to_a_row(text: str, row: int) -> None:
    assert read_coach_seat(text) == Seat("seat", row, row)


@pytest.mark.parametrize(
    ("text", "number"), [("5", 5), ("05", 5), ("０５车", 5), ("加1", 10_001), ("12", 12), ("", 0), (None, 0), ("餐车", 0)]
)
def test_a_carriage_has_a_number(text: str | None, number: int) -> None:
    assert coach_number(text) == number


@given(st.text(max_size=8))
def test_no_text_is_too_odd(text: str) -> None:
    for seat in (read_rail_seat(text), read_coach_seat(text)):
        assert seat is None or (seat.row >= 0 and seat.bay >= 0)
