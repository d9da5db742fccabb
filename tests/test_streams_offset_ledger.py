"""No order of acknowledgements, seeks and revocations commits past an open batch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Misconfigured
from streams.offset_ledger import OffsetLedger


def test_an_open_batch_holds_back_everything_behind_it() -> None:
    ledger: OffsetLedger[str] = OffsetLedger()
    ledger.rewind("p", 10, now=0.0)
    first, second, third = (ledger.deliver("p", n, n + 4) for n in (10, 15, 20))
    ledger.acknowledge("p", third, 1.0)
    ledger.acknowledge("p", second, 1.0)
    assert (ledger.committable("p"), ledger.position("p"), ledger.open_leases()) == (None, 10, 3)
    ledger.acknowledge("p", first, 2.0)
    assert (ledger.committable("p"), ledger.position("p"), ledger.open_leases()) == (25, 25, 0)
    assert ledger.moved_at("p") == 2.0


def test_an_acknowledgement_from_before_a_seek_is_void() -> None:
    ledger: OffsetLedger[str] = OffsetLedger()
    ledger.rewind("p", 0, now=0.0)
    late = ledger.deliver("p", 0, 9)
    ledger.rewind("p", 0, now=1.0)
    again = ledger.deliver("p", 0, 9)
    assert not ledger.acknowledge("p", late, 2.0)
    assert ledger.committable("p") is None
    assert ledger.acknowledge("p", again, 2.0)
    assert ledger.committable("p") == 10


def test_a_revoked_partitions_acknowledgement_is_void() -> None:
    ledger: OffsetLedger[str] = OffsetLedger()
    ledger.rewind("p", 0, now=0.0)
    late = ledger.deliver("p", 0, 9)
    ledger.forget(["p"])
    assert not ledger.acknowledge("p", late, 1.0)
    assert (ledger.committable("p"), ledger.position("p"), ledger.moved_at("p")) == (None, None, None)
    assert ledger.keys() == ()


@pytest.mark.parametrize("found", [0, 12])
def test_a_gap_or_a_step_back_in_the_log_stops_with_its_exact_place(found: int) -> None:
    ledger: OffsetLedger[str] = OffsetLedger()
    ledger.rewind("p", 5, now=0.0)
    with pytest.raises(Misconfigured, match=f"offset 5 .* {found}"):
        ledger.deliver("p", found, 20)


def test_without_a_committed_offset_the_log_may_begin_anywhere() -> None:
    ledger: OffsetLedger[str] = OffsetLedger()
    ledger.rewind("p", None, now=0.0)
    ledger.acknowledge("p", ledger.deliver("p", 700, 709), 1.0)
    assert ledger.committable("p") == 710


@given(st.permutations(range(8)), st.integers(0, 8), st.lists(st.integers(1, 5), min_size=8, max_size=8))
def test_any_order_commits_exactly_the_unbroken_run(order: list[int], taken: int, sizes: list[int]) -> None:
    ledger: OffsetLedger[str] = OffsetLedger()
    ledger.rewind("p", 0, now=0.0)
    starts = [sum(sizes[:n]) for n in range(9)]
    leases = [ledger.deliver("p", starts[n], starts[n + 1] - 1) for n in range(8)]
    for n in order[:taken]:
        ledger.acknowledge("p", leases[n], 1.0)
    run = next((n for n in range(8) if n not in order[:taken]), 8)
    assert ledger.committable("p") == (starts[run] if run else None)
    assert ledger.position("p") == starts[run]
