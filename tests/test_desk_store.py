"""The desk's store on SQLite and on PostgreSQL: kept whole or not at all, one winner, nothing twice, an unbroken trail."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError

from arrivals.runtime.desk_engine import desk_errors, make_engine, reading, writing
from arrivals.runtime.kafka_clients import Record
from arrivals.runtime.settings import load_settings
from schemas.arrival import ALERT
from schemas.errors import ArrivalsError, Misconfigured, Refused, Unavailable
from schemas.unit_action import STATES, UNIT_ACTION, UnitAction
from serving.desk import lists, trail
from serving.desk.outbox import publish_some, waiting
from serving.desk.schema import check_desk, migrate_desk
from serving.desk.store import DeskStore
from serving.desk.tables import AUDIT_TRAIL, DUTIES, METADATA, NOTES
from serving.duties.changes import Conflict
from serving.duties.commands import COMMAND, Command
from tests.desk_kit import DESTROYED, fresh_store
from tests.duties_kit import (
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
    at,
    came,
    who,
)
from tests.serving_kit import event_id


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DeskStore]:
    made = fresh_store(tmp_path, request.getfixturevalue("cluster") if request.param == "postgresql" else None)
    yield made
    made.engine.dispose()


class Broker:
    """Keeps what was published; away as long as told."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.away = False

    def publish(self, records: Any) -> None:
        if self.away:
            raise Unavailable("kafka_unconfirmed", "Kafka did not confirm.")
        self.records += records

    def actions(self) -> list[UnitAction]:
        return [UNIT_ACTION.validate_json(r.value or b"") for r in self.records if r.topic == "p.unit-actions"]


def publish(store: DeskStore, broker: Broker) -> int:
    return publish_some(store.engine, broker, "p.{}".format)


def command(action: str, version: int = 1, **fields: Any) -> Command:
    made: Command = COMMAND.validate_python({"action": action, "version": version, **fields})
    return made


def listed(store: DeskStore, unit: str, name: str, minutes: float = 1, **more: Any) -> list[int]:
    found = lists.page(store.engine, unit, lists.Asked(name, more.pop("limit", 200), **more), at(minutes).now)
    return [int(duty.event_id[-12:], 16) for duty in found]


def test_the_schema_is_what_the_tables_say_and_is_made_once(store: DeskStore) -> None:
    assert migrate_desk(store.engine) == []
    check_desk(store.engine)
    found = inspect(store.engine)
    for table in METADATA.sorted_tables:
        real = {column["name"]: column for column in found.get_columns(table.name)}
        assert {name: not column["nullable"] for name, column in real.items()} == {
            column.name: not column.nullable for column in table.columns
        }
        lengths = {column.name: length for column in table.columns if (length := getattr(column.type, "length", None))}
        assert {name: getattr(real[name]["type"], "length", None) for name in lengths} == lengths
        assert found.get_pk_constraint(table.name)["constrained_columns"] == [column.name for column in table.primary_key]
        indexes = {index["name"]: index["column_names"] for index in found.get_indexes(table.name)}
        assert indexes == {index.name: [column.name for column in index.columns] for index in table.indexes}


