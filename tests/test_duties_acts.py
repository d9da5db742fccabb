"""Every act: what it makes of a duty, who may do it, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from schemas.errors import Refused, Rejected
from schemas.unit_action import UNIT_ACTION
from serving.access import Principal
from serving.duties.acts import act
from serving.duties.changes import Conflict, alert_of, event_of
from serving.duties.commands import COMMAND, read_command
from serving.duties.duty import DUTY, Duty
from serving.duties.half_days import missed, reports
from tests.duties_kit import (
    ABROAD,
    ADMINISTRATOR,
    CITY,
    CLERK,
    COUNTY,
    COUNTY_DESK,
    FAR,
    HEALTH_DESK,
    SISTER,
    SISTER_CLERK,
    START,
    TOWN,
    VILLAGE,
    after,
    at,
    do,
    new_duty,
    who,
)

DAY = 1440.0


def refused(duty: Duty, by: Principal, action: str, minutes: float = 1.0, **fields: Any) -> Refused:
    with pytest.raises(Refused) as refusal:
        do(duty, by, action, minutes, **fields)
    return refusal.value


def conflict(duty: Duty, by: Principal, action: str, minutes: float = 1.0, **fields: Any) -> str:
    error = refused(duty, by, action, minutes, **fields)
    assert isinstance(error, Conflict)
    assert error.duty == duty
    return error.code


def test_the_way_from_assigned_to_released() -> None:
    duty = new_duty()
    assert (duty.unit, duty.state, duty.version) == (VILLAGE, "pending", 1)
    duty = after(duty, CLERK, "acknowledge", "register", "observe", minutes=5)
    assert (duty.state, duty.version, duty.due_at) == ("observing", 4, None)
    assert duty.observation is not None
    assert (duty.observation.from_day, duty.observation.until_day) == (date(2020, 2, 18), date(2020, 3, 2))
    for day in range(14):
        duty = after(duty, CLERK, {"action": "temperature", "temperature_c": 36.5, "minutes": day * DAY + 60})
        duty = after(duty, CLERK, {"action": "temperature", "temperature_c": 36.6, "minutes": day * DAY + 600})
    assert duty.observation is not None
    assert reports(duty.observation) == 28
    end = 14 * DAY - 9.5 * 60
    assert conflict(duty, CLERK, "release", end - 1, reason="completed") == "observation_not_over"
    duty = after(duty, CLERK, {"action": "release", "reason": "completed", "minutes": end})
    assert (duty.state, duty.open, duty.released_as) == ("released", False, "completed")
    assert DUTY.validate_json(duty.model_dump_json()) == duty


def test_declined_is_back_at_the_county_desk_and_at_the_citys_in_the_end() -> None:
    change = do(new_duty(), CLERK, "decline", 7, reason="wrong_address", note="门牌不对")
    assert (change.after.unit, change.after.state, change.note) == (COUNTY, "pending", "门牌不对")
    assert change.after.due_at == START + timedelta(minutes=37)
    event = event_of(change)
    assert (event.unit_before, event.unit, event.reason, event.has_note) == (VILLAGE, COUNTY, "wrong_address", True)
    assert "门牌" not in event.model_dump_json()
    again = do(change.after, COUNTY_DESK, "decline", 8, reason="not_here").after
    assert again.unit == CITY
    assert conflict(again, who("unit", CITY), "decline", 9, reason="not_here") == "nobody_above"


def test_the_sender_stays_responsible_until_the_other_accepts() -> None:
    offered = after(new_duty(), CLERK, {"action": "transfer", "to": SISTER})
    assert (offered.unit, offered.state) == (VILLAGE, "pending")
    assert offered.due_at == new_duty().due_at
    assert conflict(offered, CLERK, "transfer", to=FAR) == "offer_open"
    assert conflict(offered, CLERK, "decline", reason="not_here") == "offer_open"
    assert after(offered, CLERK, "acknowledge").offer == offered.offer
    assert after(offered, CLERK, "withdraw").offer is None
    turned_down = do(offered, SISTER_CLERK, "decline", reason="not_here")
    assert (turned_down.after.unit, turned_down.after.offer) == (VILLAGE, None)
    assert event_of(turned_down).other_unit == SISTER
    taken = after(offered, SISTER_CLERK, "accept")
    assert (taken.unit, taken.state, taken.offer, taken.due_at) == (SISTER, "acknowledged", None, None)
    assert refused(taken, CLERK, "acknowledge", 2).status == 404
    assert conflict(offered, SISTER_CLERK, "accept", 121.0 + 1) == "no_offer"


def test_an_observation_goes_on_at_the_other_unit() -> None:
    duty = after(new_duty(), CLERK, "acknowledge", "register", "observe", {"action": "transfer", "to": ABROAD})
    taken = after(duty, who("county", "411481"), "accept")
    assert (taken.unit, taken.state, taken.county) == (ABROAD, "observing", "411481")
    assert taken.observation == duty.observation


@pytest.mark.parametrize("to", [VILLAGE, "411426999", "411426-health", "4101", "411426104201-x"])
def test_a_transfer_goes_to_another_unit_there_is(to: str) -> None:
    assert refused(new_duty(), CLERK, "transfer", to=to).code == "unit_unknown"


def test_of_two_who_act_on_the_same_version_one_wins() -> None:
    offered = after(new_duty(), CLERK, {"action": "transfer", "to": SISTER})
    accepted = after(offered, SISTER_CLERK, "accept")
    assert conflict(accepted, COUNTY_DESK, "withdraw", version=offered.version) == "version_passed"
    withdrawn = after(offered, CLERK, "withdraw")
    assert refused(withdrawn, SISTER_CLERK, "accept", version=offered.version).status == 404


def test_a_request_that_comes_again_is_not_done_again() -> None:
    command = COMMAND.validate_python({"action": "decline", "version": 1, "reason": "not_here", "request_id": "phone-7-0001"})
    first = act(new_duty(), command, CLERK, at(1))
    assert first is not None
    assert act(first.after, command, CLERK, at(90)) is None
    with pytest.raises(Conflict):
        act(first.after, command, COUNTY_DESK, at(2))


def test_ten_seconds_to_take_an_act_back() -> None:
    duty = new_duty()
    declined = after(duty, CLERK, {"action": "decline", "reason": "not_here"})
    back = do(declined, CLERK, "undo", 1 + 10 / 60)
    assert back.after.model_dump(exclude={"version", "changed_at", "changed_by"}) == duty.model_dump(
        exclude={"version", "changed_at", "changed_by"}
    )
    assert (back.after.version, event_of(back).undone) == (3, "decline")
    assert refused(declined, CLERK, "undo", 1 + 11 / 60).status == 404
    assert conflict(declined, COUNTY_DESK, "undo", 1.1) == "nothing_to_undo"
    assert conflict(back.after, CLERK, "undo", 1.1) == "nothing_to_undo"
    acknowledged = after(duty, CLERK, "acknowledge")
    assert conflict(acknowledged, CLERK, "undo", 1.2) == "nothing_to_undo"
    assert after(acknowledged, CLERK, "undo").state == "pending"


def test_a_fever_alerts_the_health_desk_and_holds_the_release() -> None:
    duty = after(new_duty(), CLERK, "acknowledge", "register", {"action": "observe", "days": 1})
    fine = do(duty, CLERK, "temperature", 10, temperature_c=37.2)
    assert (alert_of(fine), fine.after.health) == (None, None)
    change = do(duty, CLERK, "temperature", 10, temperature_c=37.3)
    alert = alert_of(change)
    assert alert is not None
    assert (alert.unit, alert.risk, alert.decision, alert.temperature_c) == (VILLAGE, "high", "refer", 37.3)
    ill = change.after
    assert conflict(ill, CLERK, "release", 20, reason="left_city") == "health_alert_open"
    assert refused(ill, HEALTH_DESK, "release", 20, reason="hospital").status == 403
    seen = after(ill, HEALTH_DESK, {"action": "acknowledge", "minutes": 21})
    assert conflict(seen, HEALTH_DESK, "acknowledge", 22) == "nothing_to_acknowledge"
    assert after(seen, CLERK, {"action": "release", "reason": "hospital", "minutes": 30}).state == "released"
    cough = do(duty, CLERK, "temperature", 10, temperature_c=36.5, symptoms=["cough"])
    assert cough.after.health is not None
    assert cough.after.health.reason == "symptom"
    undone = after(ill, CLERK, {"action": "undo", "minutes": 10.1})
    assert undone.health is None


def test_one_report_of_a_half_day_counts_and_the_next_is_awaited() -> None:
    duty = after(new_duty(), CLERK, "acknowledge", "register", "observe", minutes=5)
    assert duty.observation is not None
    assert duty.observation.report_due_at == START + timedelta(hours=14.5)
    for minutes in (30, 40, 140):
        duty = after(duty, CLERK, {"action": "temperature", "temperature_c": 36.5, "minutes": minutes})
    assert duty.observation is not None
    assert (reports(duty.observation), duty.late(at(140).now)) == (1, False)
    assert not duty.late(at(14.5 * 60 - 1).now)
    assert duty.late(at(14.5 * 60).now)
    assert missed(duty.observation, duty.since, at(26.5 * 60).now) == 2
    late = {"measured_at": "2020-02-18T20:00:00+08:00", "minutes": 23 * 60}
    duty = after(duty, CLERK, {"action": "temperature", "temperature_c": 36.5, **late})
    assert duty.observation is not None
    assert reports(duty.observation) == 2
    for wrong in ("2020-02-17T09:00:00+08:00", "2020-02-18T11:00:00+08:00"):
        assert refused(duty, CLERK, "temperature", 2, temperature_c=36.5, measured_at=wrong).code == "measured_at_invalid"


def test_an_observation_is_extended_and_never_shortened() -> None:
    duty = after(new_duty(), CLERK, "acknowledge", "register", "observe")
    assert conflict(duty, CLERK, "observe") == "not_longer"
    assert conflict(duty, CLERK, "observe", days=14) == "not_longer"
    longer = after(duty, CLERK, {"action": "observe", "days": 21})
    assert longer.observation is not None
    assert longer.observation.until_day == date(2020, 3, 9)
    registered = after(new_duty(), CLERK, "acknowledge", "register")
    for wrong in ("2020-02-19", "2020-02-17"):
        assert refused(registered, CLERK, "observe", from_day=wrong).code == "from_day_invalid"


def test_the_days_come_from_the_rule_where_it_names_them() -> None:
    findings = [{"rule": "r", "version": 1, "risk": "high", "decision": "observe", "evidence": {"observe_days": 7}}]
    duty = after(new_duty(findings=findings), CLERK, "acknowledge", "register", "observe")
    assert duty.observation is not None
    assert duty.observation.until_day == date(2020, 2, 24)


def test_a_household_answers_by_one_phone() -> None:
    duty = after(new_duty(), CLERK, "acknowledge")
    head = "01705656-c5a0-7001-8000-0000000000aa"
    registered = after(duty, CLERK, {"action": "register", "proxy": head})
    assert (registered.state, registered.proxy) == ("registered", head)
    assert conflict(registered, CLERK, "register", proxy=head) == "already_registered"
    assert after(registered, CLERK, {"action": "register", "proxy": None}).proxy is None
    assert refused(duty, CLERK, "register", proxy=duty.event_id).code == "proxy_invalid"


def test_nobody_is_let_go_without_the_reason_that_fits() -> None:
    duty = after(new_duty(), CLERK, "acknowledge", "register")
    assert conflict(duty, CLERK, "release", reason="not_required") == "observation_required"
    assert conflict(duty, CLERK, "release", reason="completed") == "observation_not_over"
    assert conflict(duty, CLERK, "release", reason="turned_back") == "not_turned_back"
    assert conflict(new_duty(), CLERK, "release", reason="left_city") == "not_acknowledged"
    quiet = after(new_duty(decision="admit", risk="low"), CLERK, "acknowledge", "register")
    gone = after(quiet, CLERK, {"action": "release", "reason": "not_required"})
    acts: dict[str, dict[str, Any]] = {"transfer": {"to": SISTER}, "register": {}, "release": {"reason": "left_city"}}
    for action, fields in acts.items():
        assert conflict(gone, CLERK, action, **fields) == "released"


@pytest.mark.parametrize(
    ("by", "status"),
    [
        (SISTER_CLERK, 404),
        (who("unit", FAR), 404),
        (who("county", "411481"), 404),
        (who("unit", ABROAD), 404),
        (who("analyst", "*"), 404),
        (who("device", "CP-411426-01"), 404),
        (who("health_desk", "411481"), 404),
        (who("administrator", COUNTY), 404),
        (ADMINISTRATOR, 403),
        (HEALTH_DESK, 409),
    ],
)
def test_strangers_are_told_that_there_is_nothing(by: Principal, status: int) -> None:
    assert refused(new_duty(), by, "acknowledge").status == status


def test_township_and_county_act_for_their_village() -> None:
    for by in (who("unit", TOWN), COUNTY_DESK):
        assert after(new_duty(), by, "acknowledge").changed_by == by.subject
    low = new_duty(risk="low", decision="admit", temperature_c=None)
    assert refused(low, HEALTH_DESK, "note", note="x").status == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"action": "acknowledge"}',
        b'{"action": "acknowledge", "version": "1"}',
        b'{"action": "acknowledge", "version": 0}',
        b'{"action": "acknowledge", "version": 1, "unit": "4114"}',
        b'{"action": "erase", "version": 1}',
        b'{"action": "decline", "version": 1}',
        b'{"action": "note", "version": 1, "note": ""}',
        b'{"action": "note", "version": 1, "note": "\\u0000"}',
        b'{"action": "temperature", "version": 1, "temperature_c": NaN}',
        b'{"action": "temperature", "version": 1, "temperature_c": "36.5"}',
        b'{"action": "temperature", "version": 1, "temperature_c": 98.6}',
        b'{"action": "temperature", "version": 1}',
        b'{"action": "temperature", "version": 1, "temperature_c": 36.5, "measured_at": "2020-02-18T09:00:00"}',
        b'{"action": "acknowledge", "version": 1, "request_id": "<script>"}',
    ],
)
def test_a_body_that_is_no_command_is_rejected_without_its_values(body: bytes) -> None:
    with pytest.raises(Rejected) as rejection:
        read_command(body)
    assert "script" not in str(rejection.value.reasons)


def test_every_event_is_one_of_the_published_shape() -> None:
    duty = new_duty()
    acts: dict[str, dict[str, Any]] = {"acknowledge": {}, "transfer": {"to": SISTER}, "note": {"note": "x"}}
    for action, fields in acts.items():
        event = event_of(do(duty, CLERK, action, **fields), 3, "a" * 64)
        assert UNIT_ACTION.validate_json(event.model_dump_json()) == event
