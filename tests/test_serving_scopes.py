"""Every route has a declared scope, and what strangers are answered follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from serving.api import create_app
from serving.authentication import Allow
from serving.scopes import SCOPES
from tests.serving_kit import event_id
from tests.test_serving_console import TOKENS, Browser, services

IDS = {"unit": "411481100", "event_id": event_id(1), "name": "flows-by-hour", "area": "411481", "login": "nobody"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    parts = services(tmp_path_factory.mktemp("scopes"))
    yield create_app(parts)
    parts.close()


def routes(app: FastAPI) -> dict[tuple[str, str], Any]:
    """Every route by method and path; HEAD goes with GET."""
    found: dict[tuple[str, str], Any] = {}
    waiting: list[Any] = list(app.routes)
    while waiting:
        route = waiting.pop()
        if hasattr(route, "original_router"):
            waiting += route.original_router.routes
        else:
            found |= {(method, route.path): route for method in (getattr(route, "methods", None) or {"GET"}) - {"HEAD"}}
    return found


def test_every_route_declares_its_scope(app: FastAPI) -> None:
    assert sorted(set(routes(app)) - set(SCOPES)) == [], "declare the scope of these routes in serving/scopes.py"
    assert sorted(set(SCOPES) - set(routes(app))) == [], "there are no such routes"


def test_a_route_without_a_scope_is_noticed(tmp_path: Path) -> None:
    parts = services(tmp_path)
    fresh = create_app(parts)
    fresh.add_api_route("/v1/everybody", lambda: {})
    assert set(routes(fresh)) - set(SCOPES) == {("GET", "/v1/everybody")}
    parts.close()


def test_what_machines_ask_checks_the_credential_first(app: FastAPI) -> None:
    for key, route in routes(app).items():
        if key[1].startswith("/v1"):
            assert isinstance(route, APIRoute)
            allows = [d.call for d in route.dependant.dependencies if isinstance(d.call, Allow)]
            assert len(allows) == 1, key
            assert (allows[0].roles == frozenset({"administrator"})) == (SCOPES[key] == "administrator"), key


@pytest.mark.parametrize("key", [key for key in SCOPES if key[1].startswith("/v1")], ids=" ".join)
def test_nobody_and_a_wrong_code_get_401(app: FastAPI, key: tuple[str, str]) -> None:
    method, path = key
    with Browser(app, "http://console") as browser:
        ask = browser.get if method == "GET" else browser.post
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}):
            assert ask(path.format(**IDS), headers=headers).status_code == 401


#: These ask the database with the scope in the question: `test_serving_explanation_api` looks at them.
ASKING = {
    *(("GET", f"/arrivals/{{event_id}}{more}") for more in ("", "/contacts")),
    *(("GET", f"/v1/arrivals/{{event_id}}/{more}") for more in ("explanation", "grades")),
    ("GET", "/v1/contacts"),
    ("POST", "/v1/arrivals/{event_id}/corrections"),
    ("POST", "/arrivals/{event_id}/contacts"),
}
FOREIGN = [key for key, scope in SCOPES.items() if scope in ("unit", "arrival") and key not in ASKING]


@pytest.mark.parametrize("key", FOREIGN, ids=" ".join)
@pytest.mark.parametrize("role", ["unit", "analyst", "device"])
def test_what_is_foreign_answers_like_nothing(app: FastAPI, key: tuple[str, str], role: str) -> None:
    """The database is not there at all here: whoever were let in would get 503."""
    method, path = key
    bodies = {"actions": {"action": "acknowledge", "version": 1}, "contact-tasks": {"reason": "confirmed"}}
    headers = {"Authorization": f"Bearer {TOKENS[role]}"}  # type: ignore[index]
    with Browser(app, "http://console") as browser:
        if method == "POST":
            answer = browser.post(
                path.format(**IDS), headers=headers, json=bodies.get(path.rpartition("/")[2], {"reason": "call"})
            )
        else:
            answer = browser.get(path.format(**IDS), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("key", [key for key, scope in SCOPES.items() if scope == "administrator"], ids=" ".join)
def test_administrators_alone(app: FastAPI, key: tuple[str, str]) -> None:
    with Browser(app, "http://console") as browser:
        for role in TOKENS:
            ask = browser.get if key[0] == "GET" else browser.post
            answer = ask(key[1].format(**IDS), headers={"Authorization": f"Bearer {TOKENS[role]}"})
            assert answer.status_code == 403
