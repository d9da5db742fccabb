"""The arrivals as ClickHouse holds them, read back in the form they have on the topic, for deciding them again.

Reads only. One thread; a connection is made on first use. Raises Unavailable when the server is away, and may be asked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import orjson
from clickhouse_driver import Client

from arrivals.runtime.clickhouse_client import clickhouse_errors, connect
from arrivals.runtime.settings import Settings
from streams.affected import Reach

#: Arrivals handed over at a time.
CHUNK = 2_000
#: Beside what the topic has: whether any version of the arrival raised an alert.
ALERTED = "alerted"
_PERSON = {
    "key": "person_key", "name_masked": "name_masked", "document_type": "document_type", "document_last4": "document_last4",
    "birth_year": "birth_year", "phone_last4": "phone_last4", "nationality": "nationality",
}  # fmt: skip
_PLACE = {
    "status": "destination_status", "method": "destination_method", "county_code": "destination_county",
    "street_code": "destination_street", "village_code": "destination_village", "outside_code": "destination_outside",
    "mismatch": "destination_mismatch",
}  # fmt: skip
_VEHICLE = {"key": "vehicle_key", "region": "plate_region", "role": "vehicle_role", "seat": "vehicle_seat", "pass_id": "pass_id"}
_RAIL = {name: name for name in ("train", "train_pair", "coach", "seat", "from_station", "to_station")}
_SEALED = {"key_id": "key_id", "identity": "sealed_identity", "address": "sealed_address"}
_PLAIN = (
    "revision", "kind", "site_id", "site_county", "device_id", "origin_code", "origin_method", "origin_given",
    "destination_given", "unit", "unit_level", "county_code", "desk_reason", "risk", "decision",
    "decided_by", "purpose", "lodging", "party_id",
)  # fmt: skip
_LISTS = ("symptoms", "quality")
#: What is read in another form than it is stored in.
_READ_AS = {
    "event_id": "toString(event_id)",
    "occurred_at": "toString(occurred_at)",
    "received_at": "toString(received_at)",
    "temperature_c": "toFloat64(temperature_c)",
    "stay_from": "arrayMap(day -> toString(day), stay_from)",
    "stay_to": "arrayMap(day -> toString(day), stay_to)",
    "service_date": "toString(service_date)",
    "alerted": "event_id IN (SELECT event_id FROM alerts)",
}
_COLUMNS = tuple(
    dict.fromkeys((
        *_READ_AS, "stay_codes", "destination_candidates", "findings", *_PLAIN, *_LISTS, *_PERSON.values(), *_PLACE.values(),
        *_VEHICLE.values(), *_RAIL.values(), *_SEALED.values(),
    ))
)  # fmt: skip
_SELECT = ", ".join(f"{_READ_AS[name]} AS read_{name}" if name in _READ_AS else name for name in _COLUMNS)
_LATEST = (
    "SELECT {columns} FROM arrivals_latest FINAL WHERE revision < %(version)s AND {condition}"
    " SETTINGS do_not_merge_across_partitions_select_final = 1"
)


class StoredArrivals:
    """What the sink stored."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: dict[str, Client] = {}

    def position(self) -> dict[int, int]:
        """The last offset of `arrivals` that is stored, by partition."""
        newest = "SELECT argMax(topic_id, noted_at) FROM ingest_ranges WHERE topic = 'arrivals'"
        stored = f"topic = 'arrivals' AND done = 1 AND topic_id = ({newest})"
        sql = f"SELECT partition, max(last_offset) FROM ingest_ranges WHERE {stored} GROUP BY partition"
        return {int(partition): int(last) for partition, last in self._ask(sql)}

    def count(self, reach: Reach, version: int) -> int:
        """How many arrivals a row reaches whose latest version was decided before it."""
        condition, values = reach.sql()
        sql = _LATEST.format(columns="count()", condition=condition)
        return int(self._ask(sql, {**values, "version": version})[0][0])

    def select(self, reach: Reach, version: int, covered: Mapping[int, int]) -> Iterator[list[dict[str, Any]]]:
        """Those of them that lie up to the offsets `covered`, as they stand on the topic: in chunks, streamed, never all held."""
        condition, values = reach.sql()
        key = "toDate(received_at), event_id, revision"
        latest = _LATEST.format(columns=key, condition=condition)
        ranges = [f"(kafka_partition = {int(p)} AND kafka_offset <= {int(last)})" for p, last in covered.items() if last >= 0]
        where = " OR ".join(ranges) or "0"
        sql = f"SELECT {_SELECT} FROM arrival_versions WHERE ({where}) AND ({key}) IN ({latest}) LIMIT 1 BY event_id"
        with clickhouse_errors():
            rows = iter(
                self._client("rows").execute_iter(sql, {**values, "version": version}, settings={"max_block_size": CHUNK})
            )
            while chunk := list(islice(rows, CHUNK)):
                yield [as_on_topic(dict(zip(_COLUMNS, row, strict=True))) for row in chunk]

    def raised(self, alert_ids: Iterable[str]) -> frozenset[str]:
        """Those of the alerts that were raised before, by whatever version."""
        asked = tuple(alert_ids)
        if not asked:
            return frozenset()
        return frozenset(row[0] for row in self._ask("SELECT alert_id FROM alerts WHERE alert_id IN %(ids)s", {"ids": asked}))

    def close(self) -> None:
        """Closes the connections."""
        for client in self._clients.values():
            client.disconnect()
        self._clients.clear()

    def _ask(self, sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        with clickhouse_errors():
            found: list[tuple[Any, ...]] = self._client("asking").execute(sql, values)
        return found

    def _client(self, name: str) -> Client:
        if name not in self._clients:
            self._clients[name] = connect(self._settings)
        return self._clients[name]


def as_on_topic(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with `_COLUMNS` in the form of the topic, as far as deciding again asks for it."""
    return {
        "version": 1,
        "event_id": row["event_id"],
        "occurred_at": _stamp(row["occurred_at"]),
        "received_at": _stamp(row["received_at"]),
        "temperature_c": row["temperature_c"],
        **{name: None if row[name] == "" else row[name] for name in _PLAIN},
        **{name: list(row[name]) for name in _LISTS},
        "person": _picked(row, _PERSON) | {"document_last4": row["document_last4"]},
        "stays": [
            {"code": code or None, "from_day": first, "to_day": last}
            for code, first, last in zip(row["stay_codes"], row["stay_from"], row["stay_to"], strict=True)
        ],
        "destination": _picked(row, _PLACE) | {"candidates": list(row["destination_candidates"])},
        "findings": orjson.loads(row["findings"] or "[]"),
        "vehicle": _picked(row, _VEHICLE) if row["vehicle_role"] else None,
        "rail": _picked(row, _RAIL) | {"service_date": row["service_date"]} if row["train"] else None,
        "sealed": _picked(row, _SEALED),
        ALERTED: bool(row["alerted"]),
    }


def _picked(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {name: None if row[column] == "" else row[column] for name, column in names.items()}


def _stamp(local: str) -> str:
    """`2020-02-18 08:30:00.000` of the columns, which are local time, as the topics have it (`schemas.base.format_instant`)."""
    return f"{local[:10]}T{local[11:]}+08:00"
