"""Checks the audit trail against the hashes that `unit-actions` carried to ClickHouse, out of reach of the desk's database."""

from __future__ import annotations

from sqlalchemy import Engine

from arrivals.runtime.clickhouse_client import clickhouse_errors, connect
from arrivals.runtime.settings import Settings
from serving.desk.trail import Verdict, anchors_of, verify

_SQL = "SELECT trail_line, trail_hash FROM v_unit_actions WHERE trail_line IS NOT NULL"


def verify_trail(settings: Settings, engine: Engine) -> Verdict:
    """The verdict on the whole trail. Raises Unavailable when ClickHouse or the desk's database is away."""
    client = connect(settings)
    try:
        with clickhouse_errors():
            anchors = anchors_of(client.execute(_SQL))
    finally:
        client.disconnect()
    return verify(engine, anchors)
