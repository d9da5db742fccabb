"""`arrivals replay` put together: the kept scans of a stretch of time, the reference, the keys, and what `arrivals` holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from arrivals.runtime.kafka_reading import LeanRecord
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.reference_feed import decode_row
from arrivals.runtime.settings import Settings
from arrivals.runtime.topic_reading import WholeTopic
from reference.gazetteer import load_gazetteer
from reference.history import ReferenceHistory
from schemas.base import format_instant
from schemas.errors import Rejected
from schemas.reference_rows import ReferenceRow
from streams.deciding import opener
from streams.held_versions import Held, HeldVersions, digest
from streams.replaying import Difference, DryRun, Replay, ReplayReport


class Stretch(NamedTuple):
    """Arrivals scanned from `since` until before `until`."""

    since: datetime
    until: datetime

    def holds(self, occurred_at: Any) -> bool:
        """Whether a stamp of our topics lies in it."""
        return isinstance(occurred_at, str) and format_instant(self.since) <= occurred_at < format_instant(self.until)


#: Told of the reading of a topic: its name, how many records it has, how many were read.
Told = Callable[[str, int, int], None]


def read_history(settings: Settings) -> ReferenceHistory:
    """Every row of the reference. Raises Unavailable, Misconfigured."""
    history = ReferenceHistory(load_gazetteer())
    for _, records in WholeTopic(settings, "reference").batches():
        history.add([(record.offset, decode_row(record)) for record in records])
    return history


def version_of(as_of: int | datetime | None, history: ReferenceHistory) -> int:
    """The version asked for: the newest, an offset, or the newest row known at a moment. Raises Rejected for one to come."""
    version = history.version if as_of is None else history.known_by(as_of) if isinstance(as_of, datetime) else as_of
    if not 0 <= version <= history.version:
        raise Rejected("version_unknown", f"The reference has the versions 0 to {history.version}.")
    return version


def replay(settings: Settings, stretch: Stretch, as_of: int | datetime | None, show: int, told: Told) -> ReplayReport:
    """Compares the scans of a stretch with what `arrivals` holds of them."""
    history = read_history(settings)
    report = ReplayReport(version_of(as_of, history), show, as_of is not None)
    with TemporaryDirectory(prefix="arrivals-replay-") as folder:
        held = HeldVersions(Path(folder) / "held.sqlite")
        try:
            for records in _kept(settings, "arrivals", stretch, told):
                held.keep([_held(value, record) for value, record in records])
            one = Replay(history, held, opener(_keys(settings)), report)
            for records in _kept(settings, "scans", stretch, told):
                for _, record in records:
                    _each(one.compare, record)
            for event_id in held.unseen():
                report.note(Difference(event_id, "without_scan", None))
            report.differences.update({"contradicting": held.conflicts()} if held.conflicts() else {})
        finally:
            held.close()
    return report


def dry_run(
    settings: Settings, stretch: Stretch, as_of: int | datetime | None, rules: Sequence[ReferenceRow], show: int, told: Told
) -> DryRun:
    """Decides the scans of a stretch with the rows of `rules` laid over the reference of a version, and without them."""
    history = read_history(settings)
    now = history.at(version_of(as_of, history))
    then = now.with_rows([(now.version + 1 + number, row) for number, row in enumerate(rules)])
    run = DryRun(now, then, opener(_keys(settings)), show)
    for records in _kept(settings, "scans", stretch, told):
        for _, record in records:
            _each(run.compare, record)
    return run


def _keys(settings: Settings) -> KeyStore:
    return KeyStore.open(settings.secret_path("keys.json", settings.keys_file), create=False)


def _each(compare: Callable[[bytes], None], record: LeanRecord) -> None:
    """A record that is no scan became a dead letter, and no arrival."""
    try:
        compare(record.value or b"")
    except ValidationError:
        return


def _kept(settings: Settings, name: str, stretch: Stretch, told: Told) -> Iterator[list[tuple[dict[str, Any], LeanRecord]]]:
    """The records of a topic that lie in the stretch, parsed; those that are no JSON are somebody else's business."""
    topic = WholeTopic(settings, name)
    done = 0
    for _, records in topic.batches():
        done += len(records)
        told(name, topic.total, done)
        yield [(value, record) for record in records if stretch.holds((value := _parsed(record)).get("occurred_at"))]


def _parsed(record: LeanRecord) -> dict[str, Any]:
    try:
        value = orjson.loads(record.value or b"")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _held(value: dict[str, Any], record: LeanRecord) -> tuple[str, Held]:
    return value["event_id"], Held(value["revision"], value["cause"], digest(record.value or b""))
