"""Contacts of cases: which duties have a task that was not acknowledged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the column and its index; no duty has such a task yet."""
    op.add_column("duties", sa.Column("contact", sa.Integer, nullable=False, server_default="0"))
    op.create_index("duties_by_contact", "duties", ["contact", "received_ms"])
