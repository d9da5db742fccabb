"""The console without a database: logging in, cookies, headers, escaping. The app runs here, over a day that stands still."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from arrivals.runtime.keys import KeyStore
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.reference_writer import credential_row, new_token, token_digest
from arrivals.runtime.settings import load_settings
from reference.gazetteer import load_gazetteer
from reference.snapshot import Snapshot
from schemas.base import LOCAL
from schemas.reference_rows import Role
from serving.accounts.administration import Administration
from serving.accounts.entrance import Entrance
from serving.accounts.session_store import SessionStore
from serving.accounts.store import AccountStore
from serving.api import create_app
from serving.arrival_json import from_topic, told
from serving.authentication import Allow
from serving.board import Board
from serving.console_views import blank_row, person_row, words
from serving.database import Database
from serving.desk.desk import Desk
from serving.desk.revealing import Revealing
from serving.hub import Hub
from serving.login_codes import LoginCodes
from serving.overview import Cube
from serving.overview_feed import OverviewFeed
from serving.pages import Pages
from serving.services import Services
from serving.sessions import Sessions
from serving.texts import catalogue
from serving.unit_stream import UnitStreams
from tests.desk_kit import fresh_store
from tests.serving_kit import arrival

SCOPES: dict[Role, str] = {"analyst": "*", "device": "X", "unit": "411426101"}
TOKENS = {role: new_token(role) for role in SCOPES}
ROWS = [credential_row(TOKENS[role], role, role, scope, "test") for role, scope in SCOPES.items()]
SNAPSHOT = Snapshot.empty(load_gazetteer()).with_rows(list(enumerate(ROWS)))
HOSTILE = "<img src=x onerror=alert(1)>{{7*7}}"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


class Browser:
    """Keeps cookies and follows nothing by itself."""

    def __init__(self, app: Any, base_url: str) -> None:
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def cookie(self, name: str) -> str:
        """A cookie it holds."""
        return str(self._client.cookies[name])

    def forget(self) -> None:
        """Loses its cookies."""
        self._client.cookies.clear()

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self._runner.run(self._client.get(path, **more))

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self._runner.run(self._client.post(path, **more))


class StillFeed(OverviewFeed):
    """A day that does not change, with a hostile name in it."""

    async def look(self, day: date | None = None) -> Cube:
        record = arrival(1)
        record["person"]["name_masked"] = HOSTILE
        alert = told(from_topic(record), SNAPSHOT) | {"site_name": HOSTILE}
        cell = {
            "county_code": "411426",
            "hour": 8,
            "risk": "high",
            "arrivals": 1,
            "fever": 0,
            "turned_back": 1,
            "at_desk": 0,
            "by_rail": 0,
        }
        place = {"county_code": "411426", "code": "42", "name": HOSTILE, "arrivals": 1, "high": 1}
        return Cube(day or date(2020, 2, 18), [cell], [place], [place], [alert])


def services(folder: Path, *, secure: bool = False) -> Services:
    metrics = Metrics()
    database = Database(load_settings(data_dir=folder))
    hub = Hub(metrics)

    store = fresh_store(folder)

    def now() -> datetime:
        return datetime.fromtimestamp(time.time(), LOCAL)

    entrance = Entrance(AccountStore(store.engine), now)
    return Services(
        snapshot=lambda: SNAPSHOT,
        now=now,
        database=database,
        hub=hub,
        streams=UnitStreams(hub, database, lambda: SNAPSHOT),
        board=Board(StillFeed(database, lambda: SNAPSHOT), hub, lambda: SNAPSHOT, now),
        sessions=Sessions(SessionStore(store.engine), now),
        entrance=entrance,
        administration=Administration(entrance.store, entrance.passwords, lambda: SNAPSHOT, now),
        login_codes=LoginCodes(folder / "login"),
        oidc=None,
        metrics=metrics,
        append=lambda rows: [7 for _ in rows],
        secure=secure,
        desk=Desk(store, lambda: SNAPSHOT, now),
        revealing=Revealing(store, database, KeyStore.open(folder / "keys.json", create=True)),
        checks={"kafka": lambda: "the arrivals topic cannot be read"},
    )


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Services]:
    made = services(tmp_path)
    yield made
    made.close()


@pytest.fixture
def browser(parts: Services) -> Iterator[Browser]:
    with Browser(create_app(parts), "http://console") as client:
        yield client


def login(browser: Browser, code: str, headers: dict[str, str] | None = None) -> Any:
    return browser.post("/login", data={"code": code}, headers=SAME_SITE if headers is None else headers)


def test_a_stranger_is_sent_to_the_login_page(browser: Browser) -> None:
    for path in ("/", "/analysis", "/units/411426101"):
        answer = browser.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert browser.get("/session").status_code == 401
    assert '<input id="code" name="code" type="password"' in browser.get("/login").text


def test_an_access_code_opens_a_session_that_is_not_the_code(browser: Browser) -> None:
    answer = login(browser, TOKENS["analyst"])
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 303
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKENS["analyst"] not in cookie
    assert browser.get("/").status_code == 200
    session = browser.get("/session")
    assert (session.status_code, len(session.headers["arrivals-reader"])) == (204, 16)
    assert browser.get("/v1/overview").status_code == 200, "the page's own requests use the session"
    browser.post("/logout", headers=SAME_SITE)
    assert browser.get("/session").status_code == 401


def test_over_https_the_cookie_is_bound_to_the_host(tmp_path: Path) -> None:
    with Browser(create_app(services(tmp_path, secure=True)), "https://console") as browser:
        answer = login(browser, TOKENS["analyst"])
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-arrivals=")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        assert "max-age=31536000" in answer.headers["strict-transport-security"]


def test_a_one_time_code_works_once(browser: Browser, parts: Services) -> None:
    code = parts.login_codes.issue(token_digest(TOKENS["analyst"]))
    assert login(browser, code).status_code == 303
    assert login(browser, code).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil"}, {"Origin": "null"}, {}],
)
@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_forms_from_elsewhere_are_refused(browser: Browser, headers: dict[str, str], path: str) -> None:
    answer = browser.post(path, data={"code": TOKENS["analyst"]}, headers=headers)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


def test_our_own_origin_is_enough_for_old_browsers(browser: Browser) -> None:
    assert login(browser, TOKENS["analyst"], {"Origin": "http://console"}).status_code == 303


def test_wrong_codes_devices_and_floods_are_turned_away(browser: Browser) -> None:
    assert login(browser, TOKENS["device"]).status_code == 403
    answers = [login(browser, "wrong").status_code for _ in range(12)]
    assert answers[:9] == [403] * 9
    assert answers[-1] == 429
    for code in ("", "x" * 5_000):
        assert login(browser, code).status_code in (403, 429)


def test_every_page_is_private_and_runs_no_foreign_script(browser: Browser) -> None:
    login(browser, TOKENS["analyst"])
    nonces = set()
    for path in ("/", "/login", "/docs", "/nothing-here"):
        answer = browser.get(path, headers={"Accept": "text/html"})
        policy = answer.headers["content-security-policy"]
        nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
        assert nonce
        nonces.add(nonce[1])
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        scripts = re.findall(r"<script[^>]*>", answer.text)
        assert all(f'nonce="{nonce[1]}"' in script for script in scripts)
        tags = " ".join(re.findall(r"<[^>]*>", answer.text))
        assert not re.search(r"\son\w+=|javascript:|style=|https?://", tags)
    assert len(nonces) == 4


def test_what_people_wrote_is_shown_as_text(browser: Browser) -> None:
    login(browser, TOKENS["analyst"])
    page = browser.get("/").text
    assert "<img" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;{{7*7}}") >= 3
    row = told(from_topic(arrival(1)), SNAPSHOT) | {"name_masked": HOSTILE, "site_name": HOSTILE}
    counts = {"day": "2020-02-18", "arrivals": 1, "high": 1, "fever": 0}
    context: dict[str, Any] = {
        "name": HOSTILE,
        "counts": counts,
        "rows": [person_row(row, "zh")],
        "next": None,
        "first": True,
        "risk": None,
    }
    context |= {"risks": (), "blank": blank_row(), "words": words("zh") | {"x": HOSTILE}, "stream": "/s", "at": "", "former": ()}
    html = render_unit(context)
    assert "<img" not in html


def render_unit(context: dict[str, Any]) -> str:
    from starlette.requests import Request

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/units/1",
        "query_string": b"",
        "headers": [],
        "server": ("console", 80),
        "scheme": "http",
    }
    return bytes(Pages(secure=False).render(Request(scope), "unit.html", context).body).decode()


def test_scripts_and_styles_are_small_and_never_write_markup(browser: Browser) -> None:
    folder = Path(__file__).parent.parent / "serving/static"
    scripts = [path.read_text("utf-8") for path in folder.glob("*.js")]
    assert sum(map(len, scripts)) < 150_000
    for script in scripts:
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", script)
    answer = browser.get("/static/console.css")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert not re.search(r"url\(|@import", answer.text)


def test_languages_can_be_chosen_and_are_remembered(browser: Browser) -> None:
    assert '<html lang="zh-CN">' in browser.get("/login").text
    assert '<html lang="en">' in browser.get("/login?lang=en").text
    assert '<html lang="en">' in browser.get("/login").text


def test_a_missing_page_is_a_page_for_people_and_a_problem_for_programs(browser: Browser) -> None:
    assert catalogue("zh")["error_404"] in browser.get("/nothing", headers={"Accept": "text/html"}).text
    assert browser.get("/v1/nothing", headers={"Accept": "text/html"}).json()["code"] == "not_found"
    assert browser.get("/nothing").json()["status"] == 404


def test_a_unit_lands_on_its_own_page(browser: Browser) -> None:
    login(browser, TOKENS["unit"])
    assert browser.get("/").headers["location"] == "/units/411426101"
    assert browser.get("/units/411481100").status_code == 404
    assert browser.get("/analysis").status_code == 403


def test_the_probes_name_what_is_missing(browser: Browser) -> None:
    assert browser.get("/healthz").status_code == 200
    answer = browser.get("/readyz")
    assert (answer.status_code, answer.json()["missing"]) == (503, {"kafka": "the arrivals topic cannot be read"})
    assert "arrivals_api_request_seconds" in browser.get("/metrics").text


def test_the_worker_reaches_everything_asks_us_alone_and_is_looked_for_anew(browser: Browser) -> None:
    worker = browser.get("/worker.js")
    assert (worker.status_code, worker.headers["content-type"].partition(";")[0]) == (200, "text/javascript")
    assert worker.headers["content-security-policy"] == "default-src 'none'; connect-src 'self'"
    assert worker.headers["cache-control"] == "no-cache"
    page = browser.get("/offline")
    assert (page.status_code, "worker-src 'self'" in page.headers["content-security-policy"]) == (200, True)
    assert "没有网络" in page.text


PUBLIC = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/docs",
    "/openapi.json",
    "/login",
    "/logout",
    "/session",
    "/password",
    "/login/oidc",
    "/login/oidc/callback",
}
#: Pages that ask for a session themselves: they send strangers to the login page instead of answering 401.
PAGES = {"/", "/units/{unit}", "/analysis", "/arrivals/{event_id}", "/arrivals/{event_id}/contacts", "/grades", "/accounts"}


def test_every_route_declares_who_may_use_it(parts: Services) -> None:
    from serving import (
        routes_accounts_page,
        routes_analysis,
        routes_analyst,
        routes_console,
        routes_contacts,
        routes_docs,
        routes_explanation,
        routes_grades,
        routes_oidc,
        routes_operations,
        routes_overview,
        routes_session,
        routes_units,
    )

    pages = Pages(secure=False)
    routers = [module.router(parts) for module in (routes_analyst, routes_operations, routes_overview, routes_units)]
    routers += [
        routes_analysis.router(parts, pages),
        routes_explanation.router(parts, pages),
        routes_grades.router(parts, pages),
        routes_contacts.router(parts, pages),
        routes_console.router(parts, pages),
        routes_session.router(parts, pages),
        routes_oidc.router(parts, pages),
        routes_accounts_page.router(parts, pages),
    ]
    routers.append(routes_docs.router(pages))
    found = 0
    for router in routers:
        for route in router.routes:
            declared = any(isinstance(d.dependency, Allow) for d in getattr(route, "dependencies", ()))
            path = getattr(route, "path", "")
            assert declared or path in PUBLIC | PAGES, path
            found += 1
    assert found >= 18
