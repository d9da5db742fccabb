"""Every page of the console under axe-core in a real browser, on a phone and on a desk: not one violation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from schemas.reference_rows import Role
from tests.browser_kit import COUNTY, DESKTOP, PHONE, VILLAGES, Town, running_town

VILLAGE = VILLAGES["axe"][0]
UNIT, DUTIES = f"/units/{VILLAGE}", f"/units/{VILLAGE}/duties?state="
COUNTY_DUTIES, HEALTH_DUTIES = f"/units/{COUNTY}/duties?state=", f"/units/{COUNTY}-health/duties?state="
STATES = ("pending", "acknowledged", "registered", "observing", "overdue", "offered", "escalated", "released")
PAGES: dict[tuple[Role, str], tuple[str, ...]] = {
    ("administrator", "*"): ("/", "/grades", "/analysis", "/docs", "/units/411499", "/offline"),
    ("unit", VILLAGE): (UNIT, *(DUTIES + state for state in STATES), "/arrivals/{who}"),
    ("county", COUNTY): (*(COUNTY_DUTIES + state for state in ("pending", "misrouted", "below")), "/arrivals/{who}/contacts"),
    ("health_desk", COUNTY): (f"/units/{COUNTY}-health", *(HEALTH_DUTIES + state for state in ("alert", "open", "released"))),
}


#: The whole stack starts within the first test.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("axe")) as running:
        yield running


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
            town.act(people[number:5], VILLAGE, step, **({"temperature_c": 38.2} if step == "temperature" else {}))
    town.act(people[3:4], VILLAGE, "register", proxy=people[4])
    town.act(people[5:], VILLAGE, "decline", reason="not_here")
    return people[0]


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
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


def test_what_opens_on_the_page_of_duties_does_not_violate_axe_either(town: Town, who: str) -> None:
    found: list[str] = []
    for size in (PHONE, DESKTOP):
        page = town.page("unit", VILLAGE, DUTIES + "pending", size)
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
