"""Fills a desk with the duties of stored arrivals: what the real machine made of a history, with the facts of each arrival in it.

By age, a history is: nothing done yet (a third of the last two days, a twentieth of the last fourteen), acknowledged, registered,
under observation with its reports, given back, offered to another unit, a contact of a case; after fourteen days released, but
for one in a hundred. A village that fell behind has done nothing for fourteen days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from clickhouse_driver import Client
from sqlalchemy import Engine, insert

from arrivals.runtime.desk_engine import writing
from reference.snapshot import Snapshot
from schemas.arrival import ARRIVAL
from schemas.base import LOCAL, format_instant
from serving.access import Principal
from serving.desk import trail
from serving.desk.tables import DUTIES, row_of
from serving.duties.acts import act
from serving.duties.commands import COMMAND
from serving.duties.duty import CaseContact, Duty
from serving.duties.happenings import take_in, ticks
from serving.duties.situation import Situation, situation
from serving.duties.tracing import trace

_OBSERVED_DAYS, _CHUNK = 14, 20_000
#: One duty in so many has lines in the audit trail.
_TRAILED = 5
#: Histories: what is done one after the other, so many minutes after receipt; the first word names it.
_DONE: Mapping[str, tuple[tuple[int, Mapping[str, Any]], ...]] = {
    "pending": (),
    "acknowledged": ((20, {"action": "acknowledge"}),),
    "registered": ((20, {"action": "acknowledge"}), (200, {"action": "register"})),
    "observing": (
        *((20, {"action": "acknowledge"}), (200, {"action": "register"}), (210, {"action": "observe"})),
        *((300 + 720 * half, {"action": "temperature", "temperature_c": 36.4}) for half in range(27)),
    ),
    "fever": (
        *((20, {"action": "acknowledge"}), (200, {"action": "register"}), (210, {"action": "observe"})),
        (300, {"action": "temperature", "temperature_c": 38.1}),
    ),
    "offered": ((20, {"action": "acknowledge"}), (-5, {"action": "transfer"})),
    "declined": ((20, {"action": "decline", "reason": "not_here"}),),
    "contact": ((20, {"action": "acknowledge"}), (200, {"action": "register"})),
    "released": (
        *((20, {"action": "acknowledge"}), (200, {"action": "register"}), (210, {"action": "observe"})),
        (60 * 24 * 14 + 300, {"action": "release", "reason": "completed"}),
    ),
}
#: Hundredths of each history within two days, within fourteen, and after them.
_SHARES: tuple[Mapping[str, int], ...] = (
    {"pending": 33, "acknowledged": 32, "registered": 20, "observing": 10, "offered": 2, "declined": 2, "contact": 1},
    {"pending": 5, "acknowledged": 10, "registered": 42, "observing": 38, "fever": 1, "offered": 1, "declined": 1, "contact": 2},
    {"released": 99, "observing": 1},
)
_COLUMNS = "toString(event_id), unit, risk, decision, received_at, arrived_on, site_id, site_county, person_key, party_id, key_id"


@dataclass
class DeskFilling:
    """Makes duties. `behind` is the village in which nothing was done; `arrival` a record of the right shape."""

    snapshot: Snapshot
    now: datetime
    behind: str
    arrival: dict[str, Any]

    def __post_init__(self) -> None:
        self._made: dict[tuple[str, int, str], Duty] = {}
        self._villages = [area.code for area in self.snapshot.gazetteer.below("4114", "village")]

    def fill(self, client: Client, engine: Engine, tell: Callable[[str], None]) -> None:
        """A duty for every arrival, in the order of receipt."""
        done, rows = 0, iter(client.execute_iter(f"SELECT {_COLUMNS} FROM v_arrivals ORDER BY received_at", chunk_size=_CHUNK))
        for chunk in iter(lambda: list(islice(_flat(rows), _CHUNK)), []):
            duties = [self._duty(done + number, row) for number, row in enumerate(chunk)]
            with writing(engine) as connection:
                connection.execute(insert(DUTIES), [row_of(duty) for duty in duties])
                trail.append(connection, [line for duty in duties[::_TRAILED] for line in _lines(duty)])
            done += len(chunk)
            if done % 200_000 == 0:
                tell(f"{done:,} duties")

    def _duty(self, number: int, row: tuple[Any, ...]) -> Duty:
        event_id, unit, risk, decision, received, arrived_on, site_id, site_county, person_key, party_id, key_id = row
        age = (self.now - received).total_seconds() / 86_400
        history = "pending" if unit == self.behind and age <= _OBSERVED_DAYS else _history(number, age)
        model = self._model(history, int(age), risk)
        facts = model.facts.model_copy(
            update={
                **{"routed_unit": unit, "risk": risk, "decision": decision, "received_at": received, "arrived_on": arrived_on},
                **{
                    "site_id": site_id,
                    "site_county": site_county,
                    "person_key": person_key,
                    "party_id": party_id,
                    "key_id": key_id,
                },
            }
        )
        places: dict[str, Any] = {"unit": unit}
        if model.escalated_to:
            places["escalated_to"] = self.snapshot.parent(unit)
        if model.offer:
            places["offer"] = model.offer.model_copy(update={"to": self._villages[number % len(self._villages)]})
        if model.declined:
            places |= {"unit": unit[:6], "declined": model.declined.model_copy(update={"by": unit})}
        return model.model_copy(update={"event_id": event_id, "facts": facts, **places})

    def _model(self, history: str, age: int, risk: str) -> Duty:
        """What the machine made of a history of so many days."""
        key = history, age, risk
        if key not in self._made:
            self._made[key] = self._machine(history, self.now - timedelta(days=age, minutes=30), risk)
        return self._made[key]

    def _machine(self, history: str, received: datetime, risk: str) -> Duty:
        home = self._villages[0]
        at = {name: format_instant(received) for name in ("occurred_at", "received_at", "recorded_at")}
        record = self.arrival | at | {"unit": home, "county_code": home[:6], "unit_level": "village", "risk": risk}
        change = take_in(None, ARRIVAL.validate_python(record | {"decision": "observe", "symptoms": []}), self._at(received))
        assert change is not None
        duty, clerk = change.after, Principal("unit", f"unit:{home}", home, "0" * 64)
        for minutes, done in _DONE[history]:
            at_ms = received + timedelta(minutes=minutes) if minutes >= 0 else self.now + timedelta(minutes=minutes)
            if at_ms < self.now:
                to = {"to": self._villages[1]} if done["action"] == "transfer" else {}
                command = COMMAND.validate_python({**done, **to, "version": duty.version})
                changed = act(duty, command, clerk, self._at(at_ms))
                duty = changed.after if changed else duty
        if history == "contact":
            _, _, traced = trace([duty], duty.event_id, _contact(self.now), "county", self._at(self.now - timedelta(minutes=10)))
            duty = traced.after if traced else duty
        for changed in ticks(duty, self._at(self.now)):
            duty = changed.after
        return duty

    def _at(self, when: datetime) -> Situation:
        return situation(self.snapshot, when)


def _flat(rows: Iterator[Any]) -> Iterator[tuple[Any, ...]]:
    """`execute_iter` hands over chunks or rows, as the driver pleases."""
    for row in rows:
        if isinstance(row, list):
            yield from row
        else:
            yield row


def _history(number: int, age: float) -> str:
    shares = _SHARES[0 if age <= 2 else 1 if age <= _OBSERVED_DAYS else 2]
    place = number * 37 % 100
    for name, hundredths in shares.items():
        if place < hundredths:
            return name
        place -= hundredths
    raise AssertionError("the shares are no hundred")


def _contact(now: datetime) -> CaseContact:
    return CaseContact(
        case="01705656-c5a0-7001-8000-000000000001",
        finding="confirmed",
        strength="close",
        rule="train-rows",
        rule_row="train-rows/1",
        distance=2,
        text_zh="同一车厢前后三排以内",
        text_en="same coach, within three rows",
        source_zh="中国铁路12306",
        source_en="China Railway",
        at=now - timedelta(minutes=10),
        by="bench",
    )


def _lines(duty: Duty) -> list[trail.Entry]:
    at = format_instant(duty.changed_at.astimezone(LOCAL))
    detail = {"unit": duty.unit, "state": duty.state}
    return [trail.Entry(at, "unit:bench", "unit", duty.unit, "act", duty.event_id, {**detail, "n": n}) for n in range(3)]
