"""What streams tell of duties: a move from one unit to another (to both), and a new task (to whoever has the person). Pure.

The topic `unit-actions` says it, so whoever is told finds it in the list already. A position counts the partitions of that topic
from `ACTIONS` on, beside those of `arrivals`; these are events of the same stream with the same `Last-Event-ID`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from reference.snapshot import Snapshot
from schemas.visibility import CITY, HEALTH
from serving.arrival_json import plain_value
from serving.names import place_name
from serving.positions import ACTIONS, Position, of_actions

_FIELDS = ("event_id", "duty_version", "action", "unit", "unit_before", "state", "risk", "recorded_at", "due_at")
#: One of them is in every record that is told; looked for before anything is parsed.
_MARKS = (b'"unit_before":"', b'"action":"traced"')
_COUNTY, _TOWNSHIP, _VILLAGE = 6, 9, 12


def move_of(value: bytes | None) -> dict[str, Any] | None:
    """The move or task in a record of `unit-actions`; None for every other change. Raises ValueError, KeyError for no record."""
    if value is None or not any(mark in value for mark in _MARKS):
        return None
    record = orjson.loads(value)
    return {name: record[name] for name in _FIELDS}


def event_name(move: Mapping[str, Any]) -> str:
    """What the stream calls it."""
    return "moved" if move["unit_before"] else "task"


def units_told(move: Mapping[str, Any]) -> frozenset[str]:
    """Every unit whose stream tells it: who has the duty, who had it, and those above them; of high risk, as every contact of a
    case is, the health desks of their counties and of the city as well."""
    told = _chain(move["unit"]) | (_chain(move["unit_before"]) if move["unit_before"] else frozenset())
    if move["risk"] != "high":
        return told
    return told | {f"{area}{HEALTH}" for area in {CITY, *told} if area.isdigit() and len(area) <= _COUNTY}


def told_move(move: Mapping[str, Any], snapshot: Snapshot) -> dict[str, Any]:
    """The JSON of it, the same from the topic and from the database."""
    told = {name: plain_value(move[name]) for name in _FIELDS} | {"unit_before": move["unit_before"] or None}
    return told | {f"{name}_name": place_name(snapshot, move[name] or "") or None for name in ("unit", "unit_before")}


def moves_sql(unit: str, after: Position, until: Position, limit: int) -> tuple[str, dict[str, Any]]:
    """The SQL of a unit's moves and tasks with an offset after one position and up to another, in the order of the topic."""
    here, there = of_actions(after), of_actions(until)
    ranges = [
        f"(kafka_partition = {p} AND kafka_offset > {here.get(p, -1)} AND kafka_offset <= {last})"
        for p, last in sorted(there.items())
        if last > here.get(p, -1)
    ]
    area = unit.removesuffix(HEALTH)
    deep = area.isdigit() and (len(area) >= _COUNTY or area != unit)
    whose = "startsWith({}, %(unit)s)" if deep else "{} = %(unit)s"
    which = " AND risk = 'high'" if area != unit else ""
    sql = (
        f"SELECT kafka_partition + {ACTIONS} AS partition, kafka_offset, {', '.join(_FIELDS)}\nFROM unit_actions\n"
        f"WHERE (unit_before != '' OR action = 'traced'){which}"
        f" AND ({whose.format('unit')} OR {whose.format('unit_before')}) AND ({' OR '.join(ranges) or '0'})\n"
        "ORDER BY kafka_partition, kafka_offset\nLIMIT 1 BY event_id, duty_version\nLIMIT %(limit)s"
    )
    return sql, {"unit": area, "limit": limit}


def _chain(unit: str) -> frozenset[str]:
    base = unit.partition("-")[0]
    return frozenset({unit} | {base[:size] for size in (_COUNTY, _TOWNSHIP, _VILLAGE) if len(base) >= size})
