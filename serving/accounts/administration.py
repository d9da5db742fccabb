"""What administrators do with accounts, over HTTP and on the command line: make, change, disable, reset. Blocking."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from reference.snapshot import Snapshot
from schemas.base import LOCAL, Strict, format_instant
from serving.access import Principal
from serving.accounts.account import Account, NewAccount, Rights, check_scope
from serving.accounts.passwords import Passwords, check_password, one_time_password
from serving.accounts.store import AccountStore


class Simple(Strict):
    """Ends all sessions, each: nobody goes on under what no longer holds."""

    action: Literal["disable", "enable", "end_sessions"]


class ResetPassword(Strict):
    """A new one-time password, told once."""

    action: Literal["reset_password"]


class SetRights(Rights):
    """Another role, scope or name."""

    action: Literal["set_rights"]


AccountCommand = Annotated[Simple | ResetPassword | SetRights, Field(discriminator="action")]


class Administration:
    """Changes accounts; whoever gets a password this way has to change it at the first log-in."""

    def __init__(
        self, store: AccountStore, passwords: Passwords, snapshot: Callable[[], Snapshot], now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._snapshot = snapshot
        self._now = now

    def add(self, new: NewAccount, by: Principal, chosen: str | None = None) -> tuple[Account, str | None]:
        """Makes an account; the one-time password when none was chosen. Raises Refused (409), Rejected, Unavailable."""
        check_scope(new, self._snapshot, self._now())
        made, password_hash = self._password(new.login, chosen)
        return self._store.add(new, password_hash, by, self._now()), made

    def act(self, login: str, command: AccountCommand, by: Principal) -> tuple[Account, str | None]:
        """Changes an account; the one-time password where one was made. Raises Refused (404), Rejected, Unavailable."""
        if isinstance(command, ResetPassword):
            return self.set_password(login, by)
        if isinstance(command, SetRights):
            check_scope(command, self._snapshot, self._now())
            rights = Rights.model_validate(command.model_dump(exclude={"action"}))
            return self._store.set_rights(login, rights, by, self._now()), None
        if command.action == "end_sessions":
            return self._store.end_sessions(login, by, self._now()), None
        return self._store.set_active(login, command.action == "enable", by, self._now()), None

    def set_password(self, login: str, by: Principal, chosen: str | None = None) -> tuple[Account, str | None]:
        """Gives an account a password; the one-time password when none was chosen. Raises Refused (404), Rejected."""
        made, password_hash = self._password(login, chosen)
        return self._store.set_password(login, password_hash, by, self._now()), made

    def _password(self, login: str, chosen: str | None) -> tuple[str | None, str]:
        if chosen is not None:
            check_password(chosen, login)
            return None, self._passwords.hash(chosen)
        made = one_time_password()
        return made, self._passwords.hash(made)


def told_account(account: Account) -> dict[str, Any]:
    """An account as administrators see it."""
    names = ("login", "display_name", "role", "scope", "active", "must_change", "created_at", "created_by", "changed_at")
    return {name: getattr(account, name) for name in (*names, "changed_by")}


def told_session(began_ms: int, expires_ms: int, way: str) -> dict[str, str]:
    """An open session as administrators see it."""
    times = {"began_at": began_ms, "expires_at": expires_ms}
    return {name: format_instant(datetime.fromtimestamp(ms / 1000, LOCAL)) for name, ms in times.items()} | {"way": way}
