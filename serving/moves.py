"""A duty that moved from one unit to another (transferred, given back, inherited, re-routed), as both streams tell it. Pure.

The topic `unit-actions` says it, so whoever is told of a move finds it in the list already. A position counts the partitions of
that topic from `ACTIONS` on, beside those of `arrivals`; a move is an event of the same stream with the same `Last-Event-ID`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from reference.snapshot import Snapshot
from serving.arrival_json import plain_value
from serving.names import place_name
from serving.positions import ACTIONS, Position, of_actions

_FIELDS = ("event_id", "duty_version", "action", "unit", "unit_before", "state", "risk", "recorded_at", "due_at")
#: In every record of a move, and in no other; looked for before anything is parsed.
_MARK = b'"unit_before":"'
_COUNTY, _TOWNSHIP, _VILLAGE = 6, 9, 12


def move_of(value: bytes | None) -> dict[str, Any] | None:
    """The move in a record of `unit-actions`; None for every other change. Raises ValueError or KeyError for what is none."""
    if value is None or _MARK not in value:
        return None
    record = orjson.loads(value)
    return {name: record[name] for name in _FIELDS}


def units_told(move: Mapping[str, Any]) -> frozenset[str]:
    """Every unit whose stream tells of a move: who has it now, who had it, and those above them. Health desks are not told."""
    return _chain(move["unit"]) | _chain(move["unit_before"])


def told_move(move: Mapping[str, Any], snapshot: Snapshot) -> dict[str, Any]:
    """The JSON of a move, the same from the topic and from the database."""
    told = {name: plain_value(move[name]) for name in _FIELDS}
    return told | {f"{name}_name": place_name(snapshot, move[name]) for name in ("unit", "unit_before")}


def moves_sql(unit: str, after: Position, until: Position, limit: int) -> tuple[str, dict[str, Any]]:
    """The SQL of a unit's moves with an offset after one position and up to another, in the order of the topic."""
    here, there = of_actions(after), of_actions(until)
    ranges = [
        f"(kafka_partition = {p} AND kafka_offset > {here.get(p, -1)} AND kafka_offset <= {last})"
        for p, last in sorted(there.items())
        if last > here.get(p, -1)
    ]
    deep = unit.isdigit() and len(unit) >= _COUNTY
    whose = "startsWith({}, %(unit)s)" if deep else "{} = %(unit)s"
    sql = (
        f"SELECT kafka_partition + {ACTIONS} AS partition, kafka_offset, {', '.join(_FIELDS)}\nFROM unit_actions\n"
        f"WHERE unit_before != '' AND ({' OR '.join(whose.format(name) for name in ('unit', 'unit_before'))})"
        f" AND ({' OR '.join(ranges) or '0'})\n"
        "ORDER BY kafka_partition, kafka_offset\nLIMIT 1 BY event_id, duty_version\nLIMIT %(limit)s"
    )
    return sql, {"unit": unit, "limit": limit}


def _chain(unit: str) -> frozenset[str]:
    base = unit.partition("-")[0]
    return frozenset({unit} | {base[:size] for size in (_COUNTY, _TOWNSHIP, _VILLAGE) if len(base) >= size})
