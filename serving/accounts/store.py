"""Keeps accounts. Blocking; one call is one transaction.

Guarantee: a change is kept together with its line in the audit trail and the end of the account's sessions, or not at all. Rows
are locked while they change: nobody who logs in at that moment gets a session under the old rights.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Select, insert, select, update
from sqlalchemy.exc import IntegrityError

from arrivals.runtime.desk_engine import reading, writing
from schemas.base import format_instant
from schemas.errors import Refused
from serving.access import Principal
from serving.accounts.account import Account, NewAccount, Rights
from serving.desk import trail
from serving.desk.tables import ACCOUNTS, SESSIONS, milliseconds

Act = Literal["added", "rights_set", "disabled", "enabled", "password_set", "password_changed", "sessions_ended"]
#: What of an account's change stands in the trail. Never a name, never a hash.
_TOLD = ("role", "scope", "active", "must_change")


class AccountStore:
    """The accounts of one installation. Thread-safe, like the engine below it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def add(self, new: NewAccount, password_hash: str, by: Principal, at: datetime, *, must_change: bool = True) -> Account:
        """Makes an account. Raises Refused (409) when the login is taken, be it by one that is disabled; Unavailable."""
        now = format_instant(at)
        stamped = {"created_at": now, "created_by": by.subject, "changed_at": now, "changed_by": by.subject}
        row = {**new.model_dump(), **stamped, "password_hash": password_hash, "active": True, "must_change": must_change}
        try:
            with writing(self.engine) as connection:
                connection.execute(insert(ACCOUNTS).values(**row, version=1))
                trail.append(connection, [_line("added", new.login, row, by, at)])
        except IntegrityError:
            raise Refused("account_exists", "This login name is taken; none is given anew.", 409, "Choose another.") from None
        return Account(**row, version=1)

    def find(self, login: str) -> Account | None:
        """The account of a login, active or not; None when there is none. Raises Unavailable."""
        with reading(self.engine) as connection:
            return _one(connection, select(ACCOUNTS).where(ACCOUNTS.c.login == login))

    def listed(self, limit: int, after: str = "") -> list[Account]:
        """Accounts in the order of their logins, behind one of them. Raises Unavailable."""
        statement = select(ACCOUNTS).where(ACCOUNTS.c.login > after).order_by(ACCOUNTS.c.login).limit(limit)
        with reading(self.engine) as connection:
            return [_account(row) for row in connection.execute(statement).mappings()]

    def set_rights(self, login: str, rights: Rights, by: Principal, at: datetime) -> Account:
        """Gives an account another role, scope or name. Raises Refused (404), Unavailable."""
        return self._change(login, "rights_set", rights.model_dump(exclude={"login"}), by, at)

    def set_active(self, login: str, active: bool, by: Principal, at: datetime) -> Account:
        """Disables or enables an account. Raises Refused (404), Unavailable."""
        return self._change(login, "enabled" if active else "disabled", {"active": active}, by, at)

    def set_password(self, login: str, password_hash: str, by: Principal, at: datetime) -> Account:
        """Keeps a password another has chosen, to be changed at the next log-in. Raises Refused (404), Unavailable."""
        return self._change(login, "password_set", {"password_hash": password_hash, "must_change": True}, by, at)

    def change_password(self, account: Account, password_hash: str, by: Principal, at: datetime) -> Account:
        """Keeps a password its holder has chosen. Raises Refused (404; 409 when it has just been changed), Unavailable."""
        values = {"password_hash": password_hash, "must_change": False}
        return self._change(account.login, "password_changed", values, by, at, account.version)

    def end_sessions(self, login: str, by: Principal, at: datetime) -> Account:
        """Ends every session of an account. Raises Refused (404), Unavailable."""
        return self._change(login, "sessions_ended", {}, by, at)

    def rehash(self, account: Account, password_hash: str) -> None:
        """Keeps the same password under newer parameters; that is no change of the account. Raises Unavailable."""
        same = (ACCOUNTS.c.login == account.login) & (ACCOUNTS.c.password_hash == account.password_hash)
        with writing(self.engine) as connection:
            connection.execute(update(ACCOUNTS).where(same).values(password_hash=password_hash))

    def _change(
        self, login: str, what: Act, values: Mapping[str, Any], by: Principal, at: datetime, version: int | None = None
    ) -> Account:
        with writing(self.engine) as connection:
            before = locked(connection, login)
            if before is None:
                raise Refused("not_found", "There is no such account.", 404)
            if version not in (None, before.version):
                raise Refused("account_changed", "The account has just been changed by somebody else.", 409, "Log in again.")
            stamp = {"version": before.version + 1, "changed_at": format_instant(at), "changed_by": by.subject}
            connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.login == login).values({**values, **stamp}))
            open_ones = (SESSIONS.c.account == login) & SESSIONS.c.ended_ms.is_(None)
            connection.execute(update(SESSIONS).where(open_ones).values(ended_ms=milliseconds(at)))
            trail.append(connection, [_line(what, login, values, by, at)])
            after = locked(connection, login)
        assert after is not None  # noqa: S101
        return after


def locked(connection: Connection, login: str) -> Account | None:
    """The account, locked until the running transaction ends."""
    return _one(connection, select(ACCOUNTS).where(ACCOUNTS.c.login == login).with_for_update())


def _one(connection: Connection, statement: Select[Any]) -> Account | None:
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else _account(row)


def _account(row: Mapping[Any, Any]) -> Account:
    return Account(**{str(name): value for name, value in row.items()})


def _line(what: Act, login: str, values: Mapping[str, Any], by: Principal, at: datetime) -> trail.Entry:
    detail = {"action": what, "account": login, **{name: values[name] for name in _TOLD if name in values}}
    return trail.Entry(format_instant(at), by.subject, by.role, by.scope, "account", "", detail)
