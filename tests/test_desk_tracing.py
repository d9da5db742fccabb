"""Tasks of contacts and heirs of units that ended, kept by the desk on SQLite and PostgreSQL: once, proven, told nobody twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from arrivals.runtime.desk_engine import writing
from reference.rows import make_row
from reference.snapshot import Snapshot
from schemas.areas import SuccessionData
from schemas.errors import Unavailable
from serving.desk import lists, trail
from serving.desk.outbox import waiting
from serving.desk.schema import migrate_desk
from serving.desk.store import DeskStore
from serving.duties.tracing import Tied, TraceOrder
from tests.desk_kit import fresh_store
from tests.duties_kit import (
    ABROAD,
    CITY,
    CLERK,
    COUNTY,
    COUNTY_DESK,
    FAR,
    SISTER,
    SNAPSHOT,
    START,
    TOWN,
    VILLAGE,
    at,
    came,
    contact,
    who,
)
from tests.postgres_kit import missing, postgres
from tests.serving_kit import event_id
from tests.test_desk_store import Broker, command, listed, publish

CASE = event_id(99)
ORDER = TraceOrder(CASE, "confirmed", ("close",))


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    if missing():
        pytest.skip(missing())
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DeskStore]:
    made = fresh_store(tmp_path, request.getfixturevalue("cluster") if request.param == "postgresql" else None)
    yield made
    made.engine.dispose()


def person(number: int) -> dict[str, Any]:
    return {"person": came(1).person.model_dump() | {"key": f"{number:032x}"}}


def tie(number: int, strength: str = "close") -> Tied:
    return Tied(event_id(number), f"{number:032x}", contact(99, strength, at(60).now, COUNTY_DESK.subject))


def test_every_contact_is_a_task_of_whoever_is_accountable_now(store: DeskStore) -> None:
    low: dict[str, Any] = {"risk": "low", "decision": "admit"}
    units = {1: VILLAGE, 2: SISTER, 3: ABROAD, 4: FAR, 5: VILLAGE}
    store.take_in([came(n, unit, **low, **person(n)) for n, unit in units.items()], at())
    store.act(event_id(2), command("acknowledge"), who("unit", SISTER), at(1))
    store.act(event_id(2), command("transfer", 2, to=FAR), who("unit", SISTER), at(2))
    store.act(event_id(2), command("accept", 3), who("unit", FAR), at(3))
    store.act(event_id(5), command("acknowledge"), CLERK, at(1))
    store.act(event_id(5), command("release", 2, reason="left_city"), CLERK, at(2))
    publish(store, Broker())
    traced = store.trace(ORDER, [tie(n) for n in (1, 2, 3, 5, 77)], COUNTY_DESK, at(60))
    assert [(one.outcome, one.duty.unit if one.duty else None) for one in traced] == [
        ("task", VILLAGE),
        ("task", FAR),
        ("task", ABROAD),
        ("closed", VILLAGE),
        ("absent", None),
    ]
    assert (listed(store, VILLAGE, "contact", 61), listed(store, FAR, "contact", 61)) == ([1], [2])
    assert listed(store, "411481-health", "contact", 61) == [3]
    assert lists.counts(store.engine, COUNTY, at(61).now)["contact"] == 2
    broker = Broker()
    publish(store, broker)
    assert [(a.action, a.unit, a.reason, a.risk) for a in broker.actions()] == [
        ("traced", unit, "close_contact", "high") for unit in (VILLAGE, FAR, ABROAD)
    ]
    assert CASE not in str(broker.records)
    order, *tasks = trail.newest(store.engine, 4)
    assert (order["kind"], order["event_id"], order["actor"]) == ("trace", CASE, COUNTY_DESK.subject)
    assert order["detail"] == {"reason": "confirmed", "ties": ["close"], "found": 5, "task": 3, "closed": 1, "absent": 1}
    assert {(line["event_id"], line["detail"]["case"], line["detail"]["rule"]) for line in tasks} == {
        (event_id(n), CASE, "train-rows") for n in (1, 2, 3)
    }
    assert trail.verify(store.engine).problem == ""


def test_repeating_the_order_tells_nobody_twice_and_reaches_who_came_later(store: DeskStore) -> None:
    store.take_in([came(n, **person(n)) for n in range(1, 31)], at())
    ties = [tie(n) for n in range(1, 32)]
    with ThreadPoolExecutor(4) as threads:
        rounds = list(threads.map(lambda _: store.trace(ORDER, ties, COUNTY_DESK, at(60)), range(4)))
    assert Counter(one.outcome for traced in rounds for one in traced) == {"task": 30, "known": 90, "absent": 4}
    broker = Broker()
    publish(store, broker)
    assert Counter(action.action for action in broker.actions()) == {"assigned": 30, "traced": 30}
    store.take_in([came(31, **person(31))], at(61))
    again = store.trace(ORDER, ties, COUNTY_DESK, at(62))
    assert Counter(one.outcome for one in again) == {"known": 30, "task": 1}


def test_a_task_is_due_and_escalates_and_is_acknowledged_once(store: DeskStore) -> None:
    store.take_in([came(1, risk="low", decision="admit", **person(1))], at())
    store.act(event_id(1), command("acknowledge"), CLERK, at(1))
    store.trace(ORDER, [tie(1)], COUNTY_DESK, at(60))
    assert store.tick(at(76)) == 1
    assert store.tick(at(90)) == 1
    assert listed(store, VILLAGE, "overdue", 90) == listed(store, TOWN, "escalated", 90) == [1]
    duty = store.find([event_id(1)])[event_id(1)]
    store.act(event_id(1), command("acknowledge", duty.version), CLERK, at(91))
    assert listed(store, VILLAGE, "overdue", 92) == listed(store, VILLAGE, "contact", 92) == []


def test_a_trace_that_finds_nobody_is_a_line_too(store: DeskStore) -> None:
    assert store.trace(ORDER, [], COUNTY_DESK, at()) == []
    [line] = trail.newest(store.engine, 5)
    assert (line["kind"], line["detail"]["found"]) == ("trace", 0)
    assert waiting(store.engine) == 0


def ending(*units: tuple[str, tuple[str, ...]]) -> Snapshot:
    rows = [
        make_row(
            SuccessionData(kind="succession", unit=unit, successors=heirs), key=unit, author="t", reason="t", valid_from=START
        )
        for unit, heirs in units
    ]
    return SNAPSHOT.with_rows(list(enumerate(rows, 1)))


def test_heirs_get_what_units_left_behind_once_and_can_act(store: DeskStore) -> None:
    store.take_in([came(1, SISTER), came(2, VILLAGE), came(3, FAR), came(4, SISTER), came(5, SISTER, decision="turn_back")], at())
    store.act(event_id(4), command("acknowledge"), who("unit", SISTER), at(1))
    publish(store, Broker())
    ended = ending((SISTER, (VILLAGE,)))
    assert store.tick(at(2)) == 0
    assert [store.tick(at(2, ended)), store.tick(at(2, ended))] == [2, 0]
    assert sorted(listed(store, VILLAGE, "open", 2)) == [1, 2, 4]
    assert listed(store, SISTER, "open", 2) == []
    assert listed(store, VILLAGE, "acknowledged", 2) == [4]
    broker = Broker()
    publish(store, broker)
    assert [(a.action, a.unit_before, a.unit, a.actor) for a in broker.actions()] == [
        ("inherited", SISTER, VILLAGE, "desk"),
        ("inherited", SISTER, VILLAGE, "desk"),
    ]
    lines = trail.newest(store.engine, 9, event_id=event_id(1))
    assert [(line["actor"], line["role"], line["detail"]["action"]) for line in lines] == [("desk", "", "inherited")]
    assert (
        trail.verify(store.engine, trail.anchors_of((a.trail_line, a.trail_hash or "") for a in broker.actions())).problem == ""
    )
    assert store.act(event_id(1), command("acknowledge", 2), CLERK, at(3, ended)).unit == VILLAGE


def test_more_than_a_turn_can_take_is_moved_in_turns_by_as_many_desks_as_run(store: DeskStore) -> None:
    store.take_in([came(n, SISTER) for n in range(1, 1_202)], at())
    ended = ending((TOWN, (FAR[:9],)))

    def turns(_: int) -> int:
        moved = 0
        for _ in range(12):
            try:
                moved += store.tick(at(1, ended))
            except Unavailable:
                continue
        return moved

    with ThreadPoolExecutor(2) as threads:
        assert sum(threads.map(turns, range(2))) == 1_201
    assert lists.counts(store.engine, FAR[:9], at(1).now)["pending"] == 1_201
    assert lists.counts(store.engine, TOWN, at(1).now)["pending"] == 0


def test_after_every_tick_each_open_arrival_lies_with_one_unit_that_stands(store: DeskStore) -> None:
    units = (VILLAGE, SISTER, FAR, TOWN, COUNTY, CITY)
    store.take_in([came(n, units[n % 6], **person(n)) for n in range(1, 61)], at())
    endings = [(SISTER, (VILLAGE, FAR)), (FAR, ()), (TOWN, (FAR[:9],)), (FAR[:9], ()), (COUNTY, ("411481",))]
    for step in range(1, len(endings) + 1):
        ended = ending(*endings[:step])
        store.tick(at(step, ended))
        duties = store.find(event_id(n) for n in range(1, 61)).values()
        assert {duty.unit for duty in duties if ended.standing(duty.unit, at(step).now) != duty.unit} == set()
        found = [n for unit in {duty.unit for duty in duties} for n in exactly(store, unit)]
        assert sorted(found) == sorted(duty.event_id for duty in duties)


def exactly(store: DeskStore, unit: str) -> list[str]:
    found = lists.page(store.engine, unit, lists.Asked("open", 200), at(60).now)
    return [duty.event_id for duty in found if duty.unit == unit]


def test_a_desk_of_an_earlier_release_gains_the_list(store: DeskStore) -> None:
    """What was kept before is kept, has no tasks, and can be given one; who is observed is found by household."""
    store.take_in([came(n, **person(n)) for n in (1, 2, 3)], at())
    for number in (2, 3):
        for version, action in enumerate(("acknowledge", "register", "observe"), 1):
            more = {"proxy": event_id(2)} if (action, number) == ("register", 3) else {}
            store.act(event_id(number), command(action, version, **more), CLERK, at(1))
    store.act(event_id(3), command("temperature", 4, temperature_c=36.4), CLERK, at(2))
    before = households_of(store)
    with writing(store.engine) as connection:
        for statement in (
            "DROP INDEX duties_by_contact",
            "DROP INDEX duties_by_county",
            "DROP INDEX duties_by_unit",
            "DROP INDEX duties_by_health",
            "CREATE INDEX duties_by_county ON duties (county, state, received_ms, event_id)",
            "CREATE INDEX duties_by_unit ON duties (unit, state, received_ms, event_id)",
            "CREATE INDEX duties_by_health ON duties (health, received_ms)",
            "DROP INDEX duties_by_household",
            "ALTER TABLE duties DROP COLUMN answers",
            "ALTER TABLE duties DROP COLUMN reported_ms",
            "ALTER TABLE duties DROP COLUMN contact",
            "ALTER TABLE duties DROP COLUMN declined_by",
            "UPDATE alembic_version SET version_num = '0002'",
        ):
            connection.execute(text(statement))
    assert "0003" in migrate_desk(store.engine, dry_run=True)
    migrate_desk(store.engine)
    assert households_of(store) == before == [(event_id(2), 2, 1)]
    assert (listed(store, VILLAGE, "pending"), listed(store, VILLAGE, "contact")) == ([1], [])
    store.trace(ORDER, [tie(1)], COUNTY_DESK, at(1))
    assert listed(store, VILLAGE, "contact") == [1]


def households_of(store: DeskStore) -> list[tuple[str, int, int]]:
    found, _ = lists.households_page(store.engine, VILLAGE, None, 20, at(3).now)
    return [(home.answers, len(home.members), len(home.missing)) for home in found]
