"""Decides kept scans again and compares: with what `arrivals` holds byte by byte, or with what other rules would decide.

Everything is decided by the pure `process`; nothing is published.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from reference.history import ReferenceHistory
from reference.snapshot import TABLE_OF, Snapshot
from schemas.recorded import RecordedScan, read_recorded
from streams.held_versions import Held, HeldVersions, digest
from streams.process import FROM_SCAN, Change, Dead, Decided, OpenAddress, decide
from streams.recalling import change_of, same_decision

#: Tables whose rows never change a decision.
_RIGHTS = frozenset({"credentials"})
_UNOPENED = frozenset({"key_destroyed"})


class Difference(NamedTuple):
    """One event that differs, without personal data: how, under which version, and which fields."""

    event_id: str
    what: str
    revision: int | None
    fields: str = ""


@dataclass(slots=True)
class ReplayReport:
    """Scans looked at; versions compared and equal; what differs; `shown` of the differences are kept."""

    as_of: int
    show: int
    #: Whether the newest version of every event must also say what would be decided as of `as_of`.
    asked: bool
    scans: int = 0
    versions: int = 0
    equal: int = 0
    dead: int = 0
    unopened: int = 0
    later: int = 0
    differences: Counter[str] = field(default_factory=Counter)
    first: list[Difference] = field(default_factory=list)

    def note(self, difference: Difference) -> None:
        """Counts a difference and keeps the first ones."""
        self.differences[difference.what] += 1
        if len(self.first) < self.show:
            self.first.append(difference)

    @property
    def exact(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


class Replay:
    """Compares scans with the held versions as of one version of the reference."""

    def __init__(self, history: ReferenceHistory, held: HeldVersions, open_address: OpenAddress, report: ReplayReport) -> None:
        self._history = history
        self._held = held
        self._open = open_address
        self.report = report

    def compare(self, raw: bytes) -> None:
        """Decides one scan under every version it is held in, and its newest one as of the version asked."""
        report, scan = self.report, read_recorded(raw)
        report.scans += 1
        every = self._held.of(scan.event_id)
        held = [version for version in every if version.revision <= report.as_of]
        newest: dict[str, Any] | None = None
        for version in held:
            outcome = decide(scan, self._history.at(version.revision), self._open, self._change(version))
            if isinstance(outcome, Dead):
                return self._dead(scan, outcome, version)
            newest = self._compared(outcome, version)
        if newest is not None:
            return self._as_of(scan, newest, held[-1])
        if every:
            report.later += 1
            return None
        return self._unheld(scan)

    def _change(self, version: Held) -> Change:
        row = self._history.row(version.revision)
        return change_of(row) if row is not None and version.cause != "scan" else FROM_SCAN

    def _compared(self, outcome: Decided, version: Held) -> dict[str, Any]:
        self.report.versions += 1
        if digest(outcome.arrival.value) == version.digest:
            self.report.equal += 1
        else:
            self.report.note(Difference(outcome.event_id, "other_bytes", version.revision))
        value: dict[str, Any] = orjson.loads(outcome.arrival.value)
        return value

    def _as_of(self, scan: RecordedScan, newest: Mapping[str, Any], version: Held) -> None:
        """What was decided last must be what would be decided as of the version asked."""
        then, now = self._history.at(version.revision), self._history.at(self.report.as_of)
        if not self.report.asked or same_ground(then, now):
            return
        outcome = decide(scan, now, self._open)
        if isinstance(outcome, Dead) or not same_decision(newest, orjson.loads(outcome.arrival.value)):
            self.report.note(Difference(scan.event_id, "outdated", version.revision))

    def _dead(self, scan: RecordedScan, outcome: Dead, version: Held) -> None:
        if outcome.reason in _UNOPENED:
            self.report.unopened += 1
        else:
            self.report.note(Difference(scan.event_id, outcome.reason, version.revision))

    def _unheld(self, scan: RecordedScan) -> None:
        outcome = decide(scan, self._history.at(self.report.as_of), self._open)
        if isinstance(outcome, Dead):
            self.report.dead += 1
        else:
            self.report.note(Difference(scan.event_id, "missing", None))


def same_ground(one: Snapshot, other: Snapshot) -> bool:
    """Whether two snapshots hold the same rows of every kind that decides. Tables without new rows are shared, not copied."""
    return all(getattr(one, table) is getattr(other, table) for table in TABLE_OF.values() if table not in _RIGHTS)


class Otherwise(NamedTuple):
    """One event that other rules would decide differently: decision and deciding rule, now and then."""

    event_id: str
    decision: str
    rule: str | None
    new_decision: str
    new_rule: str | None


@dataclass(slots=True)
class DryRun:
    """Decides scans under the rules of a version and under others beside them."""

    now: Snapshot
    then: Snapshot
    open_address: OpenAddress
    show: int
    scans: int = 0
    changed: Counter[tuple[str, str]] = field(default_factory=Counter)
    totals: dict[str, Counter[str]] = field(default_factory=lambda: {"now": Counter(), "then": Counter()})
    first: list[Otherwise] = field(default_factory=list)

    def compare(self, raw: bytes) -> None:
        """Decides one scan both ways; scans that cannot be decided are dead letters under any rules."""
        scan = read_recorded(raw)
        one, other = (decide(scan, snapshot, self.open_address) for snapshot in (self.now, self.then))
        if isinstance(one, Dead) or isinstance(other, Dead):
            return
        self.scans += 1
        old, new = orjson.loads(one.arrival.value), orjson.loads(other.arrival.value)
        self.totals["now"][old["decision"]] += 1
        self.totals["then"][new["decision"]] += 1
        if (old["decision"], old["risk"]) == (new["decision"], new["risk"]):
            return
        self.changed[old["decision"], new["decision"]] += 1
        if len(self.first) < self.show:
            self.first.append(Otherwise(scan.event_id, old["decision"], old["decided_by"], new["decision"], new["decided_by"]))
