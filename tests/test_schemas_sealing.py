"""Keyed hashes: the quick one for hot paths is the plain one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.sealing import KeyedHash, keyed_hash

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.binary(max_size=100), st.lists(TEXT, min_size=1, max_size=3))
def test_the_hash_begun_once_per_secret_is_the_whole_one(secret: bytes, parts: list[str]) -> None:
    assert KeyedHash(secret)(*parts) == keyed_hash(secret, *parts)
