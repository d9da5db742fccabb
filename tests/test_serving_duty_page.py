"""The page of duties as it is rendered: lists, buttons that fit the state, nothing unmasked, texts as text, a small script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from schemas.unit_action import STATES
from serving.access import Principal
from serving.arrival_json import from_topic, told
from serving.desk import lists
from serving.desk.duty_json import told_duty
from serving.desk.lists import LISTS
from serving.duties.duty import Duty
from serving.duty_views import HEALTH_TABS, TABS, duty_cards, page_words, progress_rows, tab_names, tab_word, tabs
from serving.pages import Pages
from serving.texts import LANGUAGES, catalogue
from tests.duties_kit import CLERK, COUNTY_DESK, SISTER, SNAPSHOT, VILLAGE, after, at, came, new_duty
from tests.house import ROOT
from tests.serving_kit import arrival
from tests.test_serving_console import HOSTILE

STATIC = ROOT / "serving/static"


def page(duty: Duty, minutes: float = 1, by: Principal = CLERK, **changes: Any) -> dict[str, Any]:
    """A page of the API with one arrival."""
    record = arrival(1, VILLAGE, **({"decision": "observe"} | changes))
    row = told(from_topic(record), SNAPSHOT)
    return {"arrivals": [row], "duties": {row["event_id"]: told_duty(duty, by, SNAPSHOT, at(minutes).now)}}


def html(duty: Duty, minutes: float = 1, **changes: Any) -> str:
    """The rendered page."""
    context = {
        "unit": VILLAGE,
        "name": "火店村",
        "chosen": duty.state,
        "tabs": [(name, tab_word(name, "zh"), 1) for name in TABS],
        "cards": duty_cards(page(duty, minutes, **changes), "zh"),
        "households": [],
        "below": [],
        "states": lists.PROGRESS,
        "reader": "0" * 16,
        "at": "02-18 09:31",
        "next": None,
        "townships": [("411426104", "火店镇")],
    }
    scope = {"type": "http", "path": f"/units/{VILLAGE}/duties", "query_string": b"", "headers": [], "server": ("console", 80)}
    response = Pages(secure=False).render(Request(scope), "duties.html", context | page_words("zh"))
    return bytes(response.body).decode()


def buttons(text: str) -> list[str]:
    return [piece.partition('"')[0] for piece in text.split('data-act="')[1:]]


def test_the_buttons_are_what_may_be_done_now() -> None:
    fresh = new_duty()
    assert buttons(html(fresh)) == ["acknowledge", "decline", "transfer", "note"]
    assert buttons(html(after(fresh, CLERK, "acknowledge"))) == ["register", "decline", "transfer", "release", "note"]
    offered = after(fresh, CLERK, {"action": "transfer", "to": SISTER})
    assert buttons(html(offered)) == ["acknowledge", "withdraw", "note"]
    assert "等待对方接收" in html(offered)
    observed = after(fresh, CLERK, "acknowledge", "register", "observe")
    assert buttons(html(observed)) == ["temperature", "observe", "transfer", "release", "note"]
    assert "延长观察" in html(observed)
    ill = after(observed, CLERK, {"action": "temperature", "temperature_c": 38.2})
    assert "发热或症状警报 38.2 ℃ · 卫健组未处理" in html(ill)


def test_what_is_late_says_so() -> None:
    assert 'class="late"' not in html(new_duty(), 29)
    assert '<span class="late">逾期</span>' in html(new_duty(), 30)
    assert "签收期限 02-18 10:00" in html(new_duty())
    assert "签收期限 02-18 24:00" in html(new_duty(risk="low"))


def test_lists_that_are_seldom_full_are_shown_when_they_are() -> None:
    none = dict.fromkeys(LISTS, 0)
    assert [name for name, _, _ in tabs(TABS, none, "pending", "zh")] == list(STATES)
    assert ("offered", "移交给我", 2) in tabs(TABS, none | {"offered": 2}, "pending", "zh")
    assert ("overdue", "逾期", 0) in tabs(TABS, none, "overdue", "zh")


def test_who_has_units_below_sees_how_they_get_on_and_a_county_what_came_back() -> None:
    assert tab_names(VILLAGE) == TABS
    assert tab_names(VILLAGE[:9]) == (*TABS, "below")
    assert tab_names(VILLAGE[:6]) == (*TABS[:-1], "misrouted", "released", "below")
    assert tab_names("4114") == (*TABS[:-1], "misrouted", "released")
    assert tab_names("4114-health") == HEALTH_TABS
    counts = dict.fromkeys(lists.PROGRESS, 0)
    below = {"411426101": counts, "411426102": counts | {"pending": 3}, "411426103": counts | {"overdue": 1}}
    rows = progress_rows({"below": below}, str)
    assert [row["unit"][-1] for row in rows] == ["3", "2", "1"]


def test_what_came_back_says_from_whom_and_why_and_is_handed_on_first() -> None:
    back = after(new_duty(), CLERK, {"action": "decline", "reason": "not_here"})
    [card] = duty_cards(page(back, by=COUNTY_DESK), "zh")
    assert "夏邑县 李集镇 张老家村委会 退回：查无此人" in card["lines"]
    assert card["actions"][0] == ("transfer", "移交")


def test_nothing_is_unmasked_and_texts_are_text() -> None:
    record = came(1).model_dump(mode="json")
    shown = html(new_duty(), person=record["person"] | {"name_masked": HOSTILE})
    assert "<img" not in shown
    assert "&lt;img" in shown
    assert "sealed" not in shown
    assert record["person"]["key"] not in shown


def test_an_arrival_that_is_not_stored_yet_has_a_card() -> None:
    duty = new_duty()
    row = {"event_id": duty.event_id, "stored": False, "risk": "high", "decision": "observe", "unit_name": "火店村"}
    row["received_at"] = "2020-02-18T08:30:00.000+08:00"
    [card] = duty_cards({"arrivals": [row], "duties": page(duty)["duties"]}, "zh")
    assert (card["name"], card["how"], card["actions"][0]) == ("—", "详情稍后显示", ("acknowledge", "签收"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_list_choice_and_act_has_a_word(language: Any) -> None:
    t = catalogue(language)
    assert set(TABS) | set(HEALTH_TABS) <= set(LISTS)
    assert all(tab_word(name, language) for name in (*TABS, *HEALTH_TABS))
    words = page_words(language)
    assert [one for one in words["declines"] if f"decline.{one}" not in t] == []
    assert [one for one in words["releases"] if f"release.{one}" not in t] == []
    assert [state for state in STATES if f"state.{state}" not in t] == []


def test_the_words_the_script_asks_for_are_there() -> None:
    script = "".join(path.read_text("utf-8") for path in STATIC.glob("duties*.js"))
    asked = {piece.partition('"')[0] for piece in script.split('w["')[1:]}
    words = page_words("zh")["words"]
    assert {word for word in asked if not word.endswith(".")} <= set(words)


def scripts() -> Iterator[Path]:
    yield from STATIC.glob("*.js")


def test_all_scripts_together_are_small() -> None:
    assert sum(path.stat().st_size for path in scripts()) <= 150_000
