"""The only place where the desk's database is opened: SQLite in the embedded mode, PostgreSQL in production.

SQLite runs with a write-ahead log, so that readers never wait for a writer. A writer takes the lock when it begins and not when
it first writes: two that upgrade later would block each other for good. What is committed is on the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from arrivals.runtime.settings import Settings
from schemas.errors import Misconfigured, Unavailable

_BUSY_SECONDS = 5
#: The execution option of a connection that only reads.
READING = "desk_reading"


def make_engine(settings: Settings) -> Engine:
    """The engine of the desk's database; it connects on first use. Raises Misconfigured for an address it cannot use."""
    url = _url(settings)
    if url.get_backend_name() == "sqlite":
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    limits = {"connect_timeout": _BUSY_SECONDS, "options": "-c statement_timeout=10000 -c lock_timeout=5000"}
    return create_engine(url, pool_size=8, max_overflow=8, pool_timeout=_BUSY_SECONDS, pool_pre_ping=True, connect_args=limits)


@contextmanager
def desk_errors() -> Iterator[None]:
    """Sorts the errors of the database into our families: away or busy is Unavailable, everything else is a fault of ours."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise Unavailable("desk_unavailable", f"The desk's database does not answer ({type(error).__name__}).") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("desk_unavailable", "The connection to the desk's database broke.") from error
        raise


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads: on SQLite it takes no lock."""
    with desk_errors(), engine.connect().execution_options(**{READING: True}) as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is committed at the end, or taken back whole when anything is raised."""
    with desk_errors(), engine.begin() as connection:
        yield connection


def _url(settings: Settings) -> URL:
    if settings.desk_url is None:
        if settings.mode == "production":
            raise Misconfigured("desk_url", "No database is set for the desk.", "Set ARRIVALS_DESK_URL.")
        return URL.create("sqlite", database=str(settings.data_dir / "desk.sqlite"))
    try:
        url = make_url(settings.desk_url)
        known = url.drivername in ("sqlite", "postgresql+psycopg")
    except ArgumentError:
        known = False
    if not known:
        raise Misconfigured("desk_url", "ARRIVALS_DESK_URL is no address.", "Write postgresql+psycopg://user@host/database.")
    if settings.desk_password_file is None:
        return url
    try:
        return url.set(password=settings.desk_password_file.read_text("utf-8").strip())
    except OSError as error:
        problem = f"The file of the desk's password cannot be read ({type(error).__name__})."
        raise Misconfigured("desk_password", problem, "Set ARRIVALS_DESK_PASSWORD_FILE.") from None


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver begins no transactions of its own
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get(READING, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
