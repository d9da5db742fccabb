"""Accounts and sessions on SQLite and on PostgreSQL: what ends a session, who is told too often, what the trail holds."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from arrivals.demo.seed_accounts import ACCOUNTS_FILE, seed_accounts
from arrivals.runtime.desk_engine import reading, writing
from arrivals.runtime.settings import load_settings
from reference.gazetteer import load_gazetteer
from reference.snapshot import Snapshot
from schemas.base import LOCAL
from schemas.errors import Refused, Rejected
from serving.access import Principal
from serving.accounts.account import Account, NewAccount, Rights, check_scope, read_login
from serving.accounts.administration import Administration, ResetPassword, SetRights, Simple
from serving.accounts.attempts import MOST_AT_LOGIN, MOST_OF_ADDRESS, WINDOW, Attempts, TooManyAttempts
from serving.accounts.entrance import Entrance
from serving.accounts.passwords import Passwords, check_password, one_time_password
from serving.accounts.session_store import SESSION_HOURS, SessionStore, digest_of
from serving.accounts.store import AccountStore
from serving.desk import trail
from serving.desk.tables import LOGIN_ATTEMPTS, METADATA, SESSIONS
from tests.desk_kit import fresh_store

NOW = datetime(2020, 2, 18, 8, tzinfo=LOCAL)
ADMIN = Principal("administrator", "account:admin", "*", "0" * 64)
PASSWORD, OTHER = "correct horse battery", "stapler of the county"
CLERK = NewAccount(login="wang.fang", display_name="王芳", role="unit", scope="411426101")
PASSWORDS = Passwords()
HASHED = PASSWORDS.hash(PASSWORD)
SNAPSHOT = Snapshot.empty(load_gazetteer())


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AccountStore]:
    made = fresh_store(tmp_path, request.getfixturevalue("cluster") if request.param == "postgresql" else None)
    yield AccountStore(made.engine)
    made.engine.dispose()


@pytest.fixture
def sessions(store: AccountStore) -> SessionStore:
    return SessionStore(store.engine)


def administration(store: AccountStore) -> Administration:
    return Administration(store, PASSWORDS, lambda: SNAPSHOT, lambda: NOW)


def add(store: AccountStore, login: str = "wang.fang", **changes: Any) -> Account:
    new = NewAccount.model_validate({**CLERK.model_dump(), "login": login, **changes})
    return store.add(new, HASHED, ADMIN, NOW, must_change=False)


def lines(store: AccountStore) -> list[dict[str, Any]]:
    return [line["detail"] | {"actor": line["actor"]} for line in reversed(trail.newest(store.engine, 50))]


def opened(sessions: SessionStore, session_id: str, at: datetime = NOW) -> bool:
    return digest_of(session_id) in sessions.find([digest_of(session_id)], at)


def test_an_account_is_kept_with_its_line_and_its_login_is_given_once(store: AccountStore) -> None:
    made = add(store)
    assert store.find("wang.fang") == made
    assert store.find("nobody") is None
    assert "argon2" not in repr(made)
    with pytest.raises(Refused) as refused:
        add(store, role="county", scope="411426")
    assert (refused.value.status, refused.value.code) == (409, "account_exists")
    assert lines(store) == [
        {
            **{"action": "added", "account": "wang.fang", "role": "unit", "scope": "411426101", "active": True},
            **{"must_change": False, "actor": "account:admin"},
        }
    ]
    assert trail.verify(store.engine).problem == ""
    with pytest.raises(DBAPIError), writing(store.engine) as connection:
        connection.exec_driver_sql("DELETE FROM audit_trail")


def test_accounts_are_listed_page_by_page(store: AccountStore) -> None:
    for login in ("c.three", "a.one", "b.two"):
        add(store, login)
    assert [account.login for account in store.listed(2)] == ["a.one", "b.two"]
    assert [account.login for account in store.listed(2, "b.two")] == ["c.three"]


@pytest.mark.parametrize(
    "command",
    [
        Simple(action="disable"),
        Simple(action="end_sessions"),
        ResetPassword(action="reset_password"),
        SetRights(action="set_rights", display_name="王芳", role="unit", scope="411426102"),
        SetRights(action="set_rights", display_name="王芳", role="county", scope="411426"),
    ],
    ids=str,
)
def test_every_change_ends_the_sessions_and_stands_in_the_trail(
    store: AccountStore, sessions: SessionStore, command: Any
) -> None:
    first, second = add(store), add(store, "li.si")
    ended = [sessions.open(first, "password", NOW) for _ in range(3)]
    other = sessions.open(second, "password", NOW)
    credential = sessions.open("a" * 64, "code", NOW)
    assert all(opened(sessions, one) for one in (*ended, other, credential))
    changed, _ = administration(store).act("wang.fang", command, ADMIN)
    assert changed.version == 2
    assert not any(opened(sessions, one) for one in ended)
    assert opened(sessions, other)
    assert opened(sessions, credential)
    assert sessions.of_account("wang.fang", NOW) == []
    assert lines(store)[-1]["account"] == "wang.fang"
    assert trail.verify(store.engine).problem == ""


def test_enabled_again_the_old_sessions_stay_ended(store: AccountStore, sessions: SessionStore) -> None:
    account = add(store)
    old = sessions.open(account, "password", NOW)
    store.set_active("wang.fang", False, ADMIN, NOW)
    enabled = store.set_active("wang.fang", True, ADMIN, NOW)
    assert not opened(sessions, old)
    assert opened(sessions, sessions.open(enabled, "password", NOW))
    assert [line["action"] for line in lines(store)] == ["added", "disabled", "enabled"]


def test_who_logs_in_while_the_account_changes_gets_no_session(store: AccountStore, sessions: SessionStore) -> None:
    read_before = add(store)
    store.set_rights("wang.fang", Rights(display_name="王芳", role="county", scope="411426"), ADMIN, NOW)
    with pytest.raises(Refused):
        sessions.open(read_before, "password", NOW)
    disabled = store.set_active("wang.fang", False, ADMIN, NOW)
    with pytest.raises(Refused):
        sessions.open(disabled, "password", NOW)
    with reading(store.engine) as connection:
        assert connection.execute(select(SESSIONS)).all() == []


def test_logging_in_and_being_disabled_at_once_leaves_no_open_session(store: AccountStore, sessions: SessionStore) -> None:
    for number in range(10):
        account = add(store, f"clerk-{number}")

        def log_in(account: Account = account) -> str | None:
            try:
                return sessions.open(account, "password", NOW)
            except Refused:
                return None

        with ThreadPoolExecutor(4) as threads:
            asked = [threads.submit(log_in) for _ in range(3)]
            threads.submit(store.set_active, account.login, False, ADMIN, NOW).result()
            ids = [found for one in asked if (found := one.result())]
        assert not any(opened(sessions, session_id) for session_id in ids)


def test_sessions_expire_end_and_are_kept_as_digests(store: AccountStore, sessions: SessionStore) -> None:
    session_id = sessions.open(add(store), "password", NOW)
    later = NOW + timedelta(hours=SESSION_HOURS)
    assert opened(sessions, session_id, later - timedelta(seconds=1))
    assert not opened(sessions, session_id, later)
    sessions.end(digest_of(session_id), NOW)
    assert not opened(sessions, session_id)
    with reading(store.engine) as connection:
        everything = str([connection.execute(select(table)).all() for table in METADATA.sorted_tables])
    assert session_id not in everything
    assert PASSWORD not in everything
    sessions.open("a" * 64, "code", NOW + timedelta(days=60))
    with reading(store.engine) as connection:
        assert len(connection.execute(select(SESSIONS)).all()) == 1, "those long gone are forgotten"


def test_many_sessions_are_asked_for_at_once(store: AccountStore, sessions: SessionStore) -> None:
    account = add(store)
    ids = [sessions.open(account, "password", NOW) for _ in range(4)]
    wanted = [*map(digest_of, ids), *(f"{number:064x}" for number in range(1_200))]
    assert set(sessions.find(wanted, NOW)) == set(map(digest_of, ids))
    assert sessions.find([], NOW) == {}


def test_attempts_are_counted_by_login_and_address(store: AccountStore) -> None:
    attempts = Attempts(store.engine)
    for _ in range(MOST_OF_ADDRESS):
        attempts.take("wang.fang", "10.0.0.1", NOW)
    with pytest.raises(TooManyAttempts) as refused:
        attempts.take("wang.fang", "10.0.0.1", NOW + timedelta(seconds=100))
    assert (refused.value.status, refused.value.retry_after_seconds) == (429, 200)
    Attempts(store.engine).take("wang.fang", "10.0.0.2", NOW)
    attempts.take("li.si", "10.0.0.1", NOW)
    attempts.take("wang.fang", "10.0.0.1", NOW + WINDOW)
    attempts.forgive("wang.fang", "10.0.0.1", NOW + WINDOW)
    with reading(store.engine) as connection:
        rows = connection.execute(select(LOGIN_ATTEMPTS)).all()
    assert rows == [], "what has passed is forgotten with it"


def test_from_many_addresses_a_login_is_closed_after_twenty(store: AccountStore) -> None:
    attempts = Attempts(store.engine)
    for _ in range(100):  # one guesser alone counts five
        try:
            attempts.take("wang.fang", "10.0.0.0", NOW)
        except TooManyAttempts:
            break
    attempts.take("wang.fang", "10.0.0.1", NOW)
    for number in range(MOST_AT_LOGIN - MOST_OF_ADDRESS - 1):
        attempts.take("wang.fang", f"10.0.1.{number}", NOW)
    with pytest.raises(TooManyAttempts):
        attempts.take("wang.fang", "10.0.2.1", NOW)


def test_of_guesses_sent_at_once_no_more_get_through(store: AccountStore) -> None:
    attempts = Attempts(store.engine)

    def guess(_: int) -> bool:
        try:
            attempts.take("wang.fang", "10.0.0.1", NOW)
        except TooManyAttempts:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(guess, range(40))) == MOST_OF_ADDRESS


def test_the_entrance_lets_in_who_knows_the_password(store: AccountStore) -> None:
    add(store)
    entrance = Entrance(store, lambda: NOW)
    assert entrance._enter(" Wang.Fang ", PASSWORD, "a").login == "wang.fang"
    for login, password in (("wang.fang", "wrong"), ("nobody", PASSWORD), ("王芳", PASSWORD), ("wang.fang", "")):
        with pytest.raises(Refused) as refused:
            entrance._enter(login, password, "a")
        assert (refused.value.code, refused.value.status) == ("login_wrong", 403)
    store.set_active("wang.fang", False, ADMIN, NOW)
    with pytest.raises(Refused, match="wrong"):
        entrance._enter("wang.fang", PASSWORD, "a")
    entrance.close()


def test_a_hash_of_older_parameters_is_renewed_at_the_log_in(store: AccountStore) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    store.add(CLERK, old, ADMIN, NOW, must_change=False)
    entrance = Entrance(store, lambda: NOW)
    account = entrance._enter("wang.fang", PASSWORD, "a")
    found = store.find("wang.fang")
    assert found == account
    assert found is not None
    assert (found.password_hash != old, found.version) == (True, 1)
    assert entrance._enter("wang.fang", PASSWORD, "a") == found
    entrance.close()


def test_whoever_changes_his_password_needs_the_present_one(store: AccountStore, sessions: SessionStore) -> None:
    account = add(store)
    entrance = Entrance(store, lambda: NOW)
    session_id = sessions.open(account, "password", NOW)
    for current, new, error in ((OTHER, OTHER, Refused), (PASSWORD, PASSWORD, Refused), (PASSWORD, "short", Rejected)):
        with pytest.raises(error):
            entrance._change(account, current, new, "a")
    assert opened(sessions, session_id)
    changed = entrance._change(account, PASSWORD, OTHER, "a")
    assert (changed.must_change, changed.changed_by) == (False, "account:wang.fang")
    assert not opened(sessions, session_id)
    assert entrance._enter("wang.fang", OTHER, "a") == changed
    with pytest.raises(Refused):
        store.change_password(account, HASHED, ADMIN, NOW)
    entrance.close()


def test_who_is_made_gets_a_password_once_and_must_change_it(store: AccountStore) -> None:
    account, told = administration(store).add(CLERK, ADMIN)
    assert told is not None
    assert account.must_change
    assert PASSWORDS.fits(told, account.password_hash)
    _, chosen = administration(store).set_password("wang.fang", ADMIN, PASSWORD)
    assert chosen is None
    with pytest.raises(Rejected):
        administration(store).set_password("wang.fang", ADMIN, "1234567890")
    with pytest.raises(Refused, match="no such account"):
        administration(store).act("nobody", Simple(action="disable"), ADMIN)
    assert [line["action"] for line in lines(store)] == ["added", "password_set"]


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short-one", "password_length"),
        ("x" * 129, "password_length"),
        ("Password123", "password_common"),
        ("１２３４５６７８９０", "password_common"),
        ("abababababab", "password_common"),
        ("my wang.fang secret", "password_login"),
        ("WANG.FANG2020!", "password_login"),
    ],
)
def test_a_password_that_is_none(password: str, code: str) -> None:
    with pytest.raises(Rejected) as rejected:
        check_password(password, "wang.fang")
    assert rejected.value.reasons[0].code == code
    assert password not in str(rejected.value) + str(rejected.value.reasons)


def test_passwords_of_any_script_and_those_we_make_are_taken() -> None:
    for password in (PASSWORD, "夏邑县会亭镇的春天来得早", *(one_time_password() for _ in range(50))):
        check_password(password, "wang.fang")
    assert PASSWORDS.fits("ｃorrect horse battery", HASHED), "full-width letters are the same letters"
    assert not PASSWORDS.fits(PASSWORD, None)
    assert not PASSWORDS.fits(PASSWORD, "no hash")
    assert HASHED.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize(
    ("role", "scope", "fine"),
    [
        ("administrator", "*", True),
        ("administrator", "411426", False),
        ("analyst", "*", True),
        ("analyst", "411426", True),
        ("analyst", "411426101", False),
        ("health_desk", "*", True),
        ("health_desk", "411426", True),
        ("health_desk", "411426-health", False),
        ("county", "411426", True),
        ("county", "*", False),
        ("county", "410100", False),
        ("county", "411426101", False),
        ("unit", "4114", True),
        ("unit", "411426101", True),
        ("unit", "411426101201", True),
        ("unit", "411426999", False),
        ("unit", "*", False),
    ],
)
def test_the_scope_must_go_with_the_role(role: Any, scope: str, fine: bool) -> None:
    rights = Rights(display_name="甲", role=role, scope=scope)
    if fine:
        check_scope(rights, lambda: SNAPSHOT, NOW)
    else:
        with pytest.raises(Rejected):
            check_scope(rights, lambda: SNAPSHOT, NOW)


def test_logins_are_read_kindly_and_exactly() -> None:
    assert read_login(" 411426101201 ") == "411426101201"
    assert [read_login(text) for text in ("", "ab", "-ab", "a b", "王芳", "a" * 41, "a\n", "ａｂｃ")] == [None] * 8


def test_the_demonstration_has_its_accounts_once(tmp_path: Path) -> None:
    settings, gazetteer = load_settings(data_dir=tmp_path), load_gazetteer()
    made = fresh_store(tmp_path)
    assert (seed_accounts(settings, gazetteer), seed_accounts(settings, gazetteer)) == (24, 0)
    path = tmp_path / "secrets" / ACCOUNTS_FILE
    passwords = orjson.loads(path.read_bytes())
    assert path.stat().st_mode & 0o777 == 0o600
    entrance = Entrance(AccountStore(made.engine), lambda: NOW)
    account = entrance._enter("411426", passwords["411426"], "a")
    assert (account.role, account.scope, account.must_change) == ("county", "411426", False)
    entrance.close()
    made.engine.dispose()
