"""Lists, their counts and the households under observation are answered from indexes, without reading the rows."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_WIDER = {
    "duties_by_county": ["county", "state", "received_ms", "event_id", "late_ms", "contact", "health", "unit"],
    "duties_by_unit": ["unit", "state", "received_ms", "event_id", "late_ms", "contact", "health", "declined_by"],
    "duties_by_health": ["health", "received_ms", "event_id", "state", "late_ms", "contact", "county", "site_county"],
}
_HALF_DAY_MS = 43_200_000
_OBSERVED = sa.text("SELECT event_id, body FROM duties WHERE state = 'observing'")
_FILL = sa.text("UPDATE duties SET answers = :answers, reported_ms = :reported_ms WHERE event_id = :event_id")


def upgrade() -> None:
    """Makes the indexes anew and fills the columns of households; a million duties take some seconds, and nobody writes then."""
    for name, columns in _WIDER.items():
        op.drop_index(name, "duties")
        op.create_index(name, "duties", columns)
    op.add_column("duties", sa.Column("answers", sa.String(36)))
    op.add_column("duties", sa.Column("reported_ms", sa.BigInteger))
    connection = op.get_bind()
    filled = [_household(event_id, json.loads(body)) for event_id, body in connection.execute(_OBSERVED)]
    if filled:
        connection.execute(_FILL, filled)
    only = sa.text("answers IS NOT NULL")
    columns = ["county", "answers", "reported_ms", "unit"]
    op.create_index("duties_by_household", "duties", columns, sqlite_where=only, postgresql_where=only)


def _household(event_id: str, duty: dict[str, Any]) -> dict[str, Any]:
    """Whose phone answers, and the end of the last half-day with a report."""
    observation = duty["observation"]
    begun = round(datetime.fromisoformat(f"{observation['from_day']}T00:00:00+08:00").timestamp() * 1000)
    reports = observation["reported"].bit_length()
    until = begun + reports * _HALF_DAY_MS if reports else 0
    return {"event_id": event_id, "answers": duty.get("proxy") or event_id, "reported_ms": until}
