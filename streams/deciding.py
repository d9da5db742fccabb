"""The router's step: a batch of scans under one snapshot becomes arrivals, alerts and dead letters.

One snapshot decides a whole batch, so one reference version stands in all of its arrivals. Nothing here waits or
talks to a server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from arrivals.runtime.keys import KeyStore
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.settings import Settings
from reference.snapshot import Snapshot
from schemas.base import LOCAL
from schemas.dead_letter import DeadLetter
from schemas.errors import ArrivalsError, Misconfigured, Rejected
from streams.batch_producer import AnyOutput, Headers
from streams.batch_records import Batch, Record
from streams.breaker import Breaker
from streams.process import Dead, Decided, OpenAddress, Outcome, process

#: Reason of a dead letter on which the program failed, not the record.
FAULT = "router_fault"


@dataclass(frozen=True, slots=True)
class Targets:
    """Full names of the topics a router writes."""

    arrivals: str
    alerts: str
    dead_letters: str

    @classmethod
    def of(cls, settings: Settings) -> Targets:
        """The targets under these settings."""
        return cls(settings.topic("arrivals"), settings.topic("alerts"), settings.topic("dead-letters"))


def opener(keys: KeyStore) -> OpenAddress:
    """Opens sealed addresses with the keys of a store."""

    def open_address(key_id: str, sealed: str, event_id: str) -> bytes:
        try:
            seal = keys.seal(key_id, "address")
        except Rejected as error:
            if error.code == "key_unknown":  # our fault, not the record's: stop rather than refuse a whole day
                raise Misconfigured(error.code, error.message, "Give this part the gateway's key store.") from error
            raise
        return seal.open(sealed, event_id)

    return open_address


def outputs_of(decided: Decided, targets: Targets) -> Iterable[AnyOutput]:
    """The records of a decision: the arrival, then its alerts."""
    event_id = decided.event_id.encode()
    headers: Headers = [("event_id", event_id), ("schema", b"arrival/1"), ("revision", b"%d" % decided.revision)]
    yield targets.arrivals, decided.arrival.key.encode(), decided.arrival.value, headers
    for alert in decided.alerts:
        yield targets.alerts, alert.key.encode(), alert.value, [("event_id", event_id), ("schema", b"alert/1")]


class Deciding:
    """Callable as the engine's step. `random` gives fresh bytes for sealing dead letters."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        keys: KeyStore,
        targets: Targets,
        metrics: Metrics,
        random: Callable[[int], bytes],
    ) -> None:
        self._snapshot = snapshot
        self._keys = keys
        self._open = opener(keys)
        self._targets = targets
        self._random = random
        self._breaker = Breaker()
        self._scans = metrics.counter("arrivals_router_scans_total")
        self._findings = metrics.counter("arrivals_router_findings_total")
        self._locations = metrics.counter("arrivals_router_locations_total")

    def __call__(self, batch: Batch) -> Iterable[AnyOutput]:
        """Decides every record of the batch, in order."""
        snapshot = self._snapshot()
        outcomes = [self._outcome(record, snapshot) for record in batch.records]
        faults = sum(isinstance(outcome, Dead) and outcome.reason == FAULT for outcome in outcomes)
        self._breaker.add(len(outcomes), faults)
        outputs: list[AnyOutput] = []
        for record, outcome in zip(batch.records, outcomes, strict=True):
            if isinstance(outcome, Decided):
                outputs.extend(outputs_of(outcome, self._targets))
            else:
                outputs.append(self._dead(outcome, batch, record, snapshot.version))
        self._count([o for o in outcomes if isinstance(o, Decided)], len(outcomes))
        return outputs

    def _outcome(self, record: Record, snapshot: Snapshot) -> Outcome:
        """What `process` says. A record on which the program itself fails is set apart whole, so that its partition goes on;
        as the decision is pure, trying it again would fail again.
        """
        try:
            return process(record.value or b"", snapshot, self._open)
        except ArrivalsError:
            raise
        except Exception as error:  # noqa: BLE001 - the one place: it must not stop the people behind it
            return Dead(FAULT, _place(error), None)

    def _dead(self, dead: Dead, batch: Batch, record: Record, version: int) -> AnyOutput:
        letter_id = f"router:{batch.topic}:{batch.partition}:{record.offset}"
        written = datetime.fromtimestamp(record.timestamp / 1000, LOCAL)
        seal = self._keys.seal_for_writing(written.date().isoformat(), "payload")
        payload = record.value or b""
        letter = DeadLetter(
            version=1,
            dead_letter_id=letter_id,
            stage="router",
            reason=dead.reason,
            detail=dead.detail,
            recorded_at=written,
            topic=batch.topic,
            partition=batch.partition,
            offset=record.offset,
            event_id=dead.event_id,
            reference_version=version,
            key_id=written.date().isoformat(),
            payload_sealed=seal.close(payload, letter_id, self._random(12)),
            payload_bytes=len(payload),
        )
        headers: Headers = [("schema", b"dead-letter/1")]
        return self._targets.dead_letters, letter_id.encode(), letter.model_dump_json().encode(), headers

    def _count(self, decided: list[Decided], total: int) -> None:
        self._scans.labels("decided").inc(len(decided))
        self._scans.labels("dead").inc(total - len(decided))
        for outcome in decided:
            self._locations.labels(outcome.status).inc()
            for rule in outcome.rules:
                self._findings.labels(rule).inc()


def _place(error: Exception) -> str:
    """The kind of fault and the innermost line of ours it came from; no values."""
    line = error.__traceback__
    while line is not None and line.tb_next is not None:
        line = line.tb_next
    where = f" in {line.tb_frame.f_globals.get('__name__')}, line {line.tb_lineno}" if line else ""
    return f"{type(error).__name__}{where}"
