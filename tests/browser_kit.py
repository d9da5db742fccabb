"""A real browser over the whole real stack: the system's Chromium, headless, through Playwright. Skips where there is none."""

from __future__ import annotations

import io
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from rich.console import Console

from arrivals.demo.day import all_tokens, gateway_url
from arrivals.demo.stack import embedded_stack
from arrivals.runtime.reference_writer import append, credential_row, new_token
from arrivals.runtime.settings import Settings
from schemas.base import LOCAL, format_instant
from schemas.event_ids import uuid7
from schemas.reference_rows import Role
from tests.stack_kit import stack_settings
from tests.streams_kit import until

PHONE, DESKTOP = (390, 844), (1440, 900)
PATIENCE_MS = 30_000
COUNTY, TOWN = "411426", "411426110"
#: Villages of the town for tests that must not meet: unit, and its name in an address.
VILLAGES = {
    "journey": ("411426110201", "火店村"),
    "sister": ("411426110202", "张庄村"),
    "offline": ("411426110203", "陈阁村"),
    "many": ("411426110204", "屈庄村"),
    "family": ("411426110205", "余庄村"),
    "misrouted": ("411426110206", "庙东村"),
    "axe": ("411426110208", "铁匠棚村"),
}
SITE = "CP-411426-01"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
#: What a browser says about every answer that is not 2xx and about a network that is away: no fault of a page.
_ANSWERS = ("Failed to load resource", "net::ERR_INTERNET_DISCONNECTED")


class Town:
    """The running stack with a browser: scans come in over HTTP, people sign in with their access codes."""

    def __init__(self, settings: Settings, browser: Browser) -> None:
        self.settings, self.browser = settings, browser
        self.tokens = all_tokens(settings)
        self.complaints: list[str] = []

    def credential(self, role: Role, scope: str) -> str:
        """The access code of a role and scope; made when there is none yet."""
        name = f"{role}:{scope}"
        if name not in self.tokens:
            self.tokens[name] = new_token(role)
            append(self.settings, [credential_row(self.tokens[name], role, name, scope, "test")])
        return self.tokens[name]

    def scan(self, village: str, count: int = 1, **changes: Any) -> list[str]:
        """Posts the scans of synthetic people who go to a village, and waits until its duties have begun; the event ids."""
        unit, name = VILLAGES[village]
        before = self.count(unit)
        made = [_scan(f"夏邑县火店镇{name}", changes) for _ in range(count)]
        headers = {"Authorization": f"Bearer {self.tokens[f'device:{SITE}']}", "Content-Type": "application/json"}
        answer = _fetch(Request(f"{gateway_url(self.settings)}/v1/scans", json.dumps(made).encode(), headers))
        assert [result["status"] for result in answer["results"]] == ["accepted"] * count
        until(lambda: self.count(unit) == before + count)
        return [str(scan["event_id"]) for scan in made]

    def count(self, unit: str) -> int:
        """How many open duties a unit has."""
        counts = self.ask("GET", f"/v1/units/{unit}/duties", "county", COUNTY)["counts"]
        return int(counts["open"])

    def act(self, event_ids: Sequence[str], scope: str, action: str, **fields: Any) -> None:
        """Acts through the API on the present versions, as somebody else at another phone."""
        role: Role = "county" if scope == COUNTY else "unit"
        for event_id in event_ids:
            version = self.ask("GET", f"/v1/arrivals/{event_id}/duty", role, scope)["version"]
            body = {"action": action, "version": version, **fields}
            self.ask("POST", f"/v1/arrivals/{event_id}/actions", role, scope, body)

    def ask(self, method: str, path: str, role: Role, scope: str, body: Any = None) -> Any:
        """The JSON of an answer of the API."""
        headers = {"Authorization": f"Bearer {self.credential(role, scope)}", "Content-Type": "application/json"}
        content = json.dumps(body).encode() if body is not None else None
        address = f"http://127.0.0.1:{self.settings.api_port}{path}"
        end = time.monotonic() + PATIENCE_MS / 1000
        while True:
            try:
                return _fetch(Request(address, content, headers, method=method))
            except HTTPError as error:
                # A fresh credential is on its way to the API.
                if error.code != HTTPStatus.UNAUTHORIZED or time.monotonic() > end:
                    raise
                time.sleep(0.3)

    def page(self, role: Role, scope: str, path: str = "/", size: tuple[int, int] = PHONE) -> Page:
        """A page in a browser of its own, signed in. What its scripts or its policy complain about is noted in `complaints`."""
        base = f"http://127.0.0.1:{self.settings.api_port}"
        viewport: Any = dict(zip(("width", "height"), size, strict=True))
        context = self.browser.new_context(base_url=base, viewport=viewport, locale="zh-CN", timezone_id="Asia/Shanghai")
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        sign_in(page, self.credential(role, scope))
        page.goto(path)
        return page

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(part in message.text for part in _ANSWERS):
            self.complaints.append(message.text)


def sign_in(page: Page, token: str) -> None:
    """Types the access code into the login page, again while the credential is still on its way to the API."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < end:
        page.goto("/login")
        page.fill("#code", token)
        page.press("#code", "Enter")
        page.wait_for_load_state()
        if "/login" not in page.url:
            return
        time.sleep(1)
    raise AssertionError("the access code opened nothing")


def _scan(destination: str, changes: dict[str, Any]) -> dict[str, Any]:
    now = datetime.now(LOCAL)
    person = {"name": "测试甲", "document_type": "resident_id", "document_number": "411426196501011235", "phone": "13800000001"}
    made = {"version": 1, "kind": "checkpoint", "event_id": uuid7(int(now.timestamp() * 1000), os.urandom(10)), "site_id": SITE}
    made |= {"sequence": 1, "occurred_at": format_instant(now), "person": person, "origin": {"code": "4201"}}
    return made | {"destination": {"text": destination}, "temperature_c": 36.5} | changes


def _fetch(request: Request) -> Any:
    with urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


@contextmanager
def running_town(folder: Path) -> Iterator[Town]:
    """Everything running in `folder`, and a browser."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    expect.set_options(timeout=PATIENCE_MS)
    settings = stack_settings(folder)
    with embedded_stack(settings, Console(file=io.StringIO())), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            yield Town(settings, browser)
        finally:
            browser.close()
