"""Keeps duties: takes arrivals in, carries acts out, lets time pass. Blocking; one call is one transaction.

Guarantee: a change is kept together with its event in the outbox, its line in the audit trail and its note, or not at all. Of two
who act on the same version one wins, in one process or in many. The same arrival or request twice changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, bindparam, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from arrivals.runtime.desk_engine import reading, writing
from schemas.arrival import Arrival
from schemas.base import format_instant
from schemas.errors import ArrivalsError, Refused, Rejected, Unavailable
from serving.access import Principal
from serving.desk import trail
from serving.desk.lists import held_by
from serving.desk.tables import DUTIES, NOTES, OUTBOX, milliseconds, row_of
from serving.duties.acts import act
from serving.duties.changes import Change, Conflict, alert_of, event_of
from serving.duties.commands import Command, Register
from serving.duties.duty import DUTY, Duty
from serving.duties.happenings import inherited, take_in, ticks
from serving.duties.rights import parts
from serving.duties.situation import Situation
from serving.duties.tracing import Tied, Traced, TraceOrder, trace

#: Seals a note: text, event id, key id -> sealed text. Raises Rejected when there is no key any more.
SealNote = Callable[[str, str, str], str]
MOST_TICKS = 500
_UNHASHED = {"trail_line", "trail_hash", "version"}


@dataclass(frozen=True, slots=True)
class Acted:
    """The answer to one of many acts: the duty as it is now, and what went wrong, if anything did."""

    event_id: str
    duty: Duty | None
    error: ArrivalsError | None = None


def no_notes(_text: str, _event_id: str, _key_id: str) -> str:
    """What a part without keys does with notes."""
    raise Rejected("notes_unsealed", "Notes cannot be sealed here.")


class DeskStore:
    """The duties of one installation. Thread-safe, like the engine below it."""

    def __init__(self, engine: Engine, seal_note: SealNote = no_notes) -> None:
        self.engine = engine
        self._seal_note = seal_note

    def take_in(self, arrivals: Sequence[Arrival], now: Situation) -> int:
        """Makes and changes the duties of arrivals, in their order; how many changes that were. Raises Unavailable."""
        try:
            with writing(self.engine) as connection:
                duties = _locked(connection, _among({arrival.event_id for arrival in arrivals}))
                changes = []
                for arrival in arrivals:
                    change = take_in(duties.get(arrival.event_id), arrival, now)
                    if change is not None:
                        duties[arrival.event_id] = change.after
                        changes.append(change)
                self._keep(connection, changes, None, proven=False)
                return len(changes)
        except IntegrityError:
            raise Unavailable("desk_race", "Another desk has just taken these arrivals in.", 1) from None

    def act(self, event_id: str, command: Command, who: Principal, now: Situation) -> Duty:
        """Carries one act out; the duty afterwards. Raises Refused (404, 403), Conflict (409), Rejected, Unavailable."""
        acted = self.act_on_many([(event_id, command)], who, now)[0]
        if acted.error is not None:
            raise acted.error
        assert acted.duty is not None  # noqa: S101
        return acted.duty

    def act_on_many(self, acts: Sequence[tuple[str, Command]], who: Principal, now: Situation) -> list[Acted]:
        """Carries acts out, each by itself: one that is refused does not hold up the others. Raises Unavailable for all."""
        with writing(self.engine) as connection:
            duties = _locked(connection, _among({event_id for event_id, _ in acts}))
            answers, changes = [], []
            for event_id, command in acts:
                try:
                    _require_proxy(connection, command, who, now)
                    change = self._try(duties.get(event_id), command, who, now)
                except (Refused, Rejected) as error:
                    answers.append(Acted(event_id, error.duty if isinstance(error, Conflict) else None, error))
                    continue
                if change is not None:
                    duties[event_id] = change.after
                    changes.append(change)
                answers.append(Acted(event_id, duties[event_id]))
            self._keep(connection, changes, who)
        return answers

    def tick(self, now: Situation) -> int:
        """Lets everything happen that is due, at most 500 duties; how many changes that were. Raises Unavailable.

        Duties of units that ended go first, so that a deadline is that of somebody who can meet it.
        """
        due = DUTIES.c.tick_ms <= milliseconds(now.now)
        with writing(self.engine) as connection:
            moved = [change for duty in _left_behind(connection, now) if (change := inherited(duty, now)) is not None]
            self._keep(connection, moved, None)
            passed = [change for duty in _some(connection, due) for change in ticks(duty, now)]
            self._keep(connection, passed, None, proven=False)
        return len(moved) + len(passed)

    def trace(self, order: TraceOrder, ties: Sequence[Tied], who: Principal, now: Situation) -> list[Traced]:
        """Makes tasks of the ties to a case, one for every person, in their order: what became of each. Raises Unavailable.

        The trail has a line for every task, and one for the order itself.
        """
        keys = {tied.person_key for tied in ties}
        with writing(self.engine) as connection:
            people: dict[str, list[Duty]] = {}
            for duty in _locked(connection, DUTIES.c.person_key.in_(keys)).values():
                people.setdefault(duty.facts.person_key, []).append(duty)
            found = [(tied, *trace(people.get(tied.person_key, ()), tied.event_id, tied.contact, who.role, now)) for tied in ties]
            self._keep(connection, [change for *_, change in found if change is not None], who)
            counted: dict[str, int] = Counter(outcome for _, outcome, _, _ in found)
            detail: dict[str, Any] = {"reason": order.finding, "ties": list(order.strengths), "found": len(ties)} | counted
            trail.append(connection, [_line("trace", order.case, detail, who, now.now)])
        return [Traced(tied, outcome, change.after if change else duty) for tied, outcome, duty, change in found]

    def find(self, event_ids: Iterable[str]) -> dict[str, Duty]:
        """The duties of these arrivals, by event id; those there are none of are left out."""
        wanted = list(event_ids)
        with reading(self.engine) as connection:
            rows = connection.execute(select(DUTIES.c.body).where(DUTIES.c.event_id.in_(wanted)))
            return {duty.event_id: duty for duty in (DUTY.validate_json(body) for (body,) in rows)}

    def reveal(self, duty: Duty, reason: str, who: Principal, at: datetime) -> int:
        """Notes in the trail that somebody reads who the person is; the line. Nothing may be shown before this returns."""
        return self.looked("reveal", duty.event_id, {"reason": reason, "unit": duty.unit}, who, at)

    def looked(self, kind: trail.Kind, event_id: str, detail: Mapping[str, Any], who: Principal, at: datetime) -> int:
        """Notes in the trail what somebody is about to be shown; the line. Raises Unavailable, and then nothing may be shown."""
        with writing(self.engine) as connection:
            return trail.append(connection, [_line(kind, event_id, detail, who, at)])[0][0]

    def notes(self, event_id: str) -> list[dict[str, Any]]:
        """The sealed notes of an arrival, oldest first."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(NOTES).where(NOTES.c.event_id == event_id).order_by(NOTES.c.version)).mappings()
            return [{str(name): value for name, value in row.items()} for row in rows]

    def _try(self, duty: Duty | None, command: Command, who: Principal, now: Situation) -> Change | None:
        if duty is None:
            raise Refused("not_found", "There is nothing here.", 404)
        change = act(duty, command, who, now)
        if change is not None and change.note is not None:
            self._seal_note(change.note, duty.event_id, duty.facts.key_id)  # refused here, before anything is kept
        return change

    def _keep(self, connection: Connection, changes: Sequence[Change], who: Principal | None, *, proven: bool = True) -> None:
        """Keeps changes; those that are `proven` with a line of the trail: what people do, and what takes a duty from a unit that
        ended.
        """
        if not changes:
            return
        none: list[tuple[int | None, str | None]] = [(None, None)] * len(changes)
        lines = trail.append(connection, [_entry(change, who) for change in changes]) if proven else none
        records = []
        for change, (line, hashed) in zip(changes, lines, strict=True):
            event_id = change.after.event_id
            records.append(_record("unit-actions", event_id, event_of(change, line, hashed).model_dump_json()))
            alert = alert_of(change)
            if alert is not None:
                records.append(_record("alerts", alert.unit, alert.model_dump_json()))
            if change.note is not None and who is not None:
                connection.execute(insert(NOTES), self._note(change, change.note, who))
        connection.execute(insert(OUTBOX), records)
        _write(connection, changes)

    def _note(self, change: Change, note: str, who: Principal) -> dict[str, Any]:
        duty = change.after
        return {
            "event_id": duty.event_id,
            "version": duty.version,
            "author": who.subject,
            "unit": who.scope,
            "written_at": format_instant(duty.changed_at),
            "key_id": duty.facts.key_id,
            "sealed": self._seal_note(note, duty.event_id, duty.facts.key_id),
        }


