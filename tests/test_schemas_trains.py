"""Train numbers and the pair one train runs under."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.trains import read_train


@pytest.mark.parametrize(
    ("text", "train", "pair"),
    [
        ("K1234", "K1234", "K1234"),
        ("k1235次", "K1235", "K1234"),
        (" Ｇ１８０７ ", "G1807", "G1806"),
        ("G 1807 次", "G1807", "G1806"),
        ("1462", "1462", "1462"),
        ("K0012", "K12", "K12"),
    ],
)
def test_valid_trains(text: str, train: str, pair: str) -> None:
    assert read_train(text) == (train, pair, True)


@pytest.mark.parametrize("text", ["X1", "8123", "0012", "K0", "G12345", "", "次", "K١٢"])
def test_what_is_no_train_is_kept_and_marked(text: str) -> None:
    assert read_train(text)[2] is False


@given(st.text(max_size=8))
def test_the_pair_of_a_pair_is_itself(text: str) -> None:
    _, pair, valid = read_train(text)
    if valid and not pair.endswith("0"):  # D1 runs with D0, which is no train of its own
        assert read_train(pair) == (pair, pair, True)
