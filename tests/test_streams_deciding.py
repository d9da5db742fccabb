"""The router's step: a record on which the program fails is set apart, a program that fails too often stops (T56, T58)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from arrivals.runtime.keys import KeyStore
from arrivals.runtime.metrics import Metrics
from reference.gazetteer import load_gazetteer
from reference.snapshot import Snapshot
from schemas.dead_letter import DeadLetter
from schemas.errors import Misconfigured
from streams import deciding
from streams.batch_records import Batch
from streams.breaker import Breaker
from streams.deciding import FAULT, Deciding, Targets
from streams.process import Outcome, process
from tests.test_streams_process import scan

TARGETS = Targets("arrivals", "alerts", "dead-letters")
WHEN_MS = 1_581_984_000_000  # 2020-02-18 08:00 in Shangqiu


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    return KeyStore.open(tmp_path / "keys.json", create=True)


@pytest.fixture
def step(keys: KeyStore) -> Deciding:
    empty = Snapshot.empty(load_gazetteer())
    return Deciding(lambda: empty, keys, TARGETS, Metrics(), lambda size: b"\0" * size)


@dataclass(frozen=True)
class Scan:
    """A record of the topic."""

    offset: int
    value: bytes
    timestamp: int = WHEN_MS
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def batch(*values: bytes) -> Batch:
    return Batch("scans", 2, [Scan(offset, value) for offset, value in enumerate(values, 100)], lease=1)


def failing_on(poison: bytes) -> object:
    def decide(raw: bytes, snapshot: Snapshot, open_address: object) -> Outcome:
        if raw == poison:
            return 1 // 0  # type: ignore[return-value]
        return process(raw, snapshot, open_address)  # type: ignore[arg-type]

    return decide


def test_a_poison_record_becomes_one_dead_letter_and_its_neighbours_pass(
    step: Deciding, keys: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, poison = scan("rail"), b"poison"
    monkeypatch.setattr(deciding, "process", failing_on(poison))
    outputs = list(step(batch(good, poison, good)))
    assert [topic for topic, *_ in outputs if topic == "arrivals"] == ["arrivals", "arrivals"]
    letters = [DeadLetter.model_validate_json(value or b"") for topic, _, value, _ in outputs if topic == "dead-letters"]
    assert [(letter.reason, letter.partition, letter.offset) for letter in letters] == [(FAULT, 2, 101)]
    assert letters[0].detail.startswith("ZeroDivisionError in tests.test_streams_deciding, line ")
    assert keys.seal(letters[0].key_id, "payload").open(letters[0].payload_sealed, letters[0].dead_letter_id) == poison


def test_a_program_that_fails_on_everything_stops_before_anything_is_published(
    step: Deciding, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = b"poison"
    monkeypatch.setattr(deciding, "process", failing_on(poison))
    with pytest.raises(Misconfigured) as stopped:
        list(step(batch(*[poison] * 50)))
    assert stopped.value.code == "router_faulty"


def test_what_the_record_is_to_blame_for_never_opens_the_breaker(step: Deciding) -> None:
    outputs = list(step(batch(*[b"no scan"] * 500)))
    assert len(outputs) == 500


def test_faults_long_ago_are_forgotten() -> None:
    breaker = Breaker(window=100, most_faults=3)
    for _ in range(50):
        breaker.add(60, 1)
    with pytest.raises(Misconfigured):
        breaker.add(10, 2)