def _among(event_ids: Iterable[str]) -> ColumnElement[bool]:
    return DUTIES.c.event_id.in_(sorted(event_ids))


def _left_behind(connection: Connection, now: Situation) -> list[Duty]:
    """Open duties of units that ended, at most 500."""
    ended, still_open = now.ended(), DUTIES.c.state != "released"
    if not ended:
        return []
    below = select(DUTIES.c.unit).distinct().where(still_open, or_(*(held_by(unit) for unit in ended)))
    gone = [unit for (unit,) in connection.execute(below) if now.standing(unit) != unit]
    return _some(connection, and_(still_open, DUTIES.c.unit.in_(gone))) if gone else []


def _some(connection: Connection, wanted: ColumnElement[bool]) -> list[Duty]:
    """At most 500 duties, those that wait longest first, locked; what another desk has just locked is left to it."""
    statement = select(DUTIES.c.body).where(wanted).order_by(DUTIES.c.tick_ms, DUTIES.c.event_id).limit(MOST_TICKS)
    return [DUTY.validate_json(body) for (body,) in connection.execute(statement.with_for_update(skip_locked=True))]


def _locked(connection: Connection, wanted: ColumnElement[bool]) -> dict[str, Duty]:
    """The wanted duties, locked in an order that is the same for everybody."""
    statement = select(DUTIES.c.body).where(wanted).order_by(DUTIES.c.event_id)
    duties = (DUTY.validate_json(body) for (body,) in connection.execute(statement.with_for_update()))
    return {duty.event_id: duty for duty in duties}


