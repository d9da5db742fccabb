"""Accounts of the demonstration: one per county and health desk, an analyst, an administrator.

Idempotent: a second start makes only what is missing. Passwords lie in `<data_dir>/secrets/accounts.json` (mode 0600) and need
not be changed at the first log-in.
"""

from __future__ import annotations

from datetime import datetime

from arrivals.demo.seed import kept_secrets
from arrivals.runtime.desk_engine import make_engine
from arrivals.runtime.settings import Settings
from reference.gazetteer import Gazetteer
from reference.snapshot import CITY
from schemas.base import LOCAL
from serving.access import EVERYTHING, Principal
from serving.accounts.account import NewAccount
from serving.accounts.passwords import Passwords, one_time_password
from serving.accounts.store import AccountStore

ACCOUNTS_FILE = "accounts.json"
_BY = Principal("administrator", "operator:demonstration", EVERYTHING, "")


def seed_accounts(settings: Settings, gazetteer: Gazetteer) -> int:
    """Makes the accounts that are missing; how many. Raises Unavailable."""
    wanted = {account.login: account for account in _wanted(gazetteer)}
    path = settings.data_dir / "secrets" / ACCOUNTS_FILE
    kept = kept_secrets(path, dict.fromkeys(wanted, one_time_password))
    engine, passwords = make_engine(settings), Passwords()
    try:
        store = AccountStore(engine)
        missing = wanted.keys() - {account.login for account in store.listed(len(wanted) * 100)}
        for login in sorted(missing):
            store.add(wanted[login], passwords.hash(kept[login]), _BY, datetime.now(LOCAL), must_change=False)
    finally:
        engine.dispose()
    return len(missing)


def _wanted(gazetteer: Gazetteer) -> list[NewAccount]:
    made = [
        NewAccount(login="admin", display_name="管理员", role="administrator", scope=EVERYTHING),
        NewAccount(login="analyst", display_name="分析员", role="analyst", scope=EVERYTHING),
    ]
    for area in gazetteer.children(CITY):
        made.append(NewAccount(login=area.code, display_name=f"{area.name}指挥部", role="county", scope=area.code))
        made.append(
            NewAccount(login=f"{area.code}-health", display_name=f"{area.name}卫健组", role="health_desk", scope=area.code)
        )
    return made