def test_a_desk_without_its_schema_stops(tmp_path: Path) -> None:
    engine = make_engine(load_settings(data_dir=tmp_path))
    with pytest.raises(Misconfigured, match="0001, 0002, 0003, 0004, 0005"):
        check_desk(engine)
    assert migrate_desk(engine, dry_run=True) == ["0001", "0002", "0003", "0004", "0005"]
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_what_a_unit_gave_back_is_a_list_of_the_desk_until_another_takes_it(store: DeskStore) -> None:
    store.take_in([came(1), came(2), came(3, COUNTY)], at())
    store.act(event_id(1), command("decline", reason="wrong_address"), CLERK, at(1))
    assert (listed(store, COUNTY, "misrouted"), listed(store, VILLAGE, "misrouted")) == ([1], [])
    assert lists.counts(store.engine, COUNTY, at(1).now)["misrouted"] == 1
    declined = store.find([event_id(1)])[event_id(1)].declined
    assert declined is not None
    assert (declined.by, declined.reason, declined.at) == (VILLAGE, "wrong_address", at(1).now)
    store.act(event_id(1), command("transfer", 2, to=SISTER), COUNTY_DESK, at(2))
    assert listed(store, COUNTY, "misrouted") == [1]
    taken = store.act(event_id(1), command("accept", 3), SISTER_CLERK, at(3))
    assert (listed(store, COUNTY, "misrouted"), taken.declined) == ([], None)
    given_back = store.act(event_id(2), command("decline", reason="not_here"), CLERK, at(4))
    assert store.act(event_id(2), command("undo", given_back.version), CLERK, at(4)).declined is None


def test_households_come_page_by_page_those_that_still_have_to_report_first(store: DeskStore) -> None:
    """Five households of a village, two of them of two people, one elsewhere; of 1 and 4 everybody has reported."""
    heads = {1: None, 2: None, 3: 2, 4: None, 5: None, 6: 5, 7: None, 8: None}
    store.take_in([came(n, FAR if n == 8 else VILLAGE) for n in range(1, 10)], at())
    for number, head in heads.items():
        clerk = who("unit", FAR) if number == 8 else CLERK
        for version, action in enumerate(("acknowledge", "register", "observe"), 1):
            proxy = {"proxy": event_id(head)} if head and action == "register" else {}
            store.act(event_id(number), command(action, version, **proxy), clerk, at(1))
    for number in (1, 4, 6):
        store.act(event_id(number), command("temperature", 4, temperature_c=36.4), CLERK, at(2))

    def pages(unit: str, limit: int, minutes: float) -> list[list[tuple[int, int, int]]]:
        found: list[list[tuple[int, int, int]]] = []
        cursor: str | None = None
        while cursor is not None or not found:
            homes, cursor = lists.households_page(store.engine, unit, cursor, limit, at(minutes).now)
            found.append([(int(home.answers[-12:], 16), len(home.members), len(home.missing)) for home in homes])
        return found

    assert pages(VILLAGE, 2, 3) == [[(2, 2, 2), (5, 2, 1)], [(7, 1, 1), (1, 1, 0)], [(4, 1, 0)]]
    assert pages(VILLAGE, 5, 3) == [[(2, 2, 2), (5, 2, 1), (7, 1, 1), (1, 1, 0), (4, 1, 0)]]
    assert pages(SISTER, 5, 3) == [[]]
    assert lists.households_page(store.engine, VILLAGE, "1.z", 5, at(3).now) == ([], None)
    numbers = [lists.observed(store.engine, unit, at(3).now) for unit in (VILLAGE, FAR, SISTER, COUNTY)]
    assert numbers == [(7, 4), (1, 1), (0, 0), (8, 5)]
    next_half_day = 60 * 13
    assert pages(VILLAGE, 5, next_half_day)[0][0] == (1, 1, 1)
    assert lists.observed(store.engine, VILLAGE, at(next_half_day).now) == (7, 7)


def test_arrivals_become_duties_once(store: DeskStore) -> None:
    arrivals = [came(1), came(2, TOWN), came(3, FAR, risk="low", decision="admit"), came(1)]
    assert store.take_in(arrivals, at()) == 3
    assert store.take_in(arrivals, at(1)) == 0
    assert listed(store, VILLAGE, "pending") == [1]
    assert sorted(listed(store, TOWN, "pending")) == [1, 2]
    assert sorted(listed(store, COUNTY, "pending")) == [1, 2, 3]
    assert listed(store, CITY, "pending") == listed(store, "411426-x", "open") == []
    assert store.take_in([came(3, VILLAGE, revision=42), came(3, SISTER, revision=43)], at(2)) == 2
    assert (listed(store, FAR, "pending"), listed(store, SISTER, "pending")) == ([], [3])
    assert [store.find([event_id(3)])[event_id(3)].version] == [3]


