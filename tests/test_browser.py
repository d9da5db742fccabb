"""The console in real browsers over the whole stack: one person's way from the scan to the release, every step a row of
`v_unit_actions`; the page without network; and axe-core over every page, on a phone and on a desk: not one violation.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from arrivals.runtime.clickhouse_client import connect
from schemas.reference_rows import Role
from tests.browser_kit import COUNTY, DESKTOP, PHONE, TOWN, VILLAGES, Town, running_town, sign_in
from tests.streams_kit import until

VILLAGE, SISTER = VILLAGES["journey"][0], VILLAGES["sister"][0]
AXE_VILLAGE = VILLAGES["axe"][0]
UNIT, DUTIES = f"/units/{AXE_VILLAGE}", f"/units/{AXE_VILLAGE}/duties?state="
COUNTY_DUTIES, HEALTH_DUTIES = f"/units/{COUNTY}/duties?state=", f"/units/{COUNTY}-health/duties?state="
STATES = ("pending", "acknowledged", "registered", "observing", "overdue", "offered", "escalated", "released")
PAGES: dict[tuple[Role, str], tuple[str, ...]] = {
    ("administrator", "*"): ("/", "/grades", "/analysis", "/accounts", "/docs", "/units/411499", "/offline"),
    ("unit", AXE_VILLAGE): (UNIT, *(DUTIES + state for state in STATES), "/arrivals/{who}", UNIT + "/roster"),
    ("county", COUNTY): (*(COUNTY_DUTIES + state for state in ("pending", "misrouted", "below")), "/arrivals/{who}/contacts"),
    ("health_desk", COUNTY): (f"/units/{COUNTY}-health", *(HEALTH_DUTIES + state for state in ("alert", "open", "released"))),
}

#: The suite looks at the phone; `make torture` at both, and at what takes longest.
SIZES = [pytest.param(PHONE, id="phone"), pytest.param(DESKTOP, id="desktop", marks=pytest.mark.torture)]
#: The whole stack starts within the first test.
pytestmark = pytest.mark.timeout(600)


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
    [who] = town.scan("journey")
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


def duties(village: str, state: str = "pending") -> str:
    return f"/units/{VILLAGES[village][0]}/duties?state={state}"


def kept(page: Page) -> list[str]:
    """The lists this browser could open without network."""
    every = "cache.keys().then(keys => Promise.all(keys.map(key => cache.match(key).then(found => found.text()))))"
    found: list[str] = page.evaluate(f"() => caches.open('arrivals lists').then(cache => {every})")
    return found


def test_without_network_the_last_list_opens_and_acts_wait_in_order(town: Town) -> None:
    unit = VILLAGES["offline"][0]
    first, second, third = town.scan("offline", 3)
    page = town.page("unit", unit, duties("offline"))
    expect(card(page, third)).to_be_visible()
    until(lambda: bool(kept(page)))
    page.context.set_offline(True)
    page.reload()
    expect(page.locator("#banner")).to_contain_text("没有网络。这是 ")
    expect(card(page, first)).to_contain_text("测**")
    for event_id in (first, second):
        press(page, event_id, "acknowledge")
        expect(card(page, event_id).locator(".said")).to_contain_text("未上传：签收")
    expect(page.locator("#queue")).to_contain_text("2")
    page.reload()
    expect(card(page, first).locator(".said")).to_contain_text("未上传：签收")
    page.goto(duties("offline", "released"))
    expect(page.locator("h1")).to_contain_text("现在没有网络")
    page.goto("/")
    expect(card(page, first)).to_be_visible()
    town.act([second], TOWN, "acknowledge")
    page.context.set_offline(False)
    expect(page.locator("#refused")).to_contain_text("要办：签收")
    expect(page.locator("#refused")).to_contain_text("现在：已签收")
    expect(page.locator("#queue")).to_be_hidden()
    expect(card(page, first)).to_have_count(0)
    expect(page.locator("#banner")).to_be_hidden()
    page.reload()
    expect(page.locator("#refused")).to_contain_text("已有人先处理")
    page.locator("#refused button").click()
    expect(page.locator("#refused")).to_be_hidden()
    assert town.complaints == []


def test_nothing_of_a_list_is_left_when_the_session_ends(town: Town) -> None:
    unit = VILLAGES["offline"][0]
    town.scan("offline")
    page = town.page("unit", unit, duties("offline"))
    until(lambda: bool(kept(page)))
    card(page, page.locator("[data-id]").first.get_attribute("data-id") or "").locator("[data-reveal]").click()
    expect(page.locator(".phone .primary").first).to_contain_text("13800000001")
    page.reload()
    assert not [text for text in kept(page) if "13800000001" in text or "测试甲" in text]
    page.locator('form[action="/logout"] button').click()
    page.wait_for_url("**/login?ended")
    until(lambda: not kept(page))
    page.context.set_offline(True)
    page.goto(duties("offline"))
    expect(page.locator("h1")).to_contain_text("现在没有网络")
    page.context.set_offline(False)
    sign_in(page, town.credential("unit", SISTER))
    page.goto(duties("sister"))
    until(lambda: bool(kept(page)))
    assert all("张庄村" in text for text in kept(page))


def test_many_at_once_are_answered_one_by_one(town: Town) -> None:
    people = town.scan("many", 23)
    page = town.page("unit", VILLAGES["many"][0], duties("many"))
    page.locator("#pick-all").check()
    expect(page.locator("#picked")).to_contain_text("已选 20 人")
    page.locator("#whole").click()
    expect(page.locator("#picked")).to_contain_text("23")
    town.act(people[-1:], TOWN, "acknowledge")
    page.locator("#bar-acts button").first.click()
    expect(page.locator("#bar .said")).to_contain_text("已签收 · 办成 22 · 没有办成 1")
    expect(page.locator(".refusal")).to_contain_text("已有人先处理")
    expect(page.locator("#bar")).to_be_hidden()
    page.goto(duties("many", "acknowledged"))
    for number in range(2):  # of 23 people received in one moment any 20 are on the first page
        page.locator("[data-pick]").nth(number).check()
    page.locator("#bar-acts button", has_text="登记").click()
    page.locator("#bar .said button").click()
    expect(page.locator('[data-count="acknowledged"]')).to_have_text("23")
    assert town.complaints == []


def test_one_phone_answers_for_the_family(town: Town) -> None:
    unit = VILLAGES["family"][0]
    people = town.scan("family", 3)
    town.act(people, unit, "acknowledge")
    page = town.page("unit", unit, duties("family", "acknowledged"))
    page.locator("#pick-all").check()
    page.locator("#bar-acts button", has_text="家庭代答").click()
    page.locator('#bar [name="head"]').select_option(people[0])
    page.locator('#bar form [type="submit"]').click()
    expect(page.locator("#bar .said")).to_contain_text("办成 3")
    town.act(people, unit, "observe")
    page.goto(duties("family", "observing"))
    family = page.locator(f"#h-{people[0]}")
    expect(family).to_contain_text("一部电话代答 3 人 · 本半天还差 3 人")
    family.locator('[name="temperature_c"]').nth(0).fill("36.4")
    family.locator('[name="temperature_c"]').nth(1).fill("36.7")
    family.locator('[type="submit"]').first.click()
    expect(family).to_contain_text("本半天还差 1 人")
    told = town.ask("GET", f"/v1/units/{unit}/observations", "unit", unit)
    assert (told["expected"], told["missing"]) == (3, 1)
    assert town.complaints == []


def test_what_a_village_gave_back_is_handed_on_from_the_county(town: Town) -> None:
    unit = VILLAGES["misrouted"][0]
    [who] = town.scan("misrouted")
    county = town.page("county", COUNTY, f"/units/{COUNTY}/duties?state=misrouted")
    town.act([who], unit, "decline", reason="wrong_address")
    expect(card(county, who)).to_contain_text("庙东村委会 退回：地址不在本单元")
    press(county, who, "transfer")
    form = card(county, who).locator("form")
    form.locator('[name="township"]').select_option(TOWN)
    form.locator('[name="to"]').select_option(SISTER)
    form.locator('[type="submit"]').click()
    expect(card(county, who).locator(".said")).to_contain_text("已发出移交")
    town.act([who], SISTER, "accept")
    expect(card(county, who)).to_have_count(0)
    county.locator(".tab.below").click()
    expect(county.locator("#progress")).to_contain_text("火店镇")
    assert town.complaints == []


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{page.url}: {one['id']} {one['nodes'][0]['html'][:160]} ({len(one['nodes'])})" for one in found]


@pytest.fixture(scope="module")
def who(town: Town) -> str:
    """One person of a village with somebody in every list."""
    people = town.scan("axe", 6)
    town.scan("axe", temperature_c=38.1)
    for number, steps in enumerate(([], ["acknowledge"], ["register"], ["observe"], ["temperature"])):
        for step in steps:
            town.act(people[number:5], AXE_VILLAGE, step, **({"temperature_c": 38.2} if step == "temperature" else {}))
    town.act(people[3:4], AXE_VILLAGE, "register", proxy=people[4])
    town.act(people[5:], AXE_VILLAGE, "decline", reason="not_here")
    return people[0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("role", "scope"), PAGES, ids=str)
def test_no_page_violates_axe(town: Town, who: str, role: Role, scope: str, size: tuple[int, int]) -> None:
    found: list[str] = []
    page = town.page(role, scope, PAGES[role, scope][0], size)
    for path in PAGES[role, scope]:
        page.goto(path.format(who=who))
        found += violations(page)
    page.context.close()
    assert found == []
    assert town.complaints == []


@pytest.mark.torture
def test_what_opens_on_the_page_of_duties_does_not_violate_axe_either(town: Town, who: str) -> None:
    found: list[str] = []
    for size in (PHONE, DESKTOP):
        page = town.page("unit", AXE_VILLAGE, DUTIES + "pending", size)
        page.locator("#pick-all").check()
        found += violations(page)
        page.locator("#unpick").click()
        for act in ("decline", "transfer", "note"):
            page.locator(f'[data-act="{act}"]').first.click()
            found += violations(page)
            page.locator("[data-cancel]").first.click()
        page.context.close()
        for path in ("/login", "/login?ended", "/offline"):
            page = town.browser.new_page(base_url=f"http://127.0.0.1:{town.settings.api_port}")
            page.goto(path)
            found += violations(page)
            page.close()
    assert found == []
