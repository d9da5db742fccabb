"""Random histories of many hands: every open arrival is at every moment in exactly one list of exactly one accountable unit."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from reference.rows import make_row
from schemas.areas import SuccessionData
from schemas.contact_rules import STRENGTHS
from schemas.errors import Refused
from schemas.unit_action import STATES, UnitAction
from serving.access import Principal, may_view
from serving.desk.duty_json import possible
from serving.duties.acts import act
from serving.duties.changes import Change, Conflict, event_of
from serving.duties.commands import COMMAND
from serving.duties.duty import DUTY, Duty
from serving.duties.happenings import inherited, take_in, ticks
from serving.duties.rights import parts
from serving.duties.situation import Situation, situation
from serving.duties.tracing import trace
from tests.duties_kit import (
    ABROAD,
    ADMINISTRATOR,
    CITY,
    COUNTY,
    FAR,
    HEALTH_DESK,
    SISTER,
    SNAPSHOT,
    START,
    TOWN,
    VILLAGE,
    came,
    contact,
    who,
)
from tests.serving_kit import event_id as id_of

NEXT_TOWN = FAR[:9]
UNITS = (VILLAGE, SISTER, FAR, ABROAD, TOWN, NEXT_TOWN, COUNTY, "411481", CITY)
#: Units that end in some histories, with what they become: merged, dissolved, a whole township merged, split.
ENDINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (SISTER, (VILLAGE,)),
    (FAR, ()),
    (TOWN, (NEXT_TOWN,)),
    (SISTER, (VILLAGE, FAR)),
)
PEOPLE = (
    *(who("unit", unit) for unit in (VILLAGE, SISTER, FAR, ABROAD, TOWN, CITY)),
    *(who("unit", VILLAGE, "second"), who("county", COUNTY), who("county", "411481"), HEALTH_DESK, ADMINISTRATOR),
)
#: What may move a duty from one unit to another.
MOVING = {"assigned", "rerouted", "reopened", "accept", "decline", "undo", "inherited"}
COMMANDS: tuple[dict[str, Any], ...] = (
    *({"action": action} for action in ("acknowledge", "accept", "withdraw", "register", "observe", "undo")),
    {"action": "decline", "reason": "not_here"},
    *({"action": "transfer", "to": unit} for unit in UNITS),
    *({"action": "temperature", "temperature_c": degrees} for degrees in (36.5, 38.0)),
    *({"action": "release", "reason": reason} for reason in ("completed", "not_required", "left_city")),
    {"action": "observe", "days": 20},
    {"action": "note", "note": "x"},
)
FITTING = {name: [c for c in COMMANDS if c["action"] == name] for name in {c["action"] for c in COMMANDS} - {"note"}}


class Histories(RuleBasedStateMachine):
    """A desk with a few arrivals, a clock, and everybody acting on what he saw last, which may have passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.reference = SNAPSHOT
        self.duties: dict[str, Duty] = {}
        self.seen: dict[str, list[Duty]] = {}
        self.events: dict[str, list[UnitAction]] = {}

    @initialize(first=st.sampled_from(UNITS[:4]))
    def begin(self, first: str) -> None:
        self._arrive(1, first, "high", "observe", 1)

    @rule(
        number=st.integers(1, 2),
        unit=st.sampled_from(UNITS),
        risk=st.sampled_from(("high", "medium", "low", "unknown")),
        decision=st.sampled_from(("admit", "register", "observe", "turn_back")),
        revision=st.integers(1, 6),
    )
    def decided(self, number: int, unit: str, risk: str, decision: str, revision: int) -> None:
        self._arrive(number, unit, risk, decision, revision)

    @rule(minutes=st.sampled_from((0.05, 1, 20, 200, 1_500, 20_000)))
    def time_passes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)
        self._tick()

    @rule(ending=st.sampled_from(ENDINGS))
    def a_unit_ends(self, ending: tuple[str, tuple[str, ...]]) -> None:
        """Its row comes after it ended, as rows do; the desk's clock then finds what it left behind."""
        data = SuccessionData(kind="succession", unit=ending[0], successors=ending[1])
        row = make_row(data, key=ending[0], author="t", reason="t", valid_from=START)
        self.reference = self.reference.with_rows([(self.reference.version + 1, row)])
        self._tick()

    @rule(number=st.integers(1, 2), case=st.integers(8, 9), strength=st.sampled_from(STRENGTHS))
    def a_contact_is_traced(self, number: int, case: int, strength: str) -> None:
        """Tasks are told once for a case, to an open duty, and are owed until they are acknowledged."""
        for _ in range(2):
            outcome, duty, change = trace(
                list(self.duties.values()), id_of(number), contact(case, strength, self.now), "county", self._situation()
            )
            if change is not None:
                self._take(change)
                assert (outcome, change.after.owed, change.after.risk) == ("task", True, "high")
        assert duty is None or outcome in ("known", "closed")

    def _tick(self) -> None:
        for event_id in list(self.duties):
            moved = inherited(self.duties[event_id], self._situation())
            if moved is not None:
                self._take(moved)
            for change in ticks(self.duties[event_id], self._situation()):
                self._take(change)
        now = self._situation()
        assert [duty.unit for duty in self.duties.values() if duty.open and now.standing(duty.unit) != duty.unit] == []

    def _situation(self) -> Situation:
        return situation(self.reference, self.now)

    @rule(data=st.data(), by=st.sampled_from(PEOPLE), command=st.sampled_from(COMMANDS), back=st.integers(0, 2))
    def somebody_acts(self, data: st.DataObject, by: Any, command: dict[str, Any], back: int) -> None:
        event_id = data.draw(st.sampled_from(sorted(self.duties)))
        now, present = self.duties[event_id], self.duties[event_id]
        looked_at = self.seen[event_id][-1 - min(back, len(self.seen[event_id]) - 1)]
        try:
            change = act(now, COMMAND.validate_python(command | {"version": looked_at.version}), by, self._situation())
        except Refused as refusal:
            self._refused(refusal, present, by)
        else:
            assert change is not None
            assert looked_at.version == present.version
            self._take(change)

    @rule(data=st.data())
    def somebody_who_may_acts(self, data: st.DataObject) -> None:
        """What the page would offer: only so are the rarer ways gone often, such as accepting what was offered."""
        duty = self.duties[data.draw(st.sampled_from(sorted(self.duties)))]
        ways = [(by, act_) for by in PEOPLE for act_ in possible(duty, parts(by, duty, self.now)) if act_ in FITTING]
        if ways:
            by, action = data.draw(st.sampled_from(ways))
            command = data.draw(st.sampled_from(FITTING[action])) | {"action": action, "version": duty.version}
            with suppress(Refused):
                change = act(duty, COMMAND.validate_python(command), by, self._situation())
                assert change is not None
                self._take(change)

    def _refused(self, refusal: Refused, present: Duty, by: Principal) -> None:
        """A conflict shows the present state; only strangers are told that there is nothing; nothing has changed."""
        assert refusal.status in (400, 403, 404, 409)
        assert isinstance(refusal, Conflict) == (refusal.status == 409)
        assert not isinstance(refusal, Conflict) or refusal.duty == present
        assert refusal.status != 404 or by.role not in ("unit", "county") or not may_view(by, present.unit)
        assert self.duties[present.event_id] == present

    @invariant()
    def each_open_arrival_is_in_one_list_of_one_unit(self) -> None:
        places = Counter(
            event_id
            for unit in UNITS
            for state in STATES[:-1]
            for event_id, duty in self.duties.items()
            if (duty.unit, duty.state) == (unit, state)
        )
        assert places == Counter({event_id: 1 for event_id, duty in self.duties.items() if duty.open})

    @invariant()
    def what_is_owed_is_owed_by_somebody_and_at_some_time(self) -> None:
        for duty in self.duties.values():
            assert (duty.due_at is not None) == duty.owed
            assert not duty.contacts or duty.risk == "high"
            assert (duty.observation is not None) or duty.state != "observing"
            assert duty.offer is None or (duty.open and duty.offer.to != duty.unit)
            assert (duty.released_as is not None) == (not duty.open)
            assert duty.next_tick() is None or duty.open

    @invariant()
    def the_events_alone_tell_the_same(self) -> None:
        for event_id, events in self.events.items():
            assert [event.duty_version for event in events] == list(range(1, len(events) + 1))
            duty = self.duties[event_id]
            assert (events[-1].unit, events[-1].state) == (duty.unit, duty.state)
            for before, after in pairwise(events):
                assert after.unit_before in (None, before.unit)
                assert (after.unit_before is None) == (before.unit == after.unit)
                assert after.action in MOVING or before.unit == after.unit

    def _arrive(self, number: int, unit: str, risk: str, decision: str, revision: int) -> None:
        arrival = came(number, unit, risk=risk, decision=decision, revision=revision)
        change = take_in(self.duties.get(arrival.event_id), arrival, self._situation())
        if change is not None:
            self._take(change)

    def _take(self, change: Change) -> None:
        duty = change.after
        assert change.before == self.duties.get(duty.event_id)
        assert DUTY.validate_json(duty.model_dump_json()) == duty
        self.duties[duty.event_id] = duty
        self.seen.setdefault(duty.event_id, []).append(duty)
        self.events.setdefault(duty.event_id, []).append(event_of(change))


def _run(examples: int, steps: int) -> None:
    quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        Histories, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=quiet)
    )


def test_random_histories() -> None:
    _run(60, 25)


@pytest.mark.torture
def test_ten_thousand_random_histories() -> None:
    _run(10_000, 30)
