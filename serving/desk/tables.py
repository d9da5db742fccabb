"""The tables of the desk. A duty is kept whole in `body`; the other columns are what is looked for, derived from it in one place.

Instants are milliseconds since 1970 where they are compared. What is read and changed together is one row, so a duty is never
half changed. A test compares these tables with what the migrations make.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from serving.duties.duty import Duty
from serving.duties.half_days import reported_until

METADATA = MetaData()
_UNIT, _WORD = String(48), String(64)
#: Counts up by itself, which SQLite does for this type only.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")
_HOUSEHOLD, _OBSERVED = ("county", "answers", "reported_ms", "unit"), text("answers IS NOT NULL")

DUTIES = Table(
    "duties",
    METADATA,
    Column("event_id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("unit", _UNIT, nullable=False),
    Column("county", String(6), nullable=False),
    Column("state", String(16), nullable=False),
    Column("risk", String(8), nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("person_key", String(32), nullable=False),
    Column("site_county", String(6)),
    Column("offer_to", _UNIT),
    Column("escalated_to", _UNIT),
    #: The unit that gave it back, while it looks for another.
    Column("declined_by", _UNIT),
    #: From when on it is overdue; none when nothing is owed.
    Column("late_ms", BigInteger),
    #: When something happens by itself.
    Column("tick_ms", BigInteger),
    #: 0 nothing for the health desk, 1 its business, 2 an alert it has not looked at.
    Column("health", Integer, nullable=False),
    #: 0 no contact of a case, 1 a task that was acknowledged, 2 one that was not.
    Column("contact", Integer, nullable=False),
    #: Of those under observation: the arrival whose phone answers, and until when its reports are complete (0: there is none).
    Column("answers", String(36)),
    Column("reported_ms", BigInteger),
    Column("body", Text, nullable=False),
    # These three hold all that lists and their counts ask for: a row with its body is read only to be shown.
    Index("duties_by_county", "county", "state", "received_ms", "event_id", "late_ms", "contact", "health", "unit"),
    Index("duties_by_unit", "unit", "state", "received_ms", "event_id", "late_ms", "contact", "health", "declined_by"),
    Index("duties_by_health", "health", "received_ms", "event_id", "state", "late_ms", "contact", "county", "site_county"),
    Index("duties_by_person", "person_key"),
    Index("duties_by_tick", "tick_ms"),
    Index("duties_by_offer", "offer_to"),
    Index("duties_by_escalation", "escalated_to"),
    Index("duties_by_contact", "contact", "received_ms"),
    Index("duties_by_household", *_HOUSEHOLD, sqlite_where=_OBSERVED, postgresql_where=_OBSERVED),
)

NOTES = Table(
    "notes",
    METADATA,
    Column("event_id", String(36), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("author", _WORD, nullable=False),
    Column("unit", _UNIT, nullable=False),
    Column("written_at", String(29), nullable=False),
    Column("key_id", String(10), nullable=False),
    Column("sealed", Text, nullable=False),
)

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("topic", _WORD, nullable=False),
    Column("key", _WORD, nullable=False),
    Column("value", LargeBinary, nullable=False),
)

#: Append-only: the database itself refuses to change or remove a line.
AUDIT_TRAIL = Table(
    "audit_trail",
    METADATA,
    Column("line", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(29), nullable=False),
    Column("actor", _WORD, nullable=False),
    Column("role", String(16), nullable=False),
    Column("scope", _UNIT, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("event_id", String(36), nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("audit_trail_by_event", "event_id"),
)

#: One row: the last line. Whoever appends holds it, so lines never fork.
TRAIL_HEAD = Table(
    "trail_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("line", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)

#: Who may log in by name and password. Rows are never removed: the trail names them.
ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("login", String(40), primary_key=True),
    Column("display_name", String(40), nullable=False),
    Column("role", String(16), nullable=False),
    Column("scope", _UNIT, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("must_change", Boolean, nullable=False),
    #: Counts the changes: whoever logs in while one happens gets no session.
    Column("version", Integer, nullable=False),
    Column("created_at", String(29), nullable=False),
    Column("created_by", _WORD, nullable=False),
    Column("changed_at", String(29), nullable=False),
    Column("changed_by", _WORD, nullable=False),
)

#: Sessions of the console by the digest of their id: of an account, or of an access code by its digest.
SESSIONS = Table(
    "sessions",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("account", String(40), ForeignKey("accounts.login")),
    Column("credential", String(64)),
    #: password, code or oidc.
    Column("way", String(16), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Index("sessions_by_account", "account"),
    Index("sessions_by_expiry", "expires_ms"),
)

#: Attempts to log in, counted by digests of login and address.
LOGIN_ATTEMPTS = Table(
    "login_attempts",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("began_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Index("login_attempts_by_begin", "began_ms"),
)


def milliseconds(at: datetime) -> int:
    """An instant as it is compared in the tables."""
    return round(at.timestamp() * 1000)


def row_of(duty: Duty) -> dict[str, Any]:
    """The row of a duty."""
    late, tick = duty.late_from(), duty.next_tick()
    until = reported_until(duty.observation) if duty.observation else None
    observed = duty.state == "observing"
    alert = duty.health is not None and duty.health.seen_at is None
    return {
        "event_id": duty.event_id,
        "version": duty.version,
        "unit": duty.unit,
        "county": duty.county,
        "state": duty.state,
        "risk": duty.risk,
        "received_ms": milliseconds(duty.facts.received_at),
        "person_key": duty.facts.person_key,
        "site_county": duty.facts.site_county,
        "offer_to": duty.offer.to if duty.offer else None,
        "escalated_to": duty.escalated_to,
        "declined_by": duty.declined.by if duty.declined else None,
        "late_ms": milliseconds(late) if late else None,
        "tick_ms": milliseconds(tick) if tick else None,
        "health": 2 if alert else int(duty.health is not None or duty.risk == "high"),
        "contact": (2 if any(one.seen_at is None for one in duty.contacts) else 1) if duty.contacts else 0,
        "answers": (duty.proxy or duty.event_id) if observed else None,
        "reported_ms": (milliseconds(until) if until else 0) if observed else None,
        "body": duty.model_dump_json(),
    }
