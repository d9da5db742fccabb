"""The lists of a unit: its duties by state, what is overdue, what it is offered, what was escalated to it. Reading only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, case, func, or_, select, true, tuple_

from arrivals.runtime.desk_engine import reading
from reference.snapshot import CITY
from schemas.unit_action import STATES
from serving.access import HEALTH
from serving.desk.tables import DUTIES, milliseconds
from serving.duties.duty import COUNTY_DIGITS, DUTY, Duty
from serving.duties.households import Household, households

#: What may be asked for beside the states themselves. `alert`: what the health desk has not looked at; `contact`: contacts of
#: cases whose task was not acknowledged; `misrouted`: what units gave back and lies at the desk that has to find the right one.
LISTS = (*STATES, "open", "overdue", "offered", "escalated", "alert", "contact", "misrouted")
#: What a unit below is counted by.
PROGRESS = ("overdue", *STATES)
_D = DUTIES.c
_OPEN = STATES[:-1]
#: Spelled as the index of households is, which holds nobody else.
_OBSERVED = _D.answers.is_not(None)


@dataclass(frozen=True, slots=True)
class Asked:
    """One page of a unit's list: after which row (milliseconds of receipt and event id), how many, and only which risk."""

    name: str
    limit: int
    after: tuple[int, str] | None = None
    risk: str | None = None


def page(engine: Engine, unit: str, asked: Asked, now: datetime) -> list[Duty]:
    """The duties of a page, newest receipt first, and one more when another page follows."""
    where = [_in_list(unit, asked.name, milliseconds(now))]
    if asked.after:
        where.append(tuple_(_D.received_ms, _D.event_id) < tuple_(*asked.after))
    if asked.risk:
        where.append(_D.risk == asked.risk)
    newest = (_D.received_ms.desc(), _D.event_id.desc())
    # In two steps, so that only the rows of the page are read and the others are passed over in an index.
    found = select(_D.event_id).where(*where).order_by(*newest).limit(asked.limit + 1)
    statement = select(_D.body).where(_D.event_id.in_(found)).order_by(*newest)
    with reading(engine) as connection:
        return [DUTY.validate_json(body) for (body,) in connection.execute(statement)]


def counts(engine: Engine, unit: str, now: datetime) -> dict[str, int]:
    """How many duties are in each list of a unit."""
    late = and_(_D.late_ms.is_not(None), _D.late_ms <= milliseconds(now))
    asked = and_(_D.contact > 1, _D.state != "released")
    sums = [func.count(), *(func.sum(_one_if(condition)) for condition in (late, _D.health > 1, asked))]
    statement = select(_D.state, *sums).where(held_by(unit)).group_by(_D.state)
    found = dict.fromkeys(LISTS, 0)
    with reading(engine) as connection:
        for state, many, overdue, alerts, contacts in connection.execute(statement):
            found[state] = many
            found["overdue"] += int(overdue or 0)
            found["alert"] += int(alerts or 0)
            found["contact"] += int(contacts or 0)
        for name in ("offered", "escalated", "misrouted"):
            count = select(func.count()).where(_in_list(unit, name, milliseconds(now)))
            found[name] = connection.execute(count).scalar_one()
    found["open"] = sum(found[state] for state in _OPEN)
    return found


def progress(engine: Engine, unit: str, now: datetime) -> dict[str, dict[str, int]]:
    """By unit of the next level below (townships of a county, villages of a township): how many in each state and overdue."""
    deeper = {COUNTY_DIGITS: 9, 9: 12}.get(len(unit)) if unit.isdigit() else None
    if deeper is None:
        return {}
    late = and_(_D.late_ms.is_not(None), _D.late_ms <= milliseconds(now))
    below = func.substr(_D.unit, 1, deeper)
    statement = select(below, _D.state, func.count(), func.sum(_one_if(late))).where(held_by(unit)).group_by(below, _D.state)
    found: dict[str, dict[str, int]] = {}
    with reading(engine) as connection:
        for code, state, many, overdue in connection.execute(statement.order_by(below)):
            counted = found.setdefault(code, dict.fromkeys(PROGRESS, 0))
            counted[state] = many
            counted["overdue"] += int(overdue or 0)
    return found


