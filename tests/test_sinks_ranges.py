"""Offset ranges: equal tokens mean equal rows, and no sink ever goes on behind a gap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Misconfigured
from sinks.accumulating import Gathering
from sinks.columns import Columns
from sinks.ranges import OffsetRange, Position, range_set, starting_offset
from sinks.storing import positions
from sinks.tables import DUPLICATES
from sinks.writer import Watermark
from tests.sinks_kit import raw

spans = st.builds(lambda p, f, n: OffsetRange(p, f, f + n), st.integers(0, 63), st.integers(0, 10**12), st.integers(0, 10**6))


@given(st.lists(spans, min_size=1, max_size=5, unique_by=lambda s: s.partition), st.randoms())
def test_a_token_names_the_ranges_whatever_their_order(ranges: list[OffsetRange], source: object) -> None:
    shuffled = list(ranges)
    source.shuffle(shuffled)  # type: ignore[attr-defined]
    assert range_set("arrivals", "id", ranges).token == range_set("arrivals", "id", shuffled).token


@given(spans, spans)
def test_other_ranges_have_another_token(one: OffsetRange, other: OffsetRange) -> None:
    same = range_set("arrivals", "id", [one]).token == range_set("arrivals", "id", [other]).token
    assert same == (one == other)


def test_a_topic_created_anew_has_other_tokens() -> None:
    span = OffsetRange(0, 1, 2)
    assert range_set("arrivals", "a", [span]).token == "arrivals@a:0:1-2"
    assert range_set("arrivals", "b", [span]).token != range_set("arrivals", "a", [span]).token


@pytest.mark.parametrize(
    ("stored", "log", "expected"),
    [(None, (0, 9), 0), (5, (0, 9), 5), (5, (5, 5), 5), (9, (3, 9), 9)],
)
def test_reading_goes_on_at_the_watermark(stored: int | None, log: tuple[int, int], expected: int) -> None:
    assert starting_offset(Position("arrivals", 0, stored, False, *log)) == expected


@pytest.mark.parametrize(
    ("stored", "other", "log", "code"),
    [
        (5, False, (7, 20), "retention_gap"),
        (None, False, (1, 20), "retention_gap"),
        (21, False, (0, 20), "log_truncated"),
        (None, True, (0, 20), "topic_recreated"),
    ],
)
def test_a_gap_stops_the_sink(stored: int | None, other: bool, log: tuple[int, int], code: str) -> None:
    with pytest.raises(Misconfigured) as stopped:
        starting_offset(Position("arrivals", 3, stored, other, *log))
    assert stopped.value.code == code
    assert "accept-gap" in stopped.value.advice


def test_the_exact_gap_is_named() -> None:
    with pytest.raises(Misconfigured, match="arrivals/3: offsets 5 to 6"):
        starting_offset(Position("arrivals", 3, 5, False, 7, 20))


def test_positions_tell_a_new_partition_from_a_new_topic() -> None:
    marks = [Watermark("now", 0, 7)]
    bounds = {0: (0, 9), 1: (0, 4)}
    assert positions("arrivals", "now", marks, bounds) == [
        Position("arrivals", 0, 7, False, 0, 9),
        Position("arrivals", 1, None, False, 0, 4),  # partitions were added (T25): read from the start
    ]
    assert [p.other_topic_id for p in positions("arrivals", "new", marks, bounds)] == [True, True]


def test_gathered_ranges_are_contiguous_and_never_overlap() -> None:
    gathering = Gathering(DUPLICATES, Columns(DUPLICATES))
    gathering.begin(0, 10, "id")
    document = {
        "version": 1,
        "event_id": "017053e0-bf24-7892-9767-727e1818e811",
        "device_id": "d",
        "recorded_at": "2020-02-18T00:00:00.000+08:00",
    }
    gathering.add(1, [raw(document, 3, 1)])  # a partition without position: ignored
    gathering.add(0, [raw(document, 10), raw(document, 12)])  # offset 11 is a gap Kafka left (a marker): covered all the same
    first = gathering.take()
    gathering.add(0, [raw(document, 13)])
    second = gathering.take()
    assert first is not None
    assert second is not None
    assert [first.ranges.ranges, second.ranges.ranges] == [(OffsetRange(0, 10, 12),), (OffsetRange(0, 13, 13),)]
    assert first.counts == {0: 2}
    assert gathering.take() is None
    with pytest.raises(Misconfigured, match="offset 14 was expected and 13 came"):
        gathering.add(0, [raw(document, 13)])
