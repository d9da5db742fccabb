"""Households under observation, those that still have to report first."""

from __future__ import annotations

from serving.duties.duty import Duty
from serving.duties.households import households
from tests.duties_kit import CLERK, after, at, new_duty
from tests.serving_kit import event_id


def observed(number: int, head: int | None = None, *, reported: bool = False) -> Duty:
    duty = after(new_duty(), CLERK, "acknowledge", "register", "observe")
    if reported:
        duty = after(duty, CLERK, {"action": "temperature", "temperature_c": 36.4})
    return duty.model_copy(update={"event_id": event_id(number), "proxy": event_id(head) if head else None})


def test_who_still_has_to_report_comes_first() -> None:
    people = [observed(1, reported=True), observed(2, 9), observed(3, 9, reported=True), observed(4), new_duty()]
    found = households(people, at(2).now)
    assert [(home.answers, len(home.members), len(home.missing)) for home in found] == [
        (event_id(4), 1, 1),
        (event_id(9), 2, 1),
        (event_id(1), 1, 0),
    ]
    assert [(home.answers, len(home.missing)) for home in households(people, at(60 * 13).now)] == [
        (event_id(1), 1),
        (event_id(4), 1),
        (event_id(9), 2),
    ]
