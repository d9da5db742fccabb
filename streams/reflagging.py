"""Decides stored arrivals again after a row of the reference became known, and publishes the versions that differ.

Delivery guarantee: at least once, and in effect once. A version is named by event and reference version, and the same row gives
the same bytes; what is stored already is not even looked at again, so whoever was told before a crash is not told after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from threading import Event

from pydantic import ValidationError

from arrivals.runtime.metrics import Metrics
from reference.snapshot import Snapshot
from schemas.errors import Unavailable
from schemas.reference_rows import ReferenceRow
from streams.affected import Reach
from streams.batch_producer import AnyOutput
from streams.batch_publishing import BatchPublishing, Written
from streams.deciding import Targets, outputs_of
from streams.process import Change, Dead, Decided, OpenAddress
from streams.recalling import Stored, change_of, decide_again
from streams.stored_arrivals import ALERTED, StoredArrivals

#: What a row reaches, and up to which offset of each partition of `arrivals`.
Among = tuple[Reach, Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a row has come: of `total` arrivals it reaches `done` are decided again; `changed` of them differ.

    `unopened`: the key of their day is destroyed, so they stay as they are.
    """

    version: int
    kind: str
    total: int = 0
    done: int = 0
    changed: int = 0
    unopened: int = 0


class Reflagging:
    """Publishes new versions. `written` is the last offset of `arrivals` this process wrote, by partition."""

    def __init__(
        self, stored: StoredArrivals, publisher: BatchPublishing, targets: Targets, open_address: OpenAddress, metrics: Metrics
    ) -> None:
        self.written: dict[int, int] = {}
        self._stored = stored
        self._publisher = publisher
        self._targets = targets
        self._open = open_address
        self._count = metrics.counter("arrivals_reflag_arrivals_total")

    def run(self, row: ReferenceRow, snapshot: Snapshot, among: Among, told: Callable[[Progress], None], stop: Event) -> Progress:
        """Decides again the stored arrivals a row reaches; `snapshot` ends with it, `told` hears of every chunk.

        Those behind the given offsets are left to whoever follows `arrivals`, so that nobody is told twice.

        Raises Unavailable when a server is away or `stop` is set; run again, it goes on with what is left.
        """
        reach, covered = among
        progress = Progress(snapshot.version, row.data.kind, self._stored.count(reach, snapshot.version))
        if not progress.total:
            return progress
        told(progress)
        sent: Future[Written] | None = None
        change = change_of(row)
        try:
            for chunk in self._stored.select(reach, snapshot.version, covered):
                if stop.is_set():
                    raise Unavailable("stopped", "Stopped in the middle of a row; the rest follows at the next start.")
                outcomes = [self._again(arrival, snapshot, change) for arrival in chunk]
                outputs = self._outputs(chunk, outcomes)
                self._confirm(sent)  # while these were on their way the next ones were decided
                sent = self._publisher.send(outputs)
                progress = self._counted(progress, outcomes)
                told(progress)
        finally:
            self._confirm(sent)  # where it lies must be known before anybody asks again
        return progress

    def late(self, arrivals: Iterable[tuple[Stored, Snapshot, ReferenceRow]]) -> int:
        """The same for arrivals that were decided without a row everybody knew already; returns how many changed."""
        late = list(arrivals)
        outcomes = [self._again(arrival, snapshot, change_of(row)) for arrival, snapshot, row in late]
        self._confirm(self._publisher.send(self._outputs([arrival for arrival, _, _ in late], outcomes)))
        return self._counted(Progress(0, ""), outcomes).changed

    def _again(self, arrival: Stored, snapshot: Snapshot, change: Change) -> Decided | Dead | None:
        try:
            return decide_again(arrival, snapshot, change, self._open)
        except ValidationError:
            return Dead("arrival_invalid", "", arrival["event_id"])

    def _outputs(self, arrivals: Sequence[Stored], outcomes: Sequence[Decided | Dead | None]) -> list[AnyOutput]:
        """What to publish; of alerts those that no version has raised. One not known to have raised any is looked up."""
        decided = [outcome for outcome in outcomes if isinstance(outcome, Decided)]
        doubtful = {arrival["event_id"] for arrival in arrivals if arrival.get(ALERTED, True)}
        before = self._stored.raised([a.alert_id for one in decided if one.event_id in doubtful for a in one.alerts])
        if before:
            decided = [one._replace(alerts=tuple(a for a in one.alerts if a.alert_id not in before)) for one in decided]
        return [output for one in decided for output in outputs_of(one, self._targets)]

    def _confirm(self, sent: Future[Written] | None) -> None:
        for (topic, partition), offset in self._publisher.confirm(sent).items() if sent else ():
            if topic == self._targets.arrivals:
                self.written[partition] = max(offset, self.written.get(partition, -1))

    def _counted(self, progress: Progress, outcomes: Sequence[Decided | Dead | None]) -> Progress:
        changed = sum(isinstance(outcome, Decided) for outcome in outcomes)
        unopened = sum(isinstance(outcome, Dead) for outcome in outcomes)
        self._count.labels("changed").inc(changed)
        self._count.labels("unopened").inc(unopened)
        self._count.labels("unchanged").inc(len(outcomes) - changed - unopened)
        return replace(
            progress,
            done=progress.done + len(outcomes),
            changed=progress.changed + changed,
            unopened=progress.unopened + unopened,
        )
