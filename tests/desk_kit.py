"""Desk stores for tests, empty and with the schema: a file of SQLite's, or the one database of a PostgreSQL cluster."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from arrivals.runtime.desk_engine import make_engine, writing
from arrivals.runtime.settings import load_settings
from schemas.errors import Rejected
from serving.desk.schema import migrate_desk
from serving.desk.store import DeskStore

DESTROYED = "2020-01-01"


def seal_note(text: str, event_id: str, key_id: str) -> str:
    """A seal that can be looked into."""
    if key_id == DESTROYED:
        raise Rejected("key_destroyed", "The key of the day was destroyed.")
    return f"sealed:{event_id}:{text[::-1]}"


def fresh_store(folder: Path, cluster: str | None = None) -> DeskStore:
    """An empty store. What the cluster's database held before is gone."""
    engine = make_engine(load_settings(data_dir=folder, desk_url=cluster))
    if cluster is not None:
        with writing(engine) as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    migrate_desk(engine)
    return DeskStore(engine, seal_note)
