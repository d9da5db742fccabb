"""Logging in by name and password, and changing the password: limits, hashes and store put together for the event loop.

Guarantee: an unknown login, a disabled account and a wrong password are answered alike and after the same work. Passwords are
hashed in two threads, so a hundred who log in at once take 40 MB and leave the loop free.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from schemas.errors import Refused
from serving.access import Principal
from serving.accounts.account import Account, read_login
from serving.accounts.attempts import Attempts
from serving.accounts.passwords import Passwords, check_password
from serving.accounts.store import AccountStore
from serving.threads import Threads

T = TypeVar("T")
_THREADS, _WAITING = 2, 100


class Entrance:
    """Checks passwords for one event loop."""

    def __init__(self, store: AccountStore, now: Callable[[], datetime]) -> None:
        self.store = store
        self.passwords = Passwords()
        self._attempts = Attempts(store.engine)
        self._now = now
        self._threads = Threads("passwords", _THREADS, _WAITING)

    async def enter(self, typed_login: str, password: str, address: str) -> Account:
        """The active account with that password. Raises Refused (403), TooManyAttempts (429), Unavailable."""
        return await self._threads.run(lambda: self._enter(typed_login, password, address))

    async def change(self, account: Account, current: str, new: str, address: str) -> Account:
        """Gives an account the password its holder chose, which ends its sessions; the account afterwards.

        Raises Refused (403 when the current one is wrong), Rejected (what is no good password), TooManyAttempts, Unavailable.
        """
        return await self._threads.run(lambda: self._change(account, current, new, address))

    async def run(self, work: Callable[[], T]) -> T:
        """Other work with passwords, in the same threads."""
        return await self._threads.run(work)

    def close(self) -> None:
        """Waits for what is running and ends the threads."""
        self._threads.close()

    def _enter(self, typed_login: str, password: str, address: str) -> Account:
        login = read_login(typed_login)
        self._attempts.take(login or "", address, self._now())
        account = self.store.find(login) if login else None
        if not self.passwords.fits(password, account.password_hash if account else None) or not (account and account.active):
            raise Refused("login_wrong", "The login name or the password is wrong.", 403)
        self._attempts.forgive(account.login, address, self._now())
        if not self.passwords.outdated(account.password_hash):
            return account
        renewed = self.passwords.hash(password)
        self.store.rehash(account, renewed)
        return replace(account, password_hash=renewed)

    def _change(self, account: Account, current: str, new: str, address: str) -> Account:
        known = self._enter(account.login, current, address)
        check_password(new, account.login)
        if new == current:
            raise Refused("password_same", "The new password is the old one.", 400, "Choose another.")
        by = Principal(known.role, known.actor, known.scope, "")
        return self.store.change_password(known, self.passwords.hash(new), by, self._now())
