"""Arrivals, principals and a clock for the tests of duties."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from reference.gazetteer import load_gazetteer
from reference.snapshot import Snapshot
from schemas.arrival import ARRIVAL, Arrival
from schemas.base import LOCAL, format_instant
from schemas.reference_rows import Role
from serving.access import Principal
from serving.duties.acts import act
from serving.duties.changes import Change
from serving.duties.commands import COMMAND
from serving.duties.duty import CaseContact, Duty
from serving.duties.happenings import take_in
from serving.duties.situation import Situation, situation
from tests.serving_kit import arrival, event_id

#: Two villages of one township, a village of another, and one of another county.
VILLAGE, SISTER, FAR, ABROAD = "411426104201", "411426104202", "411426101201", "411481100001"
TOWN, COUNTY, CITY = "411426104", "411426", "4114"
START = datetime(2020, 2, 18, 9, 30, tzinfo=LOCAL)
SNAPSHOT = Snapshot.empty(load_gazetteer())


def who(role: Role, scope: str, name: str = "") -> Principal:
    """A principal."""
    return Principal(role, name or f"{role}:{scope}".replace("*", "all"), scope, "0" * 64)


CLERK, SISTER_CLERK, COUNTY_DESK = who("unit", VILLAGE), who("unit", SISTER), who("county", COUNTY)
HEALTH_DESK, ADMINISTRATOR = who("health_desk", COUNTY), who("administrator", "*")


def at(minutes: float = 0.0, snapshot: Snapshot = SNAPSHOT) -> Situation:
    """The situation so many minutes after 9:30 of 18 February 2020."""
    return situation(snapshot, START + timedelta(minutes=minutes))


def came(number: int = 1, unit: str = VILLAGE, minutes: float = 0.0, **changes: Any) -> Arrival:
    """A version of an arrival, received so many minutes after 9:30: high risk, to be observed."""
    received = {"received_at": format_instant(START + timedelta(minutes=minutes)), "decision": "observe"}
    return ARRIVAL.validate_python(arrival(number, unit, 210 + minutes, **(received | changes)))


def new_duty(minutes: float = 0.0, **changes: Any) -> Duty:
    """A fresh duty."""
    change = take_in(None, came(**changes), at(minutes))
    assert change is not None
    return change.after


def contact(case: int, strength: str = "close", when: datetime = START, by: str = "county-411426") -> CaseContact:
    """What joins somebody to the case of a number."""
    return CaseContact(
        case=event_id(case),
        finding="confirmed",
        strength=strength,  # type: ignore[arg-type]
        rule="train-rows",
        rule_row="train-rows/1",
        distance=2,
        text_zh="同一车厢前后三排以内",
        text_en="same coach, within three rows",
        source_zh="中国铁路12306",
        source_en="China Railway",
        at=when,
        by=by,
    )


def do(duty: Duty, by: Principal, action: str, minutes: float = 1.0, **fields: Any) -> Change:
    """What an act changes; its version is the present one unless given."""
    command = COMMAND.validate_python({"action": action, "version": duty.version, **fields})
    change = act(duty, command, by, at(minutes))
    assert change is not None
    return change


def after(duty: Duty, by: Principal, *actions: str | dict[str, Any], minutes: float = 1.0) -> Duty:
    """The duty after several acts."""
    for action in actions:
        fields: dict[str, Any] = {"action": action} if isinstance(action, str) else dict(action)
        duty = do(duty, by, fields.pop("action"), fields.pop("minutes", minutes), **fields).after
    return duty
