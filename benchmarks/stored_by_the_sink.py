"""Sends a sample of stored arrivals through the sink's check and insert into a second database, and compares what both hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from clickhouse_driver import Client

from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.settings import Settings
from schemas.arrival import ARRIVAL
from schemas.base import format_instant
from sinks.columns import Columns
from sinks.migrate import migrate
from sinks.tables import ARRIVALS
from sinks.writer import RangeWriter

#: What must agree: by table its order and its columns, without those that say when and from where a row came.
_COMPARED = {
    "arrival_versions": ("event_id", "* EXCEPT (stored_at, kafka_partition, kafka_offset)"),
    "arrivals_latest": ("event_id", "* EXCEPT stored_at"),
    "contact_keys": ("key, slot, event_id", "*"),
}


def compare(settings: Settings, client: Client, sample: int) -> str:
    """How many rows agree. Raises AssertionError where the engine's filling and the sink differ."""
    other = settings.model_copy(update={"clickhouse_database": f"{settings.clickhouse_database}_by_the_sink"})
    migrate(connect(settings, database=""), other.clickhouse_database)
    ids = client.execute("SELECT event_id FROM arrivals_latest ORDER BY sipHash64(event_id) LIMIT %(n)s", {"n": sample})
    wanted = {"ids": tuple(str(event_id) for (event_id,) in ids)}
    names = ", ".join(column.name for column in ARRIVALS.columns)
    rows = client.execute(f"SELECT {names} FROM arrival_versions WHERE event_id IN %(ids)s", wanted)
    records = [orjson.dumps(_record(dict(zip(names.split(", "), row, strict=True)))) for row in rows]
    for record in records:
        ARRIVAL.validate_json(record)  # what the router could have written
    batch = Columns(ARRIVALS).batch([(0, number, 0, record) for number, record in enumerate(records)])
    assert not batch.poison, batch.poison[0].detail
    RangeWriter(lambda: connect(other)).insert(ARRIVALS.inserts_into, batch, "sample")
    theirs, found = connect(other), []
    for table, (order, columns) in _COMPARED.items():
        sql = f"SELECT {columns} FROM {table} FINAL WHERE event_id IN %(ids)s ORDER BY {order}"
        one, two = client.execute(sql, wanted), theirs.execute(sql, wanted)
        assert one == two, (table, next(pair for pair in zip(one, two, strict=True) if pair[0] != pair[1]))
        found.append(f"{table} {len(one)}")
    theirs.disconnect()
    return f"the same rows: {', '.join(found)}"


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    """A stored row as the record it is decoded from."""
    made: dict[str, Any] = {"version": 1, "stays": [], "vehicle": None, "rail": None}
    for column in ARRIVALS.columns:
        parent, _, name = column.field.rpartition(".")
        if column.field.startswith("@") or parent.endswith("[]"):
            continue
        if (parent, row["vehicle_role" if parent == "vehicle" else "train"]) in (("vehicle", ""), ("rail", "")):
            continue
        place = made if not parent else (made.get(parent) or made.setdefault(parent, {}))
        if parent and made[parent] is None:
            place = made[parent] = {}
        place[name] = orjson.loads(row[column.name]) if column.json else _plain(row[column.name], optional=column.optional)
    return made


def _plain(value: Any, *, optional: bool) -> Any:
    if optional and value == "":
        return None
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, Decimal):
        return float(value)
    return str(value) if isinstance(value, UUID | date) else value
