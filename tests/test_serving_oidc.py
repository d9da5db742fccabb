"""Logging in through an OpenID Connect provider: only into accounts there are, and only with tokens that hold."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from arrivals.runtime.oidc_client import Flow, open_oidc
from arrivals.runtime.settings import Settings, load_settings
from schemas.errors import Misconfigured
from serving.accounts.account import NewAccount
from serving.api import create_app
from serving.services import Services
from serving.texts import catalogue
from tests.oidc_kit import CLIENT, SECRET, Provider, query_of, running_provider
from tests.test_accounts_store import ADMIN, HASHED
from tests.test_serving_accounts import cookie_of, enter
from tests.test_serving_console import Browser, services


@pytest.fixture(scope="module")
def answering() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(answering: Provider) -> Provider:
    """The provider, honest again."""
    fresh = Provider(issuer=answering.issuer, key=answering.key)
    vars(answering).update(vars(fresh))
    return answering


def settings_of(folder: Path, issuer: str, **more: Any) -> Settings:
    secret = folder / "client-secret"
    secret.write_text(SECRET, "utf-8")
    values = {"oidc_issuer": issuer, "oidc_client_id": CLIENT, "oidc_client_secret_file": secret, **more}
    return load_settings(data_dir=folder, console_url="http://console", **values)


@pytest.fixture
def parts(tmp_path: Path, provider: Provider) -> Iterator[Services]:
    made = replace(services(tmp_path), oidc=open_oidc(settings_of(tmp_path, provider.issuer)))
    new = NewAccount(login="wang.fang", display_name="王芳", role="unit", scope="411426101")
    made.entrance.store.add(new, HASHED, ADMIN, made.now())
    yield made
    made.close()


@pytest.fixture
def browser(parts: Services) -> Iterator[Browser]:
    with Browser(create_app(parts), "http://console") as client:
        yield client


def begin(browser: Browser) -> str:
    """The address the provider sends the browser back to."""
    answer = browser.get("/login/oidc")
    assert answer.status_code == 303
    assert "HttpOnly; Max-Age=600; Path=/; SameSite=lax" in answer.headers["set-cookie"]
    back = httpx.get(answer.headers["location"]).headers["location"]
    assert back.startswith("http://console/login/oidc/callback?")
    return back.removeprefix("http://console")


def test_the_providers_word_opens_the_account_of_that_name(parts: Services, browser: Browser) -> None:
    assert catalogue("zh")["login_oidc_button"] in browser.get("/login").text
    answer = browser.get(begin(browser))
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0;url=/">' in answer.text, "a strict cookie is sent from our own page only"
    assert browser.get("/").headers["location"] == "/units/411426101", "who comes this way needs no password of ours"
    [(_, _, way)] = parts.sessions.store.of_account("wang.fang", parts.now())
    assert way == "oidc"
    parts.entrance.store.set_active("wang.fang", False, ADMIN, parts.now())
    parts.sessions.forget()
    assert browser.get("/session").status_code == 401


def test_by_password_the_same_account_has_to_change_it(browser: Browser) -> None:
    assert enter(browser, "wang.fang").headers["location"] == "/password"


@pytest.mark.parametrize("name", ["nobody", "Wang.Fang", "wang.fang ", "", "王芳", None, 7])
def test_no_account_is_made_and_none_is_guessed(parts: Services, browser: Browser, provider: Provider, name: Any) -> None:
    provider.change = lambda claims: claims | {"preferred_username": name}
    refused(browser, begin(browser))
    assert [account.login for account in parts.entrance.store.listed(9)] == ["wang.fang"]


def test_a_disabled_account_stays_shut(parts: Services, browser: Browser) -> None:
    parts.entrance.store.set_active("wang.fang", False, ADMIN, parts.now())
    refused(browser, begin(browser))


def refused(browser: Browser, back: str) -> None:
    answer = browser.get(back)
    assert answer.status_code == 403
    assert "arrivals_session" not in str(answer.headers)
    assert catalogue("zh")["login_oidc"] in answer.text or catalogue("zh")["login_oidc_account"] in answer.text
    assert browser.get("/session").status_code == 401


LIES: dict[str, Any] = {
    "another nonce": {"nonce": "x"},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "http://elsewhere"},
    "another audience": {"aud": "other"},
    "two audiences": {"aud": [CLIENT, "other"]},
    "another party": {"azp": "other"},
    "expired": {"exp": 1},
    "of the future": {"iat": 9_999_999_999},
    "without an end": {"exp": None},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_does_not_hold_opens_nothing(browser: Browser, provider: Provider, lie: str) -> None:
    said = LIES[lie]
    provider.change = lambda claims: {name: v for name, v in (claims | said).items() if v is not None}
    refused(browser, begin(browser))


def test_a_token_signed_by_somebody_else_opens_nothing(browser: Browser, provider: Provider) -> None:
    provider.published = RSAKey.generate_key(2048, {"kid": "one"})
    refused(browser, begin(browser))


def test_an_unsigned_token_opens_nothing(browser: Browser, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsigned(header: Any, claims: Any, _: Any) -> str:
        parts = (json.dumps(part).encode() for part in (header | {"alg": "none"}, claims))
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."

    monkeypatch.setattr("tests.oidc_kit.jwt.encode", unsigned)
    refused(browser, begin(browser))


def test_an_answer_is_good_for_the_browser_that_asked_and_once(parts: Services, browser: Browser) -> None:
    back = begin(browser)
    with Browser(create_app(parts), "http://console") as other:
        refused(other, back)
        begin(other)
        refused(other, back)
    swapped = query_of(back) | {"state": "x"}
    refused(browser, f"/login/oidc/callback?code={swapped['code']}&state=x")
    refused(browser, "/login/oidc/callback?error=access_denied")
    first = begin(browser)
    cookie = browser.cookie("arrivals_oidc")
    assert cookie_of(browser.get(first))
    browser.forget()
    answer = browser.get(first, headers={"Cookie": f"arrivals_oidc={cookie}"})
    assert answer.status_code == 403, "a code is worth one log-in"


def test_a_provider_that_is_away_or_ill_is_said_so(browser: Browser, provider: Provider, tmp_path: Path) -> None:
    back = begin(browser)
    provider.status = 500
    assert browser.get(back).status_code == 503
    for described in ({"issuer": "http://elsewhere"}, {"token_endpoint": "file:///etc/passwd"}, {"jwks_uri": None}):
        provider.described = described
        assert browser.get("/login/oidc").status_code == 403
    away = services(tmp_path / "away")
    away = replace(away, oidc=open_oidc(settings_of(tmp_path, "http://127.0.0.1:9")))
    with Browser(create_app(away), "http://console") as client:
        assert client.get("/login/oidc").status_code == 503
    away.close()


def test_without_a_provider_there_is_no_such_way(tmp_path: Path) -> None:
    made = services(tmp_path)
    with Browser(create_app(made), "http://console") as browser:
        assert "/login/oidc" not in browser.get("/login").text
        assert browser.get("/login/oidc").status_code == 404
        assert browser.get("/login/oidc/callback?code=x&state=y").status_code == 404
    made.close()


def test_half_a_setting_stops_the_api(tmp_path: Path) -> None:
    assert open_oidc(load_settings(data_dir=tmp_path)) is None
    for issuer, more in (
        ("http://id.example.cn", {"oidc_client_id": None}),
        ("http://id.example.cn", {"oidc_client_secret_file": tmp_path / "none"}),
        ("http://id.example.cn", {"mode": "production"}),
    ):
        with pytest.raises(Misconfigured):
            open_oidc(settings_of(tmp_path, issuer, **more))
    assert open_oidc(settings_of(tmp_path, "https://id.example.cn", mode="production")) is not None
    assert Flow.read("a.b") is None
    flow = Flow.new()
    assert Flow.read(flow.write()) == flow