def _require_proxy(connection: Connection, command: Command, who: Principal, now: Situation) -> None:
    """Raises Refused unless whoever is to answer for a household is an arrival in the same hands."""
    if isinstance(command, Register) and command.proxy is not None:
        body = connection.execute(select(DUTIES.c.body).where(DUTIES.c.event_id == command.proxy)).scalar_one_or_none()
        if body is None or "holder" not in parts(who, DUTY.validate_json(body), now.now):
            raise Refused("proxy_unknown", "There is no such arrival in your hands.", 400)


def _write(connection: Connection, changes: Sequence[Change]) -> None:
    """Writes the last state of every changed duty: new ones are inserted, others replaced."""
    first: dict[str, Change] = {}
    last: dict[str, Duty] = {}
    for change in changes:
        first.setdefault(change.after.event_id, change)
        last[change.after.event_id] = change.after
    fresh = [row_of(last[event_id]) for event_id, change in first.items() if change.before is None]
    if fresh:
        connection.execute(insert(DUTIES), fresh)
    known = [row_of(last[event_id]) | {"this": event_id} for event_id, change in first.items() if change.before is not None]
    if known:
        connection.execute(update(DUTIES).where(DUTIES.c.event_id == bindparam("this")), known)


def _line(kind: trail.Kind, event_id: str, detail: Mapping[str, Any], who: Principal, at: datetime) -> trail.Entry:
    return trail.Entry(format_instant(at), who.subject, who.role, who.scope, kind, event_id, detail)


def _entry(change: Change, who: Principal | None) -> trail.Entry:
    event = event_of(change)
    detail = event.model_dump(mode="json", exclude_none=True, exclude=_UNHASHED) | change.proof
    role, scope = (who.role, who.scope) if who else ("", "")
    return trail.Entry(format_instant(event.recorded_at), event.actor, role, scope, "act", event.event_id, detail)


def _record(topic: str, key: str, value: str) -> Mapping[str, Any]:
    return {"topic": topic, "key": key, "value": value.encode()}