def test_a_list_is_paged_by_receipt_and_filtered_by_risk(store: DeskStore) -> None:
    store.take_in([came(n, minutes=n // 3, risk="high" if n % 2 else "medium") for n in range(1, 12)], at())
    seen: list[int] = []
    after = None
    while True:
        found = lists.page(store.engine, VILLAGE, lists.Asked("pending", 4, after), at().now)
        seen += [int(duty.event_id[-12:], 16) for duty in found[:4]]
        if len(found) <= 4:
            break
        after = (round(found[3].facts.received_at.timestamp() * 1000), found[3].event_id)
    assert seen == list(range(11, 0, -1))
    assert listed(store, VILLAGE, "pending", risk="high") == [11, 9, 7, 5, 3, 1]


def test_an_act_is_kept_with_its_event_its_line_and_its_note(store: DeskStore) -> None:
    store.take_in([came(1)], at())
    duty = store.act(event_id(1), command("decline", reason="wrong_address", note="张三不在"), CLERK, at(3))
    assert (duty.unit, duty.version) == (COUNTY, 2)
    broker = Broker()
    assert publish(store, broker) == 2
    assigned, declined = broker.actions()
    assert (assigned.action, assigned.trail_line, declined.action, declined.trail_line) == ("assigned", None, "decline", 1)
    [line] = trail.newest(store.engine, 10)
    assert (line["actor"], line["kind"], line["event_id"], line["hash"]) == (
        CLERK.subject,
        "act",
        event_id(1),
        declined.trail_hash,
    )
    assert line["detail"]["reason"] == "wrong_address"
    with reading(store.engine) as connection:
        [note] = connection.execute(select(NOTES)).all()
        everything = str([connection.execute(select(table)).all() for table in METADATA.sorted_tables])
    assert note.sealed == f"sealed:{event_id(1)}:在不三张"
    assert "张三" not in everything + str(broker.records)


def test_what_is_refused_leaves_nothing_behind(store: DeskStore) -> None:
    sealed = {"key_id": DESTROYED, "identity": "AAAA"}
    store.take_in([came(1), came(2, sealed=sealed)], at())
    before = waiting(store.engine)
    refusals: list[tuple[str, Command, Any, int | None]] = [
        (event_id(1), command("acknowledge"), SISTER_CLERK, 404),
        (event_id(9), command("acknowledge"), CLERK, 404),
        (event_id(1), command("accept"), CLERK, 403),
        (event_id(1), command("acknowledge", 2), CLERK, 409),
        (event_id(2), command("note", note="x"), CLERK, None),
    ]
    for which, what, by, status in refusals:
        with pytest.raises(ArrivalsError) as refusal:
            store.act(which, what, by, at(1))
        assert getattr(refusal.value, "status", None) == status
    assert (waiting(store.engine), trail.verify(store.engine).lines) == (before, 0)
    assert {duty.version for duty in store.find([event_id(1), event_id(2)]).values()} == {1}


def test_a_foreign_arrival_answers_like_none(store: DeskStore) -> None:
    store.take_in([came(1)], at())
    answers = set()
    for which in (event_id(1), event_id(77)):
        with pytest.raises(Refused) as refusal:
            store.act(which, command("acknowledge"), SISTER_CLERK, at(1))
        answers.add((refusal.value.status, refusal.value.code, str(refusal.value)))
    assert len(answers) == 1


def test_of_many_clerks_who_act_at_once_one_wins_each_time(store: DeskStore) -> None:
    store.take_in([came(1), came(2)], at())
    store.act(event_id(2), command("transfer", to=SISTER), CLERK, at(1))
    tries = [
        (event_id(1), [(CLERK, command("acknowledge")), (COUNTY_DESK, command("decline", reason="other"))]),
        (event_id(2), [(SISTER_CLERK, command("accept", 2)), (CLERK, command("withdraw", 2))]),
    ]
    gate = threading.Barrier(8)

    def compete(number: int, which: str, who_and_what: Any) -> str:
        gate.wait()
        by, what = who_and_what[number % 2]
        try:
            return store.act(which, what, by, at(2)).changed_by
        except Conflict as conflict:
            return f"409 {conflict.duty.version}"
        except Refused as refused:
            return str(refused.status)

    for which, both in tries:
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda n: compete(n, which, both), range(8)))  # noqa: B023
        version = store.find([which])[which].version
        assert sum(not answer.startswith("4") for answer in answers) == 1
        assert set(answers) <= {CLERK.subject, COUNTY_DESK.subject, SISTER_CLERK.subject, f"409 {version}", "404"}
    assert trail.verify(store.engine) == trail.Verdict(3)


def test_three_hundred_at_once(store: DeskStore) -> None:
    numbers = range(1, 301)
    store.take_in([came(n) for n in numbers], at())
    acts = [(event_id(n), command("acknowledge", 2 if n == 7 else 1)) for n in numbers] + [
        (event_id(999), command("acknowledge"))
    ]
    began = time.perf_counter()
    answers = store.act_on_many(acts, CLERK, at(1))
    print(f"300 acts in {time.perf_counter() - began:.2f} s")
    wrong = [answer for answer in answers if answer.error]
    assert [(a.event_id, getattr(a.error, "status", 0)) for a in wrong] == [(event_id(7), 409), (event_id(999), 404)]
    assert Counter(duty.state for duty in store.find(event_id(n) for n in numbers).values()) == {
        "acknowledged": 299,
        "pending": 1,
    }
    assert trail.verify(store.engine).lines == 299


def test_deadlines_pass_by_themselves_once(store: DeskStore) -> None:
    store.take_in([came(1), came(2, risk="low", decision="admit"), came(3, COUNTY)], at())
    assert store.tick(at(14)) == 0
    assert store.tick(at(16)) == 2
    assert store.tick(at(31)) == 2
    assert store.tick(at(31)) == 0
    assert sorted(listed(store, COUNTY, "overdue", 31)) == [1, 3]
    assert (listed(store, TOWN, "escalated"), listed(store, CITY, "escalated")) == ([1], [3])
    assert lists.counts(store.engine, COUNTY, at(31).now) | {"pending": 3, "open": 3, "overdue": 2} == lists.counts(
        store.engine, COUNTY, at(31).now
    )
    broker = Broker()
    publish(store, broker)
    assert Counter(action.action for action in broker.actions()) == {"assigned": 3, "reminded": 2, "escalated": 2}
    assert trail.verify(store.engine).lines == 0


def test_a_fever_reaches_the_health_desk(store: DeskStore) -> None:
    store.take_in([came(1)], at())
    for number, action in enumerate(("acknowledge", "register", "observe"), 1):
        store.act(event_id(1), command(action, number), CLERK, at(number))
    store.act(event_id(1), command("temperature", 4, temperature_c=38.4), CLERK, at(5))
    assert listed(store, "411426-health", "alert") == [1]
    assert listed(store, "411481-health", "alert") == []
    assert lists.counts(store.engine, "4114-health", at(5).now)["alert"] == 1
    store.act(event_id(1), command("acknowledge", 5), HEALTH_DESK, at(6))
    assert listed(store, "411426-health", "alert") == []
    broker = Broker()
    publish(store, broker)
    [alert] = [ALERT.validate_json(r.value or b"") for r in broker.records if r.topic == "p.alerts"]
    assert (alert.rule, alert.temperature_c, alert.unit) == ("observation-fever", 38.4, VILLAGE)


def test_an_offer_is_on_the_other_units_list_and_others_see_who_has_the_person(store: DeskStore) -> None:
    store.take_in([came(1), came(2, SISTER)], at())  # the same person, scanned twice
    store.act(event_id(1), command("transfer", to=FAR), CLERK, at(1))
    assert (listed(store, FAR, "offered"), listed(store, VILLAGE, "pending")) == ([1], [1])
    assert listed(store, "411426101", "offered") == [1]
    duties = list(store.find([event_id(1)]).values())
    assert [other.unit for other in lists.others_of(store.engine, duties)[event_id(1)]] == [SISTER]


def test_the_outbox_is_emptied_in_order_and_only_behind_the_broker(store: DeskStore) -> None:
    broker = Broker()
    broker.away = True
    store.take_in([came(n) for n in range(1, 6)], at())
    store.act(event_id(3), command("acknowledge"), CLERK, at(1))
    with pytest.raises(Unavailable):
        publish(store, broker)
    assert waiting(store.engine) == 6
    broker.away = False
    assert (publish(store, broker), publish(store, broker), waiting(store.engine)) == (6, 0, 0)
    order = [(int(a.event_id[-2:], 16), a.duty_version) for a in broker.actions()]
    assert order == [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (3, 2)]


@pytest.mark.parametrize("what", ["UPDATE audit_trail SET actor = 'x' WHERE line = 2", "DELETE FROM audit_trail WHERE line = 3"])
def test_the_database_refuses_to_change_the_trail(store: DeskStore, what: str) -> None:
    fill(store)
    with pytest.raises(DBAPIError, match="append-only"), writing(store.engine) as connection:
        connection.execute(text(what))
    assert trail.verify(store.engine) == trail.Verdict(4)


def fill(store: DeskStore) -> dict[int, str]:
    """Four lines, and their hashes."""
    store.take_in([came(n) for n in range(1, 4)], at())
    for number in range(1, 4):
        store.act(event_id(number), command("acknowledge"), CLERK, at(number))
    store.reveal(store.find([event_id(1)])[event_id(1)], "call", CLERK, at(9).now)
    return {line["line"]: line["hash"] for line in trail.newest(store.engine, 9)}


@pytest.mark.parametrize(
    ("what", "line", "problem"),
    [
        ("UPDATE audit_trail SET actor = 'x' WHERE line = 2", 2, "changed"),
        ("UPDATE audit_trail SET detail = '{}' WHERE line = 4", 4, "changed"),
        ("DELETE FROM audit_trail WHERE line = 3", 3, "missing"),
        ("DELETE FROM audit_trail WHERE line = 4", 4, "missing at the end"),
    ],
)
def test_a_trail_that_was_tampered_with_is_found_out(store: DeskStore, what: str, line: int, problem: str) -> None:
    fill(store)
    tamper(store, what)
    verdict = trail.verify(store.engine)
    assert verdict.wrong_line == line
    assert problem in verdict.problem


def test_a_trail_that_was_written_anew_is_found_out_by_what_was_published(store: DeskStore) -> None:
    anchors = fill(store)
    assert trail.verify(store.engine, anchors) == trail.Verdict(4)
    tamper(store, "DELETE FROM audit_trail WHERE line > 2", f"UPDATE trail_head SET line = 2, hash = '{anchors[2]}'")
    assert trail.verify(store.engine) == trail.Verdict(2)
    assert trail.verify(store.engine, anchors).wrong_line == 3


def tamper(store: DeskStore, *statements: str) -> None:
    """What somebody with all rights on the database may do."""
    sqlite = store.engine.dialect.name == "sqlite"
    off = ["DROP TRIGGER audit_trail_no_update", "DROP TRIGGER audit_trail_no_delete"]
    with writing(store.engine) as connection:
        for statement in [*(off if sqlite else ["DROP TRIGGER audit_trail_append_only ON audit_trail"]), *statements]:
            connection.execute(text(statement))


def test_random_hands_leave_each_open_arrival_in_one_list_of_one_unit(store: DeskStore) -> None:
    chance = random.Random(11)
    units = (VILLAGE, SISTER, FAR, TOWN, COUNTY, CITY)
    people = [*(who("unit", unit) for unit in (VILLAGE, SISTER, FAR, CITY)), COUNTY_DESK]
    numbers = range(1, 13)
    store.take_in([came(n, chance.choice(units), person=_person(n)) for n in numbers], at())
    broker = Broker()
    for turn in range(90):
        minutes = float(turn * 2)
        if turn % 10 == 9:
            store.tick(at(minutes))
            again = came(chance.choice(numbers), chance.choice(units), revision=42 + turn, person=_person(1))
            store.take_in([again], at(minutes))
            publish(store, broker)
        which = event_id(chance.choice(numbers))
        version = store.find([which])[which].version - (chance.random() < 0.1)
        what = chance.choice(
            ("acknowledge", "accept", "withdraw", "register", "observe", "undo", "decline", "transfer", "release")
        )
        fields = {"decline": {"reason": "other"}, "transfer": {"to": chance.choice(units)}, "release": {"reason": "left_city"}}
        try:
            store.act(which, command(what, max(1, version), **fields.get(what, {})), chance.choice(people), at(minutes))
        except Refused:
            continue
    publish(store, broker)
    places = Counter(n for unit in units for state in STATES[:-1] for n in exactly(store, unit, state))
    with reading(store.engine) as connection:
        states = dict(connection.execute(select(DUTIES.c.event_id, DUTIES.c.state)).all())
    assert places == Counter({which: 1 for which, state in states.items() if state != "released"})
    last = {action.event_id: (action.unit, action.state) for action in broker.actions()}
    assert last == {duty.event_id: (duty.unit, duty.state) for duty in store.find(event_id(n) for n in numbers).values()}
    anchors = trail.anchors_of((action.trail_line, action.trail_hash or "") for action in broker.actions())
    verdict = trail.verify(store.engine, anchors)
    assert (verdict.problem, verdict.lines) == ("", len(anchors))


def _person(number: int) -> dict[str, Any]:
    return came(1).person.model_dump() | {"key": f"{number:032x}"}


def exactly(store: DeskStore, unit: str, state: str) -> list[str]:
    """The arrivals on the list of this unit itself, without the units below."""
    found = lists.page(store.engine, unit, lists.Asked(state, 200), START + timedelta(days=1))
    return [duty.event_id for duty in found if duty.unit == unit]


def test_a_database_that_is_away_is_unavailable(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, desk_url="postgresql+psycopg://nobody@127.0.0.1:1/none")
    engine = make_engine(settings)
    with pytest.raises(Unavailable), reading(engine):
        pass
    with pytest.raises(Misconfigured):
        make_engine(load_settings(data_dir=tmp_path, desk_url="mysql://x"))
    with pytest.raises(ZeroDivisionError), desk_errors():
        _ = 1 / 0
    engine.dispose()


def test_desks_that_take_in_the_same_arrivals_at_once_make_one_duty_each(store: DeskStore) -> None:
    arrivals = [came(n) for n in range(1, 31)]

    def take_in(_: int) -> int:
        for _ in range(20):
            try:
                return store.take_in(arrivals, at())
            except Unavailable:
                continue
        raise AssertionError("never taken in")

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(take_in, range(4)))
    assert sum(made) == 30
    assert waiting(store.engine) == len(listed(store, VILLAGE, "pending")) == 30


def test_lines_cannot_fork(store: DeskStore) -> None:
    store.take_in([came(n) for n in range(1, 41)], at())
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: store.act(event_id(n), command("acknowledge"), CLERK, at(1)), range(1, 41)))
    assert trail.verify(store.engine) == trail.Verdict(40)
    with reading(store.engine) as connection:
        assert connection.execute(select(AUDIT_TRAIL.c.line).order_by(AUDIT_TRAIL.c.line)).scalars().all() == list(range(1, 41))
