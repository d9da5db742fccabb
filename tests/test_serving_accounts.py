"""Accounts over HTTP: logging in by name and password, changing the password, logging out, and what administrators do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import text

from arrivals.runtime.desk_engine import writing
from arrivals.runtime.reference_writer import credential_row, new_token
from reference.gazetteer import load_gazetteer
from reference.snapshot import Snapshot
from schemas.reference_rows import ReferenceRow, Role
from serving.access import Principal
from serving.accounts.account import NewAccount
from serving.accounts.attempts import MOST_OF_ADDRESS
from serving.accounts.session_store import digest_of
from serving.api import create_app
from serving.authentication import by_digest, by_session, present
from serving.desk import trail
from serving.scopes import SCOPES
from serving.services import Services
from serving.texts import catalogue
from tests.duties_kit import at, came
from tests.serving_kit import event_id
from tests.test_accounts_store import ADMIN, HASHED, OTHER, PASSWORD
from tests.test_serving_console import HOSTILE, SAME_SITE, TOKENS, Browser, login, services
from tests.test_serving_scopes import IDS

HOLDERS: dict[Role, str] = {
    "administrator": "*",
    "analyst": "*",
    "county": "411426",
    "health_desk": "411426",
    "unit": "411426101",
}


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Services]:
    made = services(tmp_path)
    yield made
    made.close()


@pytest.fixture
def browser(parts: Services) -> Iterator[Browser]:
    with Browser(create_app(parts), "http://console") as client:
        yield client


def add(parts: Services, role: Any = "unit", *, must_change: bool = False, login: str = "") -> str:
    new = NewAccount(login=login or role, display_name=f"测试{role}", role=role, scope=HOLDERS[role])
    return parts.entrance.store.add(new, HASHED, ADMIN, parts.now(), must_change=must_change).login


def enter(browser: Browser, login: str, password: str = PASSWORD) -> httpx.Response:
    return browser.post("/login", data={"login": login, "password": password}, headers=SAME_SITE)


def cookie_of(answer: httpx.Response) -> str:
    found = re.match(r"arrivals_session=([^;]+);", answer.headers["set-cookie"])
    assert found
    return found[1]


def test_name_and_password_open_a_session(parts: Services, browser: Browser) -> None:
    answer = enter(browser, add(parts))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "HttpOnly; Max-Age=43200; Path=/; SameSite=strict" in answer.headers["set-cookie"]
    assert browser.get("/").headers["location"] == "/units/411426101"
    assert browser.get("/session").status_code == 204
    assert browser.get("/units/411481100").status_code == 404
    assert "测试unit</a>" in browser.get("/password").text, "everybody sees as whom he is logged in"


def test_the_page_offers_both_ways_in_both_languages(browser: Browser) -> None:
    for language, word in (("zh", "登录名"), ("en", "Login name")):
        page = browser.get(f"/login?lang={language}").text
        assert word in page
        for field in ('name="login" autocomplete="username"', 'name="password" type="password"', 'name="code" type="password"'):
            assert field in page


def test_unknown_wrong_and_disabled_are_answered_alike(parts: Services, browser: Browser) -> None:
    add(parts)
    parts.entrance.store.set_active(add(parts, "analyst"), False, ADMIN, parts.now())
    answers = [enter(browser, *who) for who in (("unit", "wrong"), ("nobody", PASSWORD), ("analyst", PASSWORD), ("王芳", "x"))]
    assert {answer.status_code for answer in answers} == {403}
    pages = {re.sub(r'nonce="[^"]+"', "", answer.text) for answer in answers}
    assert len(pages) == 1
    assert catalogue("zh")["login_wrong"] in pages.pop()
    assert not any("set-cookie" in answer.headers for answer in answers)


def test_too_many_attempts_are_told_when_to_come_again(parts: Services, browser: Browser) -> None:
    add(parts)
    assert [enter(browser, "unit", "wrong").status_code for _ in range(MOST_OF_ADDRESS)] == [403] * MOST_OF_ADDRESS
    answer = enter(browser, "unit")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 300
    assert enter(browser, add(parts, "analyst")).status_code == 303, "others at the same address do not notice"


def test_one_address_cannot_try_one_password_at_every_login(parts: Services, browser: Browser) -> None:
    answers = [enter(browser, f"clerk-{number}").status_code for number in range(61)]
    assert answers == [403] * 60 + [429]


def test_every_log_in_makes_a_new_session_and_ends_the_one_before(parts: Services, browser: Browser) -> None:
    planted = "A" * 43
    form = {"login": add(parts), "password": PASSWORD}
    first = cookie_of(browser.post("/login", data=form, headers={**SAME_SITE, "Cookie": f"arrivals_session={planted}"}))
    assert first != planted
    second = cookie_of(enter(browser, "unit"))
    assert second != first
    with Browser(create_app(parts), "http://console") as thief:
        for stolen in (planted, first):
            assert thief.get("/session", headers={"Cookie": f"arrivals_session={stolen}"}).status_code == 401
        assert thief.get("/session", headers={"Cookie": f"arrivals_session={second}"}).status_code == 204


@pytest.mark.parametrize("way", ["account", "code"])
def test_logging_out_ends_the_session_on_the_server(parts: Services, browser: Browser, way: str) -> None:
    cookie = cookie_of(enter(browser, add(parts)) if way == "account" else login(browser, TOKENS["unit"]))
    browser.post("/logout", headers=SAME_SITE)
    with Browser(create_app(parts), "http://console") as thief:
        assert thief.get("/session", headers={"Cookie": f"arrivals_session={cookie}"}).status_code == 401


def test_what_is_no_session_is_none(parts: Services, browser: Browser) -> None:
    for cookie in ("", "x", "A" * 43, f"{'0' * 64}.9999999999.{'A' * 43}"):
        assert browser.get("/session", headers={"Cookie": f"arrivals_session={cookie}"}).status_code == 401
    cookie = cookie_of(enter(browser, add(parts)))
    bearer = {"Authorization": f"Bearer {cookie}"}
    assert browser.get("/session", headers=bearer).status_code == 401, "a session's id is no access code"


def test_who_must_change_his_password_sees_nothing_before(parts: Services, browser: Browser) -> None:
    add(parts, "administrator", must_change=True)
    assert enter(browser, "administrator").headers["location"] == "/password"
    assert browser.get("/v1/accounts").status_code == 401
    assert browser.get("/").headers["location"] == "/login"
    assert browser.get("/login").headers["location"] == "/password"
    assert catalogue("zh")["password_must"] in browser.get("/password").text
    answer = change(browser, PASSWORD, OTHER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert browser.get("/v1/accounts").status_code == 200


def change(browser: Browser, current: str, new: str, again: str | None = None, **more: Any) -> httpx.Response:
    form = {"current": current, "new": new, "again": new if again is None else again}
    return browser.post("/password", data=form, headers=more.pop("headers", SAME_SITE))


def test_changing_the_password_ends_all_other_sessions(parts: Services, browser: Browser) -> None:
    add(parts)
    with Browser(create_app(parts), "http://console") as phone:
        enter(phone, "unit")
        enter(browser, "unit")
        before = browser.get("/session"), phone.get("/session")
        assert [answer.status_code for answer in before] == [204, 204]
        assert change(browser, PASSWORD, OTHER).status_code == 303
        assert (browser.get("/session").status_code, phone.get("/session").status_code) == (204, 401)
        assert enter(phone, "unit").status_code == 403
        assert enter(phone, "unit", OTHER).status_code == 303


@pytest.mark.parametrize(
    ("current", "new", "again", "word"),
    [
        ("wrong", OTHER, OTHER, "现在的密码不对"),
        (PASSWORD, OTHER, OTHER + "x", "不一样"),
        (PASSWORD, PASSWORD, PASSWORD, "不能与现在的密码相同"),
        (PASSWORD, "password123", "password123", "过于常见"),
        (PASSWORD, "short", "short", "10 至 128"),
    ],
)
def test_what_is_no_new_password(parts: Services, browser: Browser, current: str, new: str, again: str, word: str) -> None:
    enter(browser, add(parts))
    answer = change(browser, current, new, again)
    assert answer.status_code in (400, 403)
    assert word in answer.text
    assert new not in answer.text
    assert browser.get("/session").status_code == 204
    for _ in range(MOST_OF_ADDRESS):
        last = change(browser, "wrong", OTHER)
    assert last.status_code == 429 if current == "wrong" else 403, "guessing is no quicker here"


def test_the_password_page_is_for_accounts(browser: Browser) -> None:
    assert browser.get("/password").headers["location"] == "/login"
    assert change(browser, PASSWORD, OTHER).headers["location"] == "/login"
    login(browser, TOKENS["unit"])
    assert browser.get("/password").headers["location"] == "/"
    assert change(browser, PASSWORD, OTHER, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_the_database_away_lets_nobody_in_who_has_a_session(parts: Services, browser: Browser) -> None:
    enter(browser, add(parts))
    parts.sessions.forget()
    with writing(parts.desk.store.engine) as connection:
        connection.execute(text("ALTER TABLE sessions RENAME TO hidden"))
    assert browser.get("/session").status_code == 503
    bearer = {"Authorization": f"Bearer {TOKENS['unit']}"}
    assert browser.get("/session", headers=bearer).status_code == 204, "access codes do not need it"
    with writing(parts.desk.store.engine) as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO sessions"))
    assert browser.get("/session").status_code == 204


def test_no_access_code_acts_under_an_accounts_name(parts: Services) -> None:
    token = new_token("unit")
    row = credential_row(token, "unit", "account:wang.fang", "411426101", "test")
    assert by_digest(replace(parts, snapshot=knowing(row)), digest_of(token)) is None


def knowing(*rows: ReferenceRow) -> Callable[[], Snapshot]:
    snapshot = Snapshot.empty(load_gazetteer()).with_rows(list(enumerate(rows)))
    return lambda: snapshot


def test_who_still_holds_is_found_for_all_streams_at_once(parts: Services, browser: Browser) -> None:
    ids = [cookie_of(enter(browser, add(parts, role))) for role in ("unit", "analyst")]
    code = by_digest(parts, digest_of(TOKENS["unit"]))
    assert code is not None

    async def look() -> tuple[set[str], set[str]]:
        store = parts.sessions.store
        sessions = [store.open(account, "password", parts.now()) for account in parts.entrance.store.listed(9)]
        found = [by_session(parts, await parts.sessions.find(session)) for session in sessions]
        readers = {who for who in found if who} | {code, Principal("unit", "gone", "411426101", "f" * 64)}
        before = await present(parts, readers)
        parts.entrance.store.set_active("unit", False, ADMIN, parts.now())
        after = await present(parts, readers)
        return {who.subject for who in before}, {who.subject for who in after}

    assert ids[0] != ids[1]
    assert asyncio.run(look()) == ({"account:unit", "account:analyst", "unit"}, {"account:analyst", "unit"})


# --- what administrators do


@pytest.fixture
def admin(parts: Services, browser: Browser) -> Browser:
    enter(browser, add(parts, "administrator", login="boss"))
    return browser


def post(browser: Browser, path: str, body: Any, **more: Any) -> httpx.Response:
    return browser.post(path, json=body, headers=more.pop("headers", SAME_SITE))


NEW = {"login": "wang.fang", "display_name": "王芳", "role": "unit", "scope": "411426101"}


def test_an_administrator_makes_lists_and_ends_accounts(parts: Services, admin: Browser) -> None:
    made = post(admin, "/v1/accounts", NEW).json()
    password = made.pop("one_time_password")
    assert (made["must_change"], made["active"], made["created_by"]) == (True, True, "account:boss")
    listed = admin.get("/v1/accounts?limit=1").json()
    assert [account["login"] for account in listed["accounts"]] == ["boss"]
    rest = admin.get(f"/v1/accounts?after={listed['next_after']}").json()
    assert (rest["accounts"], rest["next_after"]) == ([made], None)
    with Browser(create_app(parts), "http://console") as clerk:
        assert enter(clerk, "wang.fang", password).headers["location"] == "/password"
        change(clerk, password, OTHER)
        assert clerk.get("/session").status_code == 204
        assert len(admin.get("/v1/accounts/wang.fang").json()["sessions"]) == 1
        done = post(admin, "/v1/accounts/wang.fang/actions", {"action": "disable"}).json()
        assert (done["active"], "one_time_password" in done) == (False, False)
        assert clerk.get("/session").status_code == 401
        assert enter(clerk, "wang.fang", OTHER).status_code == 403
        post(admin, "/v1/accounts/wang.fang/actions", {"action": "enable"})
        again = post(admin, "/v1/accounts/wang.fang/actions", {"action": "reset_password"}).json()["one_time_password"]
        assert enter(clerk, "wang.fang", again).headers["location"] == "/password"
    lines = admin.get("/v1/audit-trail").json()["lines"]
    assert [line["detail"]["action"] for line in reversed(lines) if line["detail"]["account"] == "wang.fang"] == [
        *("added", "password_changed", "disabled", "enabled", "password_set")
    ]
    assert {line["actor"] for line in lines} == {"account:boss", "account:wang.fang", "account:admin"}
    assert "王芳" not in str(lines)
    assert "argon2" not in admin.get("/v1/accounts").text + str(lines)


def test_what_an_administrator_cannot_do(parts: Services, admin: Browser) -> None:
    assert post(admin, "/v1/accounts", NEW).status_code == 200
    taken = post(admin, "/v1/accounts", NEW)
    assert (taken.status_code, taken.json()["code"]) == (409, "account_exists")
    assert "登录名已被使用" in taken.json()["detail_zh"]
    for wrong, field in (
        ({"login": "王"}, "login"),
        ({"role": "device"}, "role"),
        ({"scope": "411426999"}, "scope"),
        ({"scope": "*"}, "scope"),
        ({"password": "x"}, "password"),
        ({"display_name": ""}, "display_name"),
    ):
        answer = post(admin, "/v1/accounts", {**NEW, "login": "li.si", **wrong})
        assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])
    for path in ("/v1/accounts/nobody", "/v1/accounts/WANG.FANG", "/v1/accounts/%E7%8E%8B"):
        assert admin.get(path).status_code == 404
        assert post(admin, f"{path}/actions", {"action": "disable"}).status_code == 404
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert post(admin, "/v1/accounts", {**NEW, "login": "li.si"}, headers=elsewhere).status_code == 403
    assert post(admin, "/v1/accounts/wang.fang/actions", {"action": "disable"}, headers=elsewhere).status_code == 403


def test_an_administrator_of_a_county_makes_nobody(tmp_path: Path) -> None:
    token = new_token("administrator")
    row = credential_row(token, "administrator", "half", "411426", "test")
    made = replace(services(tmp_path), snapshot=knowing(row))
    with Browser(create_app(made), "http://console") as browser:
        assert post(browser, "/v1/accounts", NEW, headers={"Authorization": f"Bearer {token}"}).status_code == 403
    made.close()


def test_two_accounts_of_one_unit_act_under_their_own_names(parts: Services, browser: Browser) -> None:
    parts.desk.store.take_in([came(1, HOLDERS["unit"])], at())
    path = f"/v1/arrivals/{event_id(1)}/actions"
    add(parts, login="li.si")
    enter(browser, add(parts))
    assert post(browser, path, {"action": "acknowledge", "version": 1}).json()["changed_by"] == "account:unit"
    assert post(browser, path, {"action": "note", "version": 2, "note": "x"}, headers={}).status_code == 403
    with Browser(create_app(parts), "http://console") as other:
        enter(other, "li.si")
        undo = post(other, path, {"action": "undo", "version": 2})
        assert (undo.status_code, undo.json()["code"]) == (409, "nothing_to_undo")
    assert post(browser, path, {"action": "undo", "version": 2}).json()["state"] == "pending"
    lines = trail.newest(parts.desk.store.engine, 2)
    assert [(line["actor"], line["role"], line["scope"]) for line in lines] == [("account:unit", "unit", HOLDERS["unit"])] * 2


def test_the_page_of_accounts(parts: Services, admin: Browser) -> None:
    form = {"action": "add", **NEW}
    page = admin.post("/accounts", data=form, headers=SAME_SITE)
    found = re.search(r'class="once">([^<]+)<', page.text)
    assert found
    assert 'href="/accounts"' in admin.get("/").text
    assert found[1] not in admin.get("/accounts?find=wang.fang").text
    with Browser(create_app(parts), "http://console") as clerk:
        assert enter(clerk, "wang.fang", found[1]).headers["location"] == "/password"
        change(clerk, found[1], OTHER)
        assert (clerk.get("/accounts").status_code, clerk.get("/session").status_code) == (403, 204)
        for action in ("end_sessions", "disable", "enable", "reset_password"):
            answer = admin.post("/accounts", data={"action": action, "login": "wang.fang"}, headers=SAME_SITE)
            assert ("王芳" in answer.text, 'class="once"' in answer.text) == (True, action == "reset_password")
        assert clerk.get("/accounts").headers["location"] == "/login"
    for wrong, status, word in (
        (form, 409, "登录名已被使用"),
        ({**form, "login": "li.si", "scope": "411426999"}, 400, "没有与该角色相符的范围"),
        ({**form, "login": HOSTILE}, 400, "填写有误"),
        ({"action": "set_rights", "login": "wang.fang"}, 400, "填写有误"),
        ({"action": "disable", "login": "nobody"}, 404, "没有找到"),
        ({}, 400, "填写有误"),
    ):
        answer = admin.post("/accounts", data=wrong, headers=SAME_SITE)
        assert (answer.status_code, word in answer.text) == (status, True)
        assert "<img" not in answer.text
    assert admin.post("/accounts", data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


# --- every route for every role: an account is answered like an access code of the same right

ROUTES = [key for key, scope in SCOPES.items() if scope not in ("public", "session") and not key[1].endswith("/stream")]
BODIES = {
    "actions": {"action": "acknowledge", "version": 1},
    "reveal": {"reason": "call"},
    "corrections": {"destination": "411426101", "reason": "x"},
    "accounts": {**NEW, "scope": "411426999"},
    "notes": {"reason": "call"},
    "contact-tasks": {"ties": ["close"], "reason": "confirmed"},
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, dict[str, dict[str, dict[str, str]]]]]:
    """An app with an access code and an account for every role, and the headers of each."""
    tokens = {role: new_token(role) for role in HOLDERS}
    rows = [credential_row(tokens[role], role, role.replace("_", "-"), scope, "test") for role, scope in HOLDERS.items()]
    parts = replace(services(tmp_path_factory.mktemp("matrix")), snapshot=knowing(*rows))
    made = create_app(parts)
    headers: dict[str, dict[str, dict[str, str]]] = {}
    with Browser(made, "http://console") as browser:
        for role in HOLDERS:
            cookie = cookie_of(enter(browser, add(parts, role)))
            browser.forget()
            session = {"Cookie": f"arrivals_session={cookie}", **SAME_SITE}
            headers[role] = {"code": {"Authorization": f"Bearer {tokens[role]}", **SAME_SITE}, "account": session}
    yield made, headers
    parts.close()


@pytest.mark.parametrize("role", HOLDERS)
@pytest.mark.parametrize("key", ROUTES, ids=" ".join)
def test_an_account_may_what_an_access_code_of_the_same_right_may(app: Any, key: tuple[str, str], role: str) -> None:
    made, headers = app
    with Browser(made, "http://console") as browser:
        for ids in (IDS, IDS | {"unit": HOLDERS["unit"]}):
            by_code, by_account = (ask(browser, key, ids, headers[role][way]) for way in ("code", "account"))
            assert by_account == by_code
            if SCOPES[key] == "administrator" and role != "administrator":
                assert by_account == (403, "role_not_allowed")


def ask(browser: Browser, key: tuple[str, str], ids: dict[str, str], headers: dict[str, str]) -> tuple[int, str]:
    method, path = key
    if method == "GET":
        answer = browser.get(path.format(**ids), headers=headers)
    else:
        answer = browser.post(path.format(**ids), headers=headers, json=BODIES.get(path.rpartition("/")[2], {}))
    told = orjson.loads(answer.content) if "json" in answer.headers.get("content-type", "") else {}
    return answer.status_code, told.get("code", "") if isinstance(told, dict) else ""
