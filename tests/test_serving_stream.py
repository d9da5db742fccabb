"""Positions and the ring: what a reader gets after which position."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Refused
from serving.positions import decode, encode, furthest, reached
from serving.stream import Fresh, Ring, mark, replay

positions = st.dictionaries(st.integers(0, 9999), st.integers(-1, 10**18 - 1), min_size=1, max_size=20)


@given(positions)
def test_a_position_survives_being_written(position: dict[int, int]) -> None:
    assert decode(encode(position)) == position


@pytest.mark.parametrize(
    "garbage",
    ["", "x", "0", "0:", "0:1,", "0:1,0:2", "0:-2", "0:1\n", " 0:1", "٠:١", "0:1;1:2", "0:" + "9" * 19, ",".join(["1:1"] * 600)],
)
def test_garbage_is_refused(garbage: str) -> None:
    with pytest.raises(Refused) as refused:
        decode(garbage)
    assert refused.value.status == 400


@given(positions, positions)
def test_the_furthest_position_has_reached_both(one: dict[int, int], other: dict[int, int]) -> None:
    assert reached(furthest(one, other), one)
    assert reached(furthest(one, other), other)


def fresh(partition: int, offset: int, number: int | None = None, unit: str = "a") -> Fresh:
    identity = (f"{partition}-{offset}" if number is None else str(number), 0)
    return Fresh(partition, offset, identity, frozenset({unit}), b"{}")


def filled(count: int, capacity: int, seed: int) -> tuple[Ring, list[Fresh]]:
    chance, offsets, records = random.Random(seed), {0: 9, 1: 4, 2: -1}, []
    ring = Ring(capacity, offsets)
    for _ in range(count):
        partition = chance.randrange(3)
        offsets = {**offsets, partition: offsets[partition] + chance.choice((1, 1, 1, 3))}
        records.append(fresh(partition, offsets[partition], unit=chance.choice("ab")))
        ring.append(records[-1])
    return ring, records


def ids(frames: list[bytes]) -> list[dict[int, int]]:
    found = [re.match(rb"id: (.*)\n", frame) for frame in frames]
    return [decode(match[1].decode()) for match in found if match]


@given(st.integers(0, 60), st.integers(1, 40), st.integers(0, 10_000), st.data())
def test_resuming_anywhere_gives_the_rest_once(count: int, capacity: int, seed: int, data: st.DataObject) -> None:
    ring, records = filled(count, capacity, seed)
    position = {p: data.draw(st.integers(ring.floor[p], ring.position[p])) for p in ring.position}
    assert ring.covers(position)
    wanted = [r for r in records if "a" in r.units and r.offset > position[r.partition]]
    events = ring.since(position, "a")
    assert [(e.partition, e.offset) for e in events] == [(r.partition, r.offset) for r in wanted]
    # Cut off after any of the replayed frames, the reader goes on without a gap or a repetition.
    for sent, after in enumerate(ids(replay(events, position)), 1):
        assert [(e.partition, e.offset) for e in ring.since(after, "a")] == [(r.partition, r.offset) for r in wanted[sent:]]


def test_what_was_forgotten_is_not_claimed() -> None:
    ring, _ = filled(50, 10, 1)
    assert ring.covers(ring.floor)
    assert not ring.covers({0: 9, 1: 4, 2: -1})
    assert ring.ahead({0: 10**9})
    assert not ring.ahead(ring.position)


def test_a_record_written_twice_is_one_event() -> None:
    ring = Ring(10, {0: -1, 1: -1})
    assert ring.append(fresh(0, 0, number=1)) is not None
    assert ring.append(fresh(0, 1, number=1)) is None
    assert ring.append(fresh(0, 1, number=2)) is None, "an offset already read"
    assert ring.position == {0: 1, 1: -1}


def test_a_mark_moves_the_reader_without_an_event() -> None:
    assert mark({0: 1}) == b": ping\nid: 0:1\n\n"
    assert mark({0: 1}, b"event: ping\ndata: {}\n") == b": ping\nid: 0:1\nevent: ping\ndata: {}\n\n"
