"""A contact of a case becomes a task of whoever is accountable for the person: told once, due soon, and by rule."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from schemas.errors import Refused
from serving.duties.changes import Change, Conflict, event_of
from serving.duties.duty import Duty
from serving.duties.happenings import take_in, ticks
from serving.duties.rights import parts
from serving.duties.tracing import Outcome, trace
from tests.duties_kit import (
    CLERK,
    FAR,
    HEALTH_DESK,
    SISTER,
    SISTER_CLERK,
    START,
    VILLAGE,
    after,
    at,
    came,
    contact,
    do,
    new_duty,
    who,
)
from tests.serving_kit import event_id


def traced(*duties: Duty, number: int = 1, minutes: float = 60, **tie: Any) -> tuple[Outcome, Duty | None, Change | None]:
    """What a tie of the journey `number` to a case makes of somebody's duties."""
    return trace(duties, event_id(number), contact(9, when=at(minutes).now, **tie), "county", at(minutes))


def task(*duties: Duty, **tie: Any) -> Duty:
    """The duty that got the task."""
    outcome, _, change = traced(*duties, **tie)
    assert outcome == "task"
    assert change is not None
    return change.after


LOW: dict[str, Any] = {"risk": "low", "decision": "admit"}


def test_a_close_contact_is_high_risk_to_be_isolated_within_the_time_for_high_risk() -> None:
    duty = task(new_duty(**LOW))
    assert (duty.state, duty.risk, duty.decision, duty.due_at) == ("pending", "high", "isolate", START + timedelta(minutes=90))
    assert (duty.facts.risk, duty.facts.decision) == ("low", "admit")
    assert parts(HEALTH_DESK, duty, at(61).now) == {"health"}
    change = traced(new_duty(**LOW))[2]
    assert change is not None
    event = event_of(change)
    assert (event.action, event.actor, event.role, event.reason) == ("traced", "county-411426", "county", "close_contact")
    assert event_id(9) not in event.model_dump_json()


def test_what_is_owed_already_is_due_no_later_than_before() -> None:
    assert task(new_duty(), minutes=10).due_at == START + timedelta(minutes=30)
    late = new_duty()
    for change in ticks(late, at(31)):
        late = change.after
    again = task(late, minutes=40)
    assert (again.due_at, again.escalated_at) == (late.due_at, late.escalated_at)


@pytest.mark.parametrize("steps", [("acknowledge",), ("acknowledge", "register"), ("acknowledge", "register", "observe")])
def test_a_duty_under_way_keeps_its_state_and_the_task_is_acknowledged_by_itself(steps: tuple[str, ...]) -> None:
    before = after(new_duty(**LOW), CLERK, *steps)
    duty = task(before)
    assert (duty.state, duty.owed, duty.due_at) == (before.state, True, START + timedelta(minutes=90))
    assert duty.late(at(90).now)
    assert [change.action for change in ticks(duty, at(90))] == ["escalated"]
    seen = do(duty, CLERK, "acknowledge", 61).after
    assert (seen.state, seen.owed, seen.due_at, seen.contacts[0].seen_at) == (before.state, False, None, at(61).now)
    with pytest.raises(Conflict, match="before"):
        do(seen, CLERK, "acknowledge", 62)
    assert do(seen, CLERK, "undo", 61.1).after.owed


def test_reports_go_on_while_a_task_waits() -> None:
    duty = task(after(new_duty(**LOW), CLERK, "acknowledge", "register", "observe"))
    reported = do(duty, CLERK, "temperature", 61, temperature_c=36.5).after
    assert (reported.owed, reported.due_at) == (True, duty.due_at)


def test_nobody_is_released_from_a_task_he_has_not_seen_nor_without_an_observation() -> None:
    duty = task(after(new_duty(**LOW), CLERK, "acknowledge", "register"))
    with pytest.raises(Conflict) as refused:
        do(duty, CLERK, "release", 61, reason="left_city")
    assert refused.value.code == "not_acknowledged"
    seen = do(duty, CLERK, "acknowledge", 61).after
    with pytest.raises(Conflict) as refused:
        do(seen, CLERK, "release", 62, reason="not_required")
    assert refused.value.code == "observation_required"