def observed(engine: Engine, unit: str, now: datetime) -> tuple[int, int]:
    """How many people of a unit are under observation, and of how many the report of this half-day is missing."""
    statement = select(func.count(), func.sum(_one_if(_D.reported_ms <= milliseconds(now)))).where(held_by(unit), _OBSERVED)
    with reading(engine) as connection:
        people, missing = connection.execute(statement).one()
    return people, int(missing or 0)


def households_page(
    engine: Engine, unit: str, after: str | None, limit: int, now: datetime
) -> tuple[list[Household], str | None]:
    """The households after a place, those that still have to report first, and the place to go on from when there are more."""
    complete = case((func.max(_one_if(_D.reported_ms <= milliseconds(now))) == 0, 1), else_=0)
    heads = select(_D.answers).where(held_by(unit), _OBSERVED).group_by(_D.answers).order_by(complete, _D.answers)
    if after is not None:
        done, _, head = after.partition(".")
        heads = heads.having(tuple_(complete, _D.answers) > tuple_(int(done == "1"), head))
    with reading(engine) as connection:
        found = connection.execute(heads.limit(limit + 1)).scalars().all()
        members = select(_D.body).where(held_by(unit), _OBSERVED, _D.answers.in_(found[:limit]))
        newest = members.order_by(_D.received_ms.desc(), _D.event_id.desc())
        shown = households([DUTY.validate_json(body) for (body,) in connection.execute(newest)], now)
    return shown, shown[-1].place if len(found) > limit else None


def others_of(engine: Engine, duties: list[Duty]) -> dict[str, list[Duty]]:
    """By event id: the open duties other units have for the same person, so that nobody is telephoned four times."""
    keys = {duty.facts.person_key for duty in duties}
    statement = select(_D.body).where(_D.person_key.in_(keys), _D.state != "released")
    with reading(engine) as connection:
        found = [DUTY.validate_json(body) for (body,) in connection.execute(statement)]
    return {
        duty.event_id: [o for o in found if o.facts.person_key == duty.facts.person_key and o.unit != duty.unit]
        for duty in duties
    }


def held_by(unit: str) -> ColumnElement[bool]:
    """The duties on a unit's lists: its own and those of the units below it. The same rule as `serving.access.may_view`."""
    if unit.endswith(HEALTH):
        area = unit.removesuffix(HEALTH)
        here: ColumnElement[bool] = true() if area == CITY else or_(_D.county == area, _D.site_county == area)
        return and_(_D.health > 0, here)
    if not unit.isdigit():
        return _D.unit == unit
    if len(unit) <= COUNTY_DIGITS:
        return _D.county == unit
    return _within(_D.unit, unit)


def _in_list(unit: str, name: str, now_ms: int) -> ColumnElement[bool]:
    if name == "offered":
        return _below(_D.offer_to, unit)
    if name == "escalated":
        return _D.escalated_to == unit
    if name == "misrouted":
        return and_(_D.unit == unit, _D.declined_by.is_not(None), _D.state.in_(_OPEN))
    mine = held_by(unit)
    if name == "open":
        return and_(mine, _D.state.in_(_OPEN))
    if name == "overdue":
        return and_(mine, _D.late_ms <= now_ms)
    if name == "contact":
        return and_(mine, _D.contact > 1, _D.state.in_(_OPEN))
    return and_(mine, _D.health > 1) if name == "alert" else and_(mine, _D.state == name)


def _below(column: Any, unit: str) -> ColumnElement[bool]:
    """What is offered to a unit or to one below it; to the city's desk only what is offered to itself."""
    deep = unit.isdigit() and len(unit) >= COUNTY_DIGITS
    found: ColumnElement[bool] = _within(column, unit) if deep else column == unit
    return found


def _within(column: Any, unit: str) -> ColumnElement[bool]:
    """A unit and those below it, whose codes begin with its own. The bounds say the same once more in a form that an index
    answers: for LIKE neither SQLite nor a PostgreSQL with a language's order uses one."""
    return and_(column >= unit, column < str(int(unit) + 1), column.startswith(unit, autoescape=True))


def _one_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)
