"""Reconciles posts, Kafka and ClickHouse: what was accepted, scans and check-ins, is stored or dead, and nothing else is stored.

Memory stays bounded: ids travel in batches into ClickHouse, which compares them slice by slice of their hash.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clickhouse_driver import Client

from arrivals.runtime.clickhouse_client import clickhouse_errors, connect
from arrivals.runtime.settings import Settings
from sinks.columns import Raw
from sinks.log_reader import LogReader
from sinks.ranges import OffsetRange, range_set

_EVENT_ID = re.compile(rb'"event_id":\s*"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"')
_NOBODY = "00000000-0000-0000-0000-000000000000"
_BATCH = 20_000
_SLICE_IDS = 2_000_000
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Way:
    """From the topic of what was accepted to the table it ends in; `through` is a topic on the way, where there is one."""

    topic: str
    table: str
    through: str


_WAYS = (_Way("scans", "arrivals_latest", "arrivals"), _Way("checkins", "checkins", "checkins"))


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The account of all posts. `missing` and `extra` must be 0 once nothing is in flight; up to 20 of the ids are named.

    posted = accepted + duplicates_dropped + posts the gateway refused; `dead` counts what the router and the sink refused.
    Check-ins are counted with the scans; only scans are `routed`.
    """

    posted: int
    accepted: int
    routed: int
    stored: int
    dead: int
    duplicates_dropped: int
    missing: int
    extra: int
    missing_ids: tuple[str, ...] = ()
    extra_ids: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether nothing is missing and nothing too much."""
        return not (self.missing or self.extra)


def audit(settings: Settings) -> AuditReport:
    """Reads on where the last audit stopped and compares. Raises Unavailable when Kafka or ClickHouse is away."""
    reader = LogReader(settings)
    client = connect(settings)
    try:
        with clickhouse_errors():
            work = _Audit(settings, reader, client)
            report = work.run()
            # What was accepted and stored between reading Kafka and asking ClickHouse looks like too much: look again.
            return work.run() if report.extra else report
    finally:
        reader.close()
        client.disconnect()


class _Audit:
    """One audit over one client and one reader."""

    def __init__(self, settings: Settings, reader: LogReader, client: Client) -> None:
        self._settings = settings
        self._reader = reader
        self._client = client
        names = dict.fromkeys(name for way in _WAYS for name in (way.topic, way.through))
        self._topics = {name: (settings.topic(name), reader.topic_id(name)) for name in names}

    def run(self) -> AuditReport:
        """Takes in the new records and makes the report."""
        records = {name: self._take_in(name) for name in self._topics}
        duplicates = self._records("duplicates")
        ways = [(way, self._distinct(way.topic)) for way in _WAYS]
        posts, accepted = sum(records[way.topic] for way in _WAYS), sum(found for _, found in ways)
        refused, dead = self._ask(
            "SELECT countIf(stage = 'gateway'), countIf(stage IN ('router', 'sink')) FROM dead_letters FINAL"
        )[0]
        stored = sum(self._ask(f"SELECT count() FROM {way.table} FINAL")[0][0] for way in _WAYS)
        missing, missing_ids = self._difference(ways, "accepted AND NOT stored AND NOT dead")
        extra, extra_ids = self._difference(ways, "stored AND NOT accepted")
        return AuditReport(
            posted=posts + duplicates + refused,
            accepted=accepted,
            routed=self._distinct("arrivals"),
            stored=stored,
            dead=dead,
            duplicates_dropped=duplicates + posts - accepted,
            missing=missing,
            extra=extra,
            missing_ids=missing_ids,
            extra_ids=extra_ids,
        )

    def _take_in(self, name: str) -> int:
        """Stores the ids of the records that came since the last audit; returns how many records the topic ever had."""
        topic, topic_id = self._topics[name]
        rows = self._ask(
            "SELECT partition, max(offset) + 1 FROM audit_ids WHERE topic = %(topic)s AND topic_id = %(topic_id)s "
            "GROUP BY partition",
            {"topic": topic, "topic_id": topic_id},
        )
        known: dict[int, int] = dict(rows)
        bounds = self._reader.bounds(name, self._reader.partitions(name))
        for partition, (first, end) in bounds.items():
            for start in range(max(first, known.get(partition, 0)), end, _BATCH):
                span = OffsetRange(partition, start, min(start + _BATCH, end) - 1)
                self._remember(topic, topic_id, self._reader.read(range_set(name, topic_id, [span])))
        return sum(end for _, end in bounds.values())

    def _remember(self, topic: str, topic_id: str, records: Sequence[Raw]) -> None:
        ids = [match[1].decode() if (match := _EVENT_ID.search(value or b"")) else _NOBODY for _, _, _, value in records]
        columns = [
            [topic] * len(ids),
            [topic_id] * len(ids),
            [record[0] for record in records],
            [record[1] for record in records],
            ids,
        ]
        statement = "INSERT INTO audit_ids (topic, topic_id, partition, offset, event_id) VALUES"
        self._client.execute(statement, columns, columnar=True, settings={"async_insert": 0})

    def _records(self, name: str) -> int:
        return sum(end for _, end in self._reader.bounds(name, self._reader.partitions(name)).values())

    def _distinct(self, name: str) -> int:
        found = self._ask(
            "SELECT count() FROM (SELECT event_id FROM audit_ids WHERE topic = %(topic)s AND topic_id = %(topic_id)s "
            "AND event_id != toUUID(%(nobody)s) GROUP BY event_id SETTINGS optimize_aggregation_in_order = 1)",
            self._names(name),
        )
        return int(found[0][0])

    def _difference(self, ways: Sequence[tuple[_Way, int]], condition: str) -> tuple[int, tuple[str, ...]]:
        count, shown = 0, list[str]()
        for way, size in ways:
            slices = size // _SLICE_IDS + 1
            sql = _COMPARE.format(condition=condition, table=way.table)
            for number in range(slices):
                values = self._names(way.topic) | {"through": self._topics[way.through][0], "slices": slices, "number": number}
                rows = self._ask(sql, values)
                count += rows[0][0]
                shown += [str(event_id) for event_id in rows[0][1]]
        return count, tuple(sorted(shown)[:_SHOWN])

    def _names(self, name: str) -> dict[str, Any]:
        topic, topic_id = self._topics[name]
        return {"topic": topic, "topic_id": topic_id, "nobody": _NOBODY}

    def _ask(self, sql: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._client.execute(sql, values)
        return found


#: A dead letter names its event, or at least the coordinates under which the audit saw the event.
_COMPARE = f"""
SELECT count(), groupArray({_SHOWN})(event_id) FROM
(
    SELECT event_id, max(a) AS accepted, max(s) AS stored, max(d) AS dead FROM
    (
        SELECT event_id, 1 AS a, 0 AS s, 0 AS d FROM audit_ids WHERE topic = %(topic)s AND topic_id = %(topic_id)s
        UNION ALL SELECT event_id, 0, 1, 0 FROM {{table}}
        UNION ALL SELECT assumeNotNull(toUUIDOrNull(event_id)), 0, 0, 1 FROM dead_letters
            WHERE stage IN ('router', 'sink') AND toUUIDOrNull(event_id) IS NOT NULL
        UNION ALL SELECT event_id, 0, 0, 1 FROM audit_ids WHERE topic IN (%(topic)s, %(through)s)
            AND (topic, partition, offset) IN
            (
                SELECT topic, assumeNotNull(partition), assumeNotNull(offset) FROM dead_letters
                WHERE stage IN ('router', 'sink') AND topic != ''
            )
    )
    WHERE cityHash64(event_id) %% %(slices)s = %(number)s AND event_id != toUUID(%(nobody)s)
    GROUP BY event_id
    HAVING {{condition}}
)"""
