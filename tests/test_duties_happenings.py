"""What happens by itself: deadlines, reminders, escalations, lapsing offers, and decisions made anew."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reference.rows import make_row
from reference.snapshot import Snapshot
from schemas.areas import SuccessionData
from schemas.duty_terms import DutyTermsData
from schemas.errors import Refused
from serving.access import Principal
from serving.duties.acts import act
from serving.duties.changes import event_of
from serving.duties.commands import COMMAND
from serving.duties.duty import Duty
from serving.duties.happenings import inherited, take_in, ticks
from serving.duties.rights import parts
from tests.duties_kit import (
    CITY,
    CLERK,
    COUNTY,
    COUNTY_DESK,
    FAR,
    SISTER,
    SISTER_CLERK,
    SNAPSHOT,
    START,
    TOWN,
    VILLAGE,
    after,
    at,
    came,
    do,
    new_duty,
    who,
)


def happened(duty: Duty, minutes: float) -> tuple[list[str], Duty]:
    """The names of what happened by a minute, and the duty afterwards."""
    names: list[str] = []
    for change in ticks(duty, at(minutes)):
        names.append(change.action)
        duty = change.after
    return names, duty


@pytest.mark.parametrize(("risk", "minutes"), [("high", 30), ("medium", 120), ("low", 14.5 * 60), ("unknown", 14.5 * 60)])
def test_the_acknowledgement_is_due_by_risk(risk: str, minutes: float) -> None:
    duty = new_duty(risk=risk)
    assert duty.due_at == START + timedelta(minutes=minutes)
    assert happened(duty, minutes - 15.1) == ([], duty)
    assert happened(duty, minutes - 15)[0] == ["reminded"]
    assert happened(duty, minutes)[0] == ["escalated"]
    names, reminded = happened(duty, minutes - 1)
    assert names == ["reminded"]
    assert happened(reminded, minutes - 0.1)[0] == []
    assert not reminded.late(at(minutes - 0.1).now)
    assert reminded.late(at(minutes).now)


@pytest.mark.parametrize(
    ("risk", "seen", "due"),
    [
        ("high", 0, 30),
        ("high", 10, 30),  # the desk saw it ten minutes late: the time runs from the receipt
        ("high", 25, 40),
        ("high", 600, 615),
        ("medium", 45, 120),
        ("medium", 600, 660),
        ("low", 60, 14.5 * 60),
        ("low", 14.5 * 60, 14.5 * 60 + 7.25 * 60),  # received in the morning, seen at midnight: not late at once
        ("low", 30 * 60, 30 * 60 + 7.25 * 60),
    ],
)
def test_the_time_runs_from_the_receipt_and_a_desk_that_was_away_makes_nobody_late(risk: str, seen: float, due: float) -> None:
    change = take_in(None, came(risk=risk), at(seen))
    assert change is not None
    assert change.after.due_at == START + timedelta(minutes=due)


def test_what_comes_in_the_last_minutes_of_a_day_is_due_at_its_end() -> None:
    for late in (0.0, 0.02):
        change = take_in(None, came(risk="low", minutes=14.5 * 60 - 2), at(14.5 * 60 - 2 + late))
        assert change is not None
        assert change.after.due_at == START + timedelta(minutes=14.5 * 60)
    change = take_in(None, came(risk="low", minutes=14.5 * 60 - 2), at(14.5 * 60 + 1))
    assert change is not None
    assert change.after.due_at == START + timedelta(minutes=14.5 * 60 + 16)


def test_a_gateway_whose_clock_is_ahead_gives_nobody_more_time() -> None:
    change = take_in(None, came(minutes=300), at())
    assert change is not None
    assert change.after.due_at == START + timedelta(minutes=30)


def test_after_a_night_without_a_desk_not_everybody_is_late_at_the_same_moment() -> None:
    changes = [take_in(None, came(n, risk="low", minutes=n), at(20 * 60)) for n in range(0, 600, 10)]
    dues = [change.after.due_at for change in changes if change and change.after.due_at]
    assert len(set(dues)) == len(changes)
    assert min(dues) >= START + timedelta(hours=20, minutes=15)


def test_what_is_handed_over_has_its_time_from_then_on() -> None:
    declined = after(new_duty(), CLERK, {"action": "decline", "reason": "not_here", "minutes": 25})
    assert declined.due_at == START + timedelta(minutes=55)


def ending(unit: str, *heirs: str) -> Snapshot:
    """The reference after a unit ended."""
    data = SuccessionData(kind="succession", unit=unit, successors=heirs)
    return SNAPSHOT.with_rows([(1, make_row(data, key=unit, author="t", reason="t", valid_from=START))])


def test_an_heir_gets_what_the_unit_that_ended_had_and_can_act() -> None:
    merged = ending(SISTER, VILLAGE)
    duty = new_duty(unit=SISTER)
    assert inherited(duty, at(5)) is None
    change = inherited(duty, at(5, merged))
    assert change is not None
    heir = change.after
    assert (change.action, heir.unit, heir.state, heir.due_at) == (
        "inherited",
        VILLAGE,
        "pending",
        START + timedelta(minutes=35),
    )
    assert event_of(change).unit_before == SISTER
    assert inherited(heir, at(6, merged)) is None
    assert do(heir, CLERK, "acknowledge", 6).after.state == "acknowledged"


def test_an_observation_goes_on_with_the_heir() -> None:
    observed = after(new_duty(unit=SISTER), SISTER_CLERK, "acknowledge", "register", "observe", {"action": "transfer", "to": FAR})
    change = inherited(observed, at(5, ending(SISTER, VILLAGE)))
    assert change is not None
    heir = change.after
    assert (heir.unit, heir.state, heir.observation, heir.due_at, heir.offer) == (
        VILLAGE,
        "observing",
        observed.observation,
        None,
        None,
    )
    assert do(heir, CLERK, "temperature", 6, temperature_c=36.5).action == "temperature"


@pytest.mark.parametrize(
    ("ended", "heirs", "heir"),
    [(SISTER, (), TOWN), (SISTER, (FAR, VILLAGE), TOWN), (TOWN, (FAR[:9],), FAR[:9]), (COUNTY, ("411481",), "411481")],
)
def test_who_inherits_is_who_answers_for_the_unit(ended: str, heirs: tuple[str, ...], heir: str) -> None:
    change = inherited(new_duty(unit=SISTER), at(5, ending(ended, *heirs)))
    assert change is not None
    assert change.after.unit == heir


def test_what_is_released_stays_where_it_was_and_nobody_gives_to_a_unit_that_ended() -> None:
    merged = ending(SISTER, VILLAGE)
    assert inherited(new_duty(unit=SISTER, decision="turn_back"), at(5, merged)) is None
    with pytest.raises(Refused, match="no such unit"):
        act(new_duty(), COMMAND.validate_python({"action": "transfer", "version": 1, "to": SISTER}), CLERK, at(5, merged))


def test_an_escalation_is_seen_by_both_until_it_is_acknowledged() -> None:
    above = who("unit", CITY)
    at_the_county = after(new_duty(), CLERK, {"action": "decline", "reason": "not_here"})
    assert parts(above, at_the_county, at(2).now) == frozenset()
    names, late = happened(at_the_county, 60)
    assert (names, late.escalated_to, late.unit, late.state) == (["escalated"], CITY, COUNTY, "pending")
    assert parts(above, late, at(61).now) == {"above"}
    assert parts(COUNTY_DESK, late, at(61).now) == {"holder"}
    done = do(late, COUNTY_DESK, "acknowledge", 62).after
    assert (done.escalated_to, done.next_tick()) == (None, None)
    assert happened(new_duty(), 60)[1].escalated_to == TOWN


def test_an_acknowledged_duty_is_left_alone() -> None:
    assert happened(after(new_duty(), CLERK, "acknowledge"), 10_000)[0] == []


def test_an_offer_lapses_and_the_sender_still_has_it() -> None:
    offered = after(new_duty(risk="low"), CLERK, "acknowledge", {"action": "transfer", "to": SISTER})
    names, lapsed = happened(offered, 121)
    assert (names, lapsed.offer, lapsed.unit) == (["offer_expired"], None, VILLAGE)
    assert parts(who("unit", SISTER), lapsed, at(122).now) == frozenset()


def test_a_county_may_have_terms_of_its_own_and_they_are_dated() -> None:
    def terms(area: str, minutes: int) -> DutyTermsData:
        return DutyTermsData(kind="duty-terms", area=area, high_minutes=minutes)

    later = START + timedelta(hours=1)
    rows = [
        make_row(terms(CITY, 20), key=CITY, author="t", reason="t"),
        make_row(terms(COUNTY, 60), key=COUNTY, author="t", reason="t", valid_from=later),
    ]
    snapshot = SNAPSHOT.with_rows(list(enumerate(rows)))
    dues = []
    for minutes in (0, 59, 60):
        change = take_in(None, came(minutes=minutes), at(minutes, snapshot))
        assert change is not None
        assert change.after.due_at is not None
        dues.append((change.after.due_at - change.after.since).total_seconds() / 60)
    assert dues == [20, 20, 60]


def test_the_same_version_twice_changes_nothing() -> None:
    duty = new_duty()
    assert take_in(duty, came(), at(5)) is None
    assert take_in(duty, came(revision=40), at(5)) is None


def test_an_untouched_duty_follows_the_new_decision() -> None:
    change = take_in(new_duty(risk="low"), came(unit=FAR, revision=42), at(5))
    assert change is not None
    assert (change.action, change.after.unit, change.after.due_at) == ("rerouted", FAR, START + timedelta(minutes=35))


def test_a_touched_duty_stays_and_shows_where_the_decision_points() -> None:
    touched = after(new_duty(), CLERK, "acknowledge")
    change = take_in(touched, came(unit=FAR, revision=42), at(5))
    assert change is not None
    assert (change.action, change.after.unit, change.after.state, change.after.rerouted_to) == (
        "redecided",
        VILLAGE,
        "acknowledged",
        FAR,
    )
    again = take_in(change.after, came(unit=FAR, revision=43, risk="low"), at(6))
    assert again is not None
    assert (again.action, again.after.rerouted_to, again.after.facts.risk) == ("redecided", FAR, "low")


def test_a_graver_risk_brings_the_deadline_forward_and_a_lighter_one_does_not_put_it_off() -> None:
    low = new_duty(risk="low")
    graver = take_in(low, came(revision=42, risk="high"), at(5))
    assert graver is not None
    assert graver.after.due_at == START + timedelta(minutes=35)
    lighter = take_in(graver.after, came(revision=43, risk="low"), at(6))
    assert lighter is not None
    assert lighter.after.due_at == graver.after.due_at


def test_who_was_turned_back_is_nobodys_duty_until_decided_otherwise() -> None:
    duty = new_duty(decision="turn_back")
    assert (duty.state, duty.open, duty.due_at) == ("released", False, None)
    change = take_in(duty, came(revision=42, decision="register"), at(5))
    assert change is not None
    assert (change.action, change.after.state, change.after.unit) == ("reopened", "pending", VILLAGE)
    back = take_in(change.after, came(revision=43, decision="turn_back"), at(6))
    assert back is not None
    assert (back.after.state, back.after.next_tick()) == ("released", None)


def test_a_release_without_observation_is_reopened_when_one_is_asked_for() -> None:
    quiet = after(new_duty(decision="admit", risk="low"), CLERK, "acknowledge", "register")
    gone = after(quiet, CLERK, {"action": "release", "reason": "not_required"})
    change = take_in(gone, came(revision=42, unit=FAR), at(5))
    assert change is not None
    assert (change.action, change.after.unit, change.after.state) == ("reopened", VILLAGE, "pending")
    left = after(quiet, CLERK, {"action": "release", "reason": "left_city"})
    stays = take_in(left, came(revision=42), at(5))
    assert stays is not None
    assert (stays.action, stays.after.state) == ("redecided", "released")


def test_a_decision_made_anew_ends_the_time_for_undoing() -> None:
    acknowledged = after(new_duty(), CLERK, "acknowledge")
    change = take_in(acknowledged, came(revision=42), at(1.05))
    assert change is not None
    with pytest.raises(Refused, match="nothing of yours"):
        do(change.after, CLERK, "undo", 1.1)


@pytest.mark.parametrize("by", [CLERK, COUNTY_DESK])
def test_what_happens_by_itself_is_nobodys_to_take_back(by: Principal) -> None:
    _, reminded = happened(new_duty(), 16)
    with pytest.raises(Refused):
        do(reminded, by, "undo", 16)
