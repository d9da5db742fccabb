"""Publishes what lies in the outbox, in the order it was put there.

Guarantee: at least once. A record is removed after Kafka has confirmed it; a crash between the two publishes it again, and
everything downstream knows a change by arrival and version. On PostgreSQL one publisher works at a time, the others find nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy import Connection, Engine, delete, func, select, text

from arrivals.runtime.desk_engine import desk_errors, reading, writing
from arrivals.runtime.kafka_clients import Record
from serving.desk.tables import OUTBOX

BATCH = 1_000
_LOCK = 0x5351_0B0C
_SCHEMA = {"unit-actions": b"unit-actions/1", "alerts": b"alerts/1"}


class Publishing(Protocol):
    """Whatever publishes records and returns when they are confirmed."""

    def publish(self, records: Sequence[Record], /) -> object:
        """Raises Unavailable when any is not confirmed."""


def publish_some(engine: Engine, publisher: Publishing, topic: Callable[[str], str]) -> int:
    """Publishes the oldest records and removes them; how many. Raises Unavailable, and then nothing was removed."""
    with desk_errors(), engine.connect() as holding:
        if engine.dialect.name == "postgresql" and not _alone(holding):
            return 0
        with reading(engine) as connection:
            rows = connection.execute(select(OUTBOX).order_by(OUTBOX.c.number).limit(BATCH)).all()
        if rows:
            publisher.publish(
                [Record(topic(row.topic), row.key.encode(), row.value, (("schema", _SCHEMA[row.topic]),)) for row in rows]
            )
            with writing(engine) as connection:
                connection.execute(delete(OUTBOX).where(OUTBOX.c.number.in_([row.number for row in rows])))
    return len(rows)


def waiting(engine: Engine) -> int:
    """Records that wait to be published."""
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(OUTBOX)).scalar_one()


def _alone(connection: Connection) -> bool:
    """Whether this transaction is the one that publishes, until it ends."""
    return bool(connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}).scalar_one())
