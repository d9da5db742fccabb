"""The only place where `clickhouse-driver` clients are made, and where its errors are sorted into our families.

A client is not thread-safe: one per thread. An end of stream in the middle of an insert is an *unknown outcome*: the
caller repeats with the
same deduplication token.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse_driver import Client
from clickhouse_driver.columns.exceptions import ColumnException
from clickhouse_driver.errors import (
    CannotParseDomainError,
    CannotParseUuidError,
    Error,
    LogicalError,
    ServerException,
    TooLargeStringSize,
    TypeMismatchError,
    UnknownCompressionMethod,
    UnknownTypeError,
)

from arrivals.runtime.settings import Settings
from schemas.errors import ArrivalsError, Misconfigured, Rejected, Unavailable

#: Hosts to which blocks go unpacked: LZ4 was half of what the sink spent on an insert, and the driver holds a whole block for it.
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
#: Server codes after which the same statement may succeed later (timeouts, memory, space, replicas, too many parts).
RETRY_CODES = frozenset({159, 160, 164, 202, 203, 209, 210, 225, 236, 241, 242, 243, 252, 279, 285, 319, 394, 425, 999})
#: Server codes that say the values themselves are wrong: types, parsing, ranges, a view's own check.
VALUE_CODES = frozenset({6, 27, 33, 38, 41, 53, 69, 70, 72, 117, 130, 131, 349, 376, 395, 407, 441, 469, 495, 691})
#: Server codes the operator has to mend: access, unknown database, table or column.
CONFIG_CODES = frozenset({16, 36, 47, 60, 62, 81, 192, 193, 194, 195, 291, 492, 497, 516})
#: What the driver raises while it packs values into columns (`LogicalError`: a word that is not in the Enum). Nothing was
#: inserted: a block is sent whole or not at all, and the driver drops the connection.
PACKING_ERRORS = (
    ColumnException,
    TypeMismatchError,
    CannotParseUuidError,
    CannotParseDomainError,
    TooLargeStringSize,
    LogicalError,
)
#: How long a statement of a migration may say nothing: it may fill a table anew.
MIGRATION_SECONDS = 3_600
#: What the driver raises when server and driver do not fit together.
MISFIT_ERRORS = (UnknownTypeError, UnknownCompressionMethod)


def connect(
    settings: Settings,
    *,
    database: str | None = None,
    user: str | None = None,
    password: str | None = None,
    patience_seconds: int = 60,
) -> Client:
    """A client with bounded timeouts; connects on first use. Raises Misconfigured when the password file is missing.

    `patience_seconds` is how long a statement may say nothing.
    """
    if password is None:
        path = settings.secret_path("clickhouse", settings.clickhouse_password_file)
        try:
            password = path.read_text("utf-8").strip()
        except FileNotFoundError:
            raise Misconfigured(
                "clickhouse_password",
                f"The ClickHouse password file {path} is missing.",
                "Set ARRIVALS_CLICKHOUSE_PASSWORD_FILE.",
            ) from None
    return Client(
        settings.clickhouse_host,
        port=settings.clickhouse_port,
        user=user or settings.clickhouse_user,
        password=password,
        database=settings.clickhouse_database if database is None else database,
        compression=False if settings.clickhouse_host in _THIS_MACHINE else "lz4",
        connect_timeout=5,
        send_receive_timeout=patience_seconds,
        sync_request_timeout=5,
        settings={"use_numpy": False},
    )


def sort_error(error: Exception) -> ArrivalsError:
    """The family of a driver error; unknown codes are Misconfigured, so that the part stops instead of dropping rows."""
    if isinstance(error, ServerException):
        message = f"ClickHouse answered with error {error.code}."
        if error.code in RETRY_CODES:
            return Unavailable("clickhouse_busy", message)
        if error.code in VALUE_CODES:
            return Rejected("clickhouse_value", message)
        return Misconfigured("clickhouse_refused", message, "See the server's log and docs/runbooks.md.")
    if isinstance(error, PACKING_ERRORS):  # their texts hold the value
        return Rejected("clickhouse_value", f"A value does not fit its column ({type(error).__name__}).")
    if isinstance(error, MISFIT_ERRORS):
        message = f"The ClickHouse server uses something the driver does not know ({type(error).__name__})."
        return Misconfigured("clickhouse_misfit", message, "Use a server version of docs/dependencies.md.")
    return Unavailable("clickhouse_unreachable", f"ClickHouse cannot be reached ({type(error).__name__}).")


@contextmanager
def clickhouse_errors() -> Iterator[None]:
    """Turns driver and socket errors inside the block into our families; none of them carries a value."""
    try:
        yield
    except PACKING_ERRORS as error:
        raise sort_error(error) from None  # the cause would carry the value into a traceback
    except (Error, OSError, EOFError) as error:
        raise sort_error(error) from error
