"""A replay finds nothing where nothing was touched, and names whatever was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from reference.rows import row_of
from streams.held_versions import Held, HeldVersions, digest
from streams.process import Decided, process
from streams.recalling import change_of, decide_again
from streams.replaying import DryRun, Replay, ReplayReport
from tests.rules_kit import HUBEI, SITE, gazetteer, rule, scan
from tests.test_streams_recalling import history, opener, value_of

GRADE = ("grade", {"area": "4201", "grade": "low", "valid_from": "2020-02-18T00:00:00+08:00"})
UNIT = ("unit", {"unit": "411426101-01", "parent": "411426101", "name": "阳光花园", "aliases": ()})
HISTORY = history([row_of(kind, dict(values), gazetteer().known) for kind, values in (SITE, HUBEI, GRADE, UNIT)])
OPEN = opener({"destination": "河南省商丘市夏邑县火店镇火店村"})
RAW = scan()
FIRST = process(RAW, HISTORY.at(1), OPEN)
ROW = HISTORY.row(2)
assert ROW is not None
AGAIN = decide_again(value_of(FIRST), HISTORY.at(2), change_of(ROW), OPEN)
Check = Callable[..., ReplayReport]


def held(outcome: Any, value: bytes | None = None) -> tuple[str, Held]:
    assert isinstance(outcome, Decided)
    said = orjson.loads(outcome.arrival.value)
    return outcome.event_id, Held(outcome.revision, said["cause"], digest(value or outcome.arrival.value))


@pytest.fixture
def check(tmp_path: Path) -> Iterator[Check]:
    made = HeldVersions(tmp_path / "held")

    def replayed(*versions: tuple[str, Held], as_of: int = 3, asked: bool = True) -> ReplayReport:
        made.keep(versions)
        one = Replay(HISTORY, made, OPEN, ReplayReport(as_of, 5, asked))
        one.compare(RAW)
        return one.report

    yield replayed
    made.close()


def test_every_version_is_decided_under_its_own_reference_and_cause(check: Check) -> None:
    report = check(held(FIRST), held(AGAIN))
    assert (report.scans, report.versions, report.equal, report.exact) == (1, 2, 2, True)


def test_an_arrival_nobody_decided_again_is_outdated_as_of_the_later_row_only(check: Check) -> None:
    report = check(held(FIRST))
    assert report.differences == {"outdated": 1}
    assert [(d.what, d.revision) for d in report.first] == [("outdated", 1)]
    assert check(as_of=1).exact
    assert check(asked=False).exact


def test_a_changed_byte_a_missing_arrival_and_one_too_many_are_named(check: Check) -> None:
    assert check().differences == {"missing": 1}
    assert check(held(FIRST, b"other"), asked=False).differences == {"other_bytes": 1}


def test_versions_that_contradict_each_other_and_those_without_a_scan_are_found(tmp_path: Path) -> None:
    made = HeldVersions(tmp_path / "held")
    made.keep([held(FIRST), held(FIRST), held(FIRST, b"other")])
    assert (made.conflicts(), made.unseen()) == (1, [held(FIRST)[0]])
    assert [version.revision for version in made.of(held(FIRST)[0])] == [1]
    assert made.unseen() == []
    made.close()


def test_an_arrival_decided_only_later_is_not_missing_as_of_an_earlier_version(check: Check) -> None:
    report = check(held(AGAIN), as_of=1)
    assert (report.exact, report.later) == (True, 1)


def test_a_dry_run_tells_who_would_be_decided_differently() -> None:
    new = row_of(*rule("strict", [{"type": "temperature", "at_least": 36.0}], decision="isolate", risk="high"), gazetteer().known)
    now = HISTORY.at(3)
    run = DryRun(now, now.with_rows([(4, new)]), OPEN, 1)
    for at in ("2020-02-18", "2020-02-19"):
        run.compare(scan(at))
    run.compare(scan(temperature_c=35.0))
    assert run.scans == 3
    assert sum(run.changed.values()) == 2
    assert {new for _, new in run.changed} == {"isolate"}
    assert (len(run.first), run.first[0].new_rule) == (1, "strict")
    assert run.totals["then"]["isolate"] == 2
