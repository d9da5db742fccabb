"""UUID version 7: layout, order, and reading the time back."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schemas.base import EventId
from schemas.event_ids import uuid7, uuid7_time


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_an_id_is_a_uuid_of_version_7_and_gives_its_time_back(milliseconds: int, random_bytes: bytes) -> None:
    made = uuid7(milliseconds, random_bytes)
    assert uuid.UUID(made).version == 7
    assert uuid.UUID(made).variant == uuid.RFC_4122
    assert TypeAdapter(EventId).validate_python(made) == made
    assert uuid7_time(made) == milliseconds


def test_the_example_of_the_standard() -> None:
    tail = bytes.fromhex("cc318c4dc0c0c07398f0")  # rand_a 0xCC3 and rand_b 0x18C4DC0C0C07398F, packed below 76 bits
    value = int.from_bytes(tail, "big")
    rand_a, rand_b = value >> 68, value & 0x3FFF_FFFF_FFFF_FFFF
    expected = uuid.UUID(int=(0x017F22E279B0 << 80) | (7 << 76) | (rand_a << 64) | (2 << 62) | rand_b)
    assert uuid7(0x017F22E279B0, tail) == str(expected)


def test_later_ids_sort_later() -> None:
    assert uuid7(1, b"\xff" * 10) < uuid7(2, b"\x00" * 10)


@pytest.mark.parametrize(("milliseconds", "size"), [(-1, 10), (2**48, 10), (0, 9), (0, 11)])
def test_wrong_input_is_refused(milliseconds: int, size: int) -> None:
    with pytest.raises(ValueError, match="uuid7"):
        uuid7(milliseconds, b"x" * size)


def test_the_time_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 7"):
        uuid7_time(str(uuid.UUID(int=0, version=4)))
