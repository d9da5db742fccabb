"""Which unit gave a duty back: what came back to a county's desk is a list of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds the column; of what was given back before it is not known by whom."""
    op.add_column("duties", sa.Column("declined_by", sa.String(48)))
