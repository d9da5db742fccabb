"""What the notifier must not forget: how far it has read, which messages wait, how each endpoint fares. One SQLite file.

Guarantee: messages and the positions they were made from are written in one transaction, so a record is counted in exactly one
message. An attempt is noted before it is made; after a crash the same message, with the same id, is posted again.
A message nobody has tried yet takes up what comes later, so a dead endpoint costs a few rows and not a queue.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DatabaseError

from schemas.errors import Misconfigured, Unavailable

_META = MetaData()
_POSITIONS = Table(
    "positions",
    _META,
    Column("topic", String, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", Integer, nullable=False),
)
_ENDPOINTS = Table(
    "endpoints",
    _META,
    Column("endpoint", String, primary_key=True),
    Column("failures", Integer, nullable=False, default=0),
    Column("not_before", Float, nullable=False, default=0.0),
    Column("failing_since", Float),
    Column("delivered_at", Float),
    Column("disabled_version", Integer),
    Column("disabled_reason", String),
)
_MESSAGES = Table(
    "messages",
    _META,
    Column("id", String, primary_key=True),
    Column("endpoint", String, nullable=False),
    Column("topic", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("counts", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("state", String, nullable=False, default="waiting"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due", Float, nullable=False),
    Column("status", String),
    Index("waiting", "state", "endpoint", "due"),
)


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one endpoint; `attempts` counts those begun, this one included."""

    id: str
    endpoint: str
    topic: str
    unit: str
    counts: Mapping[str, int]
    created_at: float
    attempts: int = 0
    #: Since when the endpoint has only failed.
    failing_since: float | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an attempt: `state` is `delivered`, `failed`, or `waiting` until `due`. `not_before` holds the endpoint."""

    message: Message
    state: str
    status: str
    at: float
    due: float
    not_before: float
    disabled: str | None = None


class WebhookStore:
    """The file, for one notifying process and for commands beside it. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._engine = _engine(path)
        with self._transaction() as connection:
            _META.create_all(connection)

    def positions(self) -> dict[tuple[str, int], int]:
        """The next offset to read of every topic and partition."""
        with self._transaction() as connection:
            return {(topic, partition): offset for topic, partition, offset in connection.execute(select(_POSITIONS))}

    def take_in(self, messages: Iterable[Message], positions: Mapping[tuple[str, int], int], now: float) -> None:
        """Adds messages, or their counts to one that waits untried, and moves the positions: both or neither."""
        with self._transaction() as connection:
            for message in messages:
                _add(connection, message, now)
            for (topic, partition), offset in positions.items():
                row = insert(_POSITIONS).values(topic=topic, partition=partition, next_offset=offset)
                connection.execute(row.on_conflict_do_update(index_elements=["topic", "partition"], set_={"next_offset": offset}))

    def begin(self, versions: Mapping[str, int], busy: Iterable[str], now: float) -> list[Message]:
        """The next due message of each endpoint that is not busy, held back or disabled, with its attempt noted.

        `versions` are the endpoints that hold now, with the reference version of their row: a newer row ends a disablement.
        """
        free = versions.keys() - set(busy)
        with self._transaction() as connection:
            fares = {row.endpoint: row for row in connection.execute(select(_ENDPOINTS))}
            held = {name for name, row in fares.items() if _held(row, versions, now)}
            due = select(_MESSAGES).where(_MESSAGES.c.state == "waiting", _MESSAGES.c.due <= now).order_by(_MESSAGES.c.due)
            chosen: dict[str, Message] = {}
            for row in connection.execute(due):
                if row.endpoint in free and row.endpoint not in held and row.endpoint not in chosen:
                    chosen[row.endpoint] = _begun(row, fares.get(row.endpoint))
            for message in chosen.values():
                connection.execute(_MESSAGES.update().where(_MESSAGES.c.id == message.id).values(attempts=message.attempts))
            return list(chosen.values())

    def settle(self, results: Sequence[Settled], versions: Mapping[str, int]) -> None:
        """Notes what became of attempts."""
        with self._transaction() as connection:
            for done in results:
                values = {"state": done.state, "due": done.due, "status": done.status}
                connection.execute(_MESSAGES.update().where(_MESSAGES.c.id == done.message.id).values(**values))
                _fare(connection, done, versions.get(done.message.endpoint, 0))

    def requeue(self, endpoint: str, since: float, until: float, now: float) -> int:
        """Makes every message of a range wait again, delivered ones as well, under their own ids; how many."""
        mine = (_MESSAGES.c.endpoint == endpoint) & _MESSAGES.c.created_at.between(since, until)
        with self._transaction() as connection:
            _endpoint(connection, endpoint, not_before=0.0)
            # One attempt counts as made: what was posted once must never take up anything new under its id.
            return connection.execute(_MESSAGES.update().where(mine).values(state="waiting", attempts=1, due=now)).rowcount

    def purge(self, before: float) -> int:
        """Forgets messages that ended before a time; how many."""
        old = (_MESSAGES.c.state != "waiting") & (_MESSAGES.c.created_at < before)
        with self._transaction() as connection:
            return connection.execute(_MESSAGES.delete().where(old)).rowcount

    def waiting(self) -> tuple[int, float | None]:
        """How many messages wait, and since when the oldest does."""
        found = select(func.count(), func.min(_MESSAGES.c.created_at)).where(_MESSAGES.c.state == "waiting")
        with self._transaction() as connection:
            count, oldest = connection.execute(found).one()
            return count, oldest

    def endpoints(self) -> dict[str, dict[str, Any]]:
        """How every endpoint fares, with how many messages are in each state."""
        counted = select(_MESSAGES.c.endpoint, _MESSAGES.c.state, func.count()).group_by(_MESSAGES.c.endpoint, _MESSAGES.c.state)
        with self._transaction() as connection:
            fares = {row.endpoint: dict(row._mapping) for row in connection.execute(select(_ENDPOINTS))}
            for endpoint, state, count in connection.execute(counted):
                fares.setdefault(endpoint, {"endpoint": endpoint})[state] = count
        return fares

    def close(self) -> None:
        """Closes the file."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except DatabaseError as error:
            raise Unavailable("webhook_store", f"The notifier's file cannot be used ({type(error).__name__}).") from error


def _engine(path: Path) -> Engine:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        problem = f"The folder {path.parent} cannot be made ({error.strerror})."
        raise Misconfigured("webhook_store", problem, "Set ARRIVALS_WEBHOOK_STORE_FILE.") from None
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 10, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def opened(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver's guess
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _add(connection: Connection, message: Message, now: float) -> None:
    same = (_MESSAGES.c.endpoint == message.endpoint) & (_MESSAGES.c.topic == message.topic) & (_MESSAGES.c.unit == message.unit)
    waiting = connection.execute(select(_MESSAGES).where(same, _MESSAGES.c.state == "waiting", _MESSAGES.c.attempts == 0)).first()
    if waiting is None:
        values = {name: getattr(message, name) for name in ("id", "endpoint", "topic", "unit", "created_at")}
        counts = json.dumps(message.counts, sort_keys=True)
        connection.execute(insert(_MESSAGES).values(**values, counts=counts, due=now).on_conflict_do_nothing())
    else:
        together = dict(sorted((Counter(json.loads(waiting.counts)) + Counter(message.counts)).items()))
        connection.execute(_MESSAGES.update().where(_MESSAGES.c.id == waiting.id).values(counts=json.dumps(together)))


def _fare(connection: Connection, done: Settled, version: int) -> None:
    endpoint = done.message.endpoint
    row = connection.execute(select(_ENDPOINTS.c.failures).where(_ENDPOINTS.c.endpoint == endpoint)).first()
    values: dict[str, Any] = {"failures": 0, "not_before": 0.0, "failing_since": None, "delivered_at": done.at}
    if done.state != "delivered":
        values = {"failures": (row.failures if row else 0) + 1, "not_before": done.not_before}
        values["failing_since"] = done.message.failing_since or done.at
    values |= {"disabled_version": version if done.disabled else None, "disabled_reason": done.disabled}
    _endpoint(connection, endpoint, **values)


def _endpoint(connection: Connection, endpoint: str, **values: Any) -> None:
    row = insert(_ENDPOINTS).values(endpoint=endpoint, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["endpoint"], set_=values))


def _held(row: Any, versions: Mapping[str, int], now: float) -> bool:
    disabled = row.disabled_version is not None and row.disabled_version >= versions.get(row.endpoint, 0)
    return bool(disabled or (row.not_before > now and row.disabled_version is None))


def _begun(row: Any, fare: Any) -> Message:
    """The message of a row with one attempt more; an endpoint taken up again after it was disabled starts without a past."""
    since = fare.failing_since if fare is not None and fare.disabled_version is None else None
    counts = json.loads(row.counts)
    return Message(row.id, row.endpoint, row.topic, row.unit, counts, row.created_at, row.attempts + 1, since)