def test_repeating_tells_nobody_twice_and_a_second_case_is_a_second_task() -> None:
    duty = task(new_duty(**LOW))
    assert traced(duty, minutes=61)[0] == "known"
    assert traced(do(duty, CLERK, "acknowledge", 61).after, minutes=62)[0] == "known"
    second = trace([duty], event_id(1), contact(8), "county", at(61))[2]
    assert second is not None
    assert [one.case for one in second.after.contacts] == [event_id(9), event_id(8)]


def test_a_tie_that_became_stronger_is_told_and_one_that_became_weaker_is_not() -> None:
    general = do(task(new_duty(**LOW), strength="general"), CLERK, "acknowledge", 61).after
    assert (general.decision, general.owed) == ("observe", False)
    close = task(general, minutes=62)
    assert (close.decision, close.owed, len(close.contacts)) == ("isolate", True, 1)
    assert traced(close, strength="weak", minutes=63)[0] == "known"


def released(reason: str, *steps: Any, **facts: Any) -> Duty:
    begun = after(new_duty(**(LOW | facts)), CLERK, "acknowledge", "register", *steps)
    days = 30 * 24 * 60.0 if reason == "completed" else 2
    return do(begun, CLERK, "release", days, reason=reason).after


@pytest.mark.parametrize(
    ("reason", "steps", "outcome"),
    [
        ("not_required", (), "task"),
        ("completed", ({"action": "observe", "days": 7},), "task"),
        ("completed", ({"action": "observe", "days": 14},), "closed"),
        ("left_city", (), "closed"),
        ("hospital", ("observe",), "closed"),
        ("deceased", (), "closed"),
        ("duplicate", (), "closed"),
    ],
)
def test_which_released_duties_are_reopened(reason: str, steps: tuple[Any, ...], outcome: str) -> None:
    found, duty, change = traced(released(reason, *steps), minutes=31 * 24 * 60)
    assert found == outcome
    assert (change is None) == (outcome == "closed")
    if change is not None:
        assert (change.after.state, change.after.unit, change.after.observation) == ("pending", VILLAGE, None)
        assert change.after.due_at == at(31 * 24 * 60 + 30).now
    assert duty is not None


def test_who_was_turned_back_is_not_here() -> None:
    assert traced(new_duty(decision="turn_back"))[0] == "closed"


def test_the_task_goes_to_whoever_has_the_person_now() -> None:
    gone = released("duplicate")
    other = take_in(None, came(2, SISTER, **LOW), at(5))
    assert other is not None
    assert task(gone, other.after).event_id == event_id(2)
    older = take_in(None, came(3, FAR, minutes=-90, **LOW), at(5))
    assert older is not None
    assert task(gone, older.after, other.after).unit == SISTER
    assert task(new_duty(**LOW), other.after).event_id == event_id(1)
    assert task(other.after).event_id == event_id(2)
    moved = after(new_duty(**LOW), CLERK, "acknowledge", {"action": "transfer", "to": SISTER})
    assert task(do(moved, SISTER_CLERK, "accept", 3).after).unit == SISTER


def test_a_person_is_told_of_once_however_many_duties_there_are() -> None:
    first = task(new_duty(**LOW))
    second = take_in(None, came(2, SISTER, **LOW), at(70))
    assert second is not None
    assert traced(second.after, first, number=2, minutes=71)[0] == "known"


def test_what_the_desk_does_not_know_is_said() -> None:
    assert traced()[0] == "absent"


def test_accepting_a_duty_acknowledges_its_tasks() -> None:
    offered = after(task(new_duty(**LOW)), CLERK, {"action": "transfer", "to": SISTER, "minutes": 61})
    accepted = do(offered, SISTER_CLERK, "accept", 62).after
    assert (accepted.owed, accepted.due_at, accepted.decision) == (False, None, "isolate")


def test_a_lighter_decision_does_not_take_a_task_away() -> None:
    change = take_in(task(new_duty()), came(revision=42, **LOW), at(70))
    assert change is not None
    assert (change.after.risk, change.after.decision) == ("high", "isolate")


def test_who_traces_gets_no_right_to_the_duty() -> None:
    duty = task(new_duty(unit="411481100001"))
    with pytest.raises(Refused):
        do(duty, who("county", "411426"), "acknowledge", 61)


def test_an_observation_ends_after_the_days_since_the_journey() -> None:
    assert released("completed", {"action": "observe", "days": 14}).facts.arrived_on == date(2020, 2, 18)
