"""Duties, notes, outbox, and an audit trail that the database refuses to change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_REFUSAL = "the audit trail is append-only"


def upgrade() -> None:
    """Makes the tables."""
    _duties()
    _notes_and_outbox()
    _audit_trail()
    _refuse_changes()


def _duties() -> None:
    op.create_table(
        "duties",
        sa.Column("event_id", sa.String(36), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("unit", sa.String(48), nullable=False),
        sa.Column("county", sa.String(6), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("risk", sa.String(8), nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        sa.Column("person_key", sa.String(32), nullable=False),
        sa.Column("site_county", sa.String(6)),
        sa.Column("offer_to", sa.String(48)),
        sa.Column("escalated_to", sa.String(48)),
        sa.Column("late_ms", sa.BigInteger),
        sa.Column("tick_ms", sa.BigInteger),
        sa.Column("health", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("duties_by_county", "duties", ["county", "state", "received_ms", "event_id"])
    op.create_index("duties_by_unit", "duties", ["unit", "state", "received_ms", "event_id"])
    op.create_index("duties_by_person", "duties", ["person_key"])
    op.create_index("duties_by_tick", "duties", ["tick_ms"])
    op.create_index("duties_by_offer", "duties", ["offer_to"])
    op.create_index("duties_by_escalation", "duties", ["escalated_to"])
    op.create_index("duties_by_health", "duties", ["health", "received_ms"])


def _notes_and_outbox() -> None:
    op.create_table(
        "notes",
        sa.Column("event_id", sa.String(36), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("unit", sa.String(48), nullable=False),
        sa.Column("written_at", sa.String(29), nullable=False),
        sa.Column("key_id", sa.String(10), nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("topic", sa.String(64), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )


def _audit_trail() -> None:
    op.create_table(
        "audit_trail",
        sa.Column("line", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(29), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("scope", sa.String(48), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("event_id", sa.String(36), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("audit_trail_by_event", "audit_trail", ["event_id"])
    head = op.create_table(
        "trail_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("line", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "line": 0, "hash": "0" * 64}])


def _refuse_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for what in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_trail_no_{what.lower()} BEFORE {what} ON audit_trail "
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION refuse_trail_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_trail_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_trail "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_trail_change()"
    )
