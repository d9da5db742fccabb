"""One person's way in real browsers over the whole stack: from the scan to the release, every step a row of `v_unit_actions`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from arrivals.runtime.clickhouse_client import connect
from tests.browser_kit import Town, running_town
from tests.streams_kit import until

VILLAGE, SISTER, TOWN, COUNTY = "411426110201", "411426110202", "411426110", "411426"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("journey")) as running:
        yield running


def card(page: Page, event_id: str) -> Locator:
    return page.locator(f"#a-{event_id}")


def press(page: Page, event_id: str, act: str) -> None:
    card(page, event_id).locator(f'[data-act="{act}"]').click()


def test_from_the_scan_to_the_release(town: Town) -> None:
    village = town.page("unit", VILLAGE, f"/units/{VILLAGE}/duties")
    sister = town.page("unit", SISTER, f"/units/{SISTER}/duties")
    who = town.scan("夏邑县火店镇火店村")
    expect(card(village, who)).to_be_visible()
    press(village, who, "acknowledge")
    expect(card(village, who).locator(".said")).to_contain_text("已签收")
    village.goto(f"/units/{VILLAGE}/duties?state=acknowledged")
    press(village, who, "transfer")
    form = card(village, who).locator("form")
    form.locator('[name="township"]').select_option(TOWN)
    form.locator('[name="to"]').select_option(SISTER)
    form.locator('[type="submit"]').click()
    expect(card(village, who).locator(".said")).to_contain_text("已发出移交")
    sister.locator(".tab.offered").click()
    press(sister, who, "accept")
    expect(card(sister, who).locator(".said")).to_contain_text("已接收")
    for state, act in (("acknowledged", "register"), ("registered", "observe"), ("observing", "temperature")):
        sister.goto(f"/units/{SISTER}/duties?state={state}")
        press(sister, who, act)
        form = card(sister, who).locator("form")
        if act == "temperature":
            form.locator('[name="temperature_c"]').fill("38.0")
        if act != "register":
            form.locator('[type="submit"]').click()
        expect(card(sister, who).locator(".said")).not_to_be_empty()
    expect(card(sister, who).locator(".said")).to_contain_text("已通知卫健组")
    health = town.page("health_desk", COUNTY, f"/units/{COUNTY}-health/duties")
    expect(card(health, who)).to_contain_text("38.0")
    press(health, who, "acknowledge")
    expect(card(health, who).locator(".said")).to_contain_text("已签收")
    expect(card(sister, who)).to_contain_text("卫健组已处理")
    press(sister, who, "release")
    card(sister, who).locator('[name="reason"]').select_option("hospital")
    card(sister, who).locator('form [type="submit"]').click()
    expect(card(sister, who).locator(".said")).to_contain_text("已解除")
    steps = ["assigned", "acknowledge", "transfer", "accept", "register", "observe", "temperature", "acknowledge", "release"]
    until(lambda: actions(town, who) == steps)
    assert town.complaints == []


def actions(town: Town, event_id: str) -> list[str]:
    client = connect(town.settings)
    try:
        sql = "SELECT action FROM v_unit_actions WHERE event_id = %(id)s ORDER BY duty_version"
        return [action for (action,) in client.execute(sql, {"id": event_id})]
    finally:
        client.disconnect()
