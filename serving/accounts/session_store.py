"""Keeps the console's sessions. Blocking; one call is one transaction.

Guarantee: of a session's id only the digest is kept. A session that has ended, expired, or belongs to an account that is disabled
is not found any more; nobody can end one and have it open still.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, delete, insert, or_, select, update

from arrivals.runtime.desk_engine import reading, writing
from schemas.errors import Refused
from serving.accounts.account import Account
from serving.accounts.store import locked
from serving.desk.tables import ACCOUNTS, SESSIONS, milliseconds

#: How a session was opened.
Way = Literal["password", "code", "oidc"]
#: A shift, and the way home.
SESSION_HOURS = 12
#: How long ended sessions are kept to be looked at.
_KEPT_DAYS = 30
_MOST_IN_A_QUESTION = 500
_S = SESSIONS.c


@dataclass(frozen=True, slots=True)
class Session:
    """An open session: of an account, or of an access code by its digest. Instants are milliseconds since 1970."""

    digest: str
    created_ms: int
    expires_ms: int
    way: Way
    credential: str | None
    account: Account | None

    @property
    def must_change(self) -> bool:
        """Whether it opens nothing until the password is changed. Whoever comes by the provider needs no password of ours."""
        return self.account is not None and self.account.must_change and self.way == "password"


class SessionStore:
    """The sessions of one installation. Thread-safe, like the engine below it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, holder: Account | str, way: Way, at: datetime) -> str:
        """Opens a session for an account, or for an access code by its digest; its id, which is kept nowhere else.

        Raises Refused (403) when the account has been changed since it was read, Unavailable.
        """
        session_id = secrets.token_urlsafe(32)
        expires = milliseconds(at + timedelta(hours=SESSION_HOURS))
        row: dict[str, Any] = {"digest": digest_of(session_id), "way": way, "created_ms": milliseconds(at), "expires_ms": expires}
        with writing(self._engine) as connection:
            _forget(connection, at)
            if isinstance(holder, Account):
                _require_unchanged(connection, holder)
                row["account"] = holder.login
            else:
                row["credential"] = holder
            connection.execute(insert(SESSIONS).values(row))
        return session_id

    def find(self, digests: Iterable[str], at: datetime) -> dict[str, Session]:
        """The open sessions among these, by digest. Raises Unavailable."""
        wanted = sorted(set(digests))
        found: dict[str, Session] = {}
        with reading(self._engine) as connection:
            for first in range(0, len(wanted), _MOST_IN_A_QUESTION):
                some = _open(connection, wanted[first : first + _MOST_IN_A_QUESTION], at)
                found |= {session.digest: session for session in some}
        return found

    def of_account(self, login: str, at: datetime) -> list[tuple[int, int, Way]]:
        """Of the open sessions of an account, newest first: began, expires, way. Raises Unavailable."""
        mine = (_S.account == login) & _S.ended_ms.is_(None) & (_S.expires_ms > milliseconds(at))
        statement = select(_S.created_ms, _S.expires_ms, _S.way).where(mine).order_by(_S.created_ms.desc())
        with reading(self._engine) as connection:
            return [(row.created_ms, row.expires_ms, row.way) for row in connection.execute(statement)]

    def end(self, digest: str, at: datetime) -> None:
        """Ends a session; harmless when repeated. Raises Unavailable."""
        with writing(self._engine) as connection:
            mine = (_S.digest == digest) & _S.ended_ms.is_(None)
            connection.execute(update(SESSIONS).where(mine).values(ended_ms=milliseconds(at)))


def digest_of(session_id: str) -> str:
    """What is kept of an id: its SHA-256 in hex."""
    return hashlib.sha256(session_id.encode()).hexdigest()


def _open(connection: Connection, digests: Sequence[str], at: datetime) -> Iterable[Session]:
    holds = (_S.ended_ms.is_(None), _S.expires_ms > milliseconds(at), or_(_S.account.is_(None), ACCOUNTS.c.active))
    columns = (_S.digest, _S.created_ms, _S.expires_ms, _S.way, _S.credential, *ACCOUNTS.columns)
    statement = select(*columns).select_from(SESSIONS.outerjoin(ACCOUNTS)).where(_S.digest.in_(digests), *holds)
    for digest, created, expires, way, credential, *columns_of_account in connection.execute(statement):
        yield Session(digest, created, expires, way, credential, None if credential else Account(*columns_of_account))


def _require_unchanged(connection: Connection, account: Account) -> None:
    now = locked(connection, account.login)
    if now is None or not now.active or now.version != account.version:
        raise Refused("login_wrong", "The account has just been changed.", 403, "Log in again.")


def _forget(connection: Connection, at: datetime) -> None:
    connection.execute(delete(SESSIONS).where(_S.expires_ms < milliseconds(at - timedelta(days=_KEPT_DAYS))))
