"""A real browser over the whole real stack: the system's Chromium, headless, through Playwright. Skips where there is none."""

from __future__ import annotations

import io
import json
import os
import shutil
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

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

PHONE, DESKTOP = (390, 844), (1440, 900)
PATIENCE_MS = 30_000
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

    def scan(self, destination: str, **changes: Any) -> str:
        """Posts the scan of a synthetic person who goes there; its event id."""
        now = datetime.now(LOCAL)
        event_id = uuid7(int(now.timestamp() * 1000), os.urandom(10))
        person = {
            "name": "测试甲",
            "document_type": "resident_id",
            "document_number": "411426196501011235",
            "phone": "13800000001",
        }
        body = {"version": 1, "kind": "checkpoint", "event_id": event_id, "site_id": SITE, "sequence": 1} | {
            "occurred_at": format_instant(now),
            "person": person,
            "origin": {"code": "4201"},
            "destination": {"text": destination},
            "temperature_c": 36.5,
            **changes,
        }
        headers = {"Authorization": f"Bearer {self.tokens[f'device:{SITE}']}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{gateway_url(self.settings)}/v1/scans", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.loads(answer.read())["results"][0]["status"] == "accepted"
        return event_id

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
        page.click("button.primary")
        page.wait_for_load_state()
        if "/login" not in page.url:
            return
        time.sleep(1)
    raise AssertionError("the access code opened nothing")


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
