"""Brings the desk's schema up to date with Alembic, in one transaction; running it again changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from arrivals.runtime.desk_engine import reading, writing
from schemas.errors import Misconfigured
from serving.desk.tables import METADATA

FOLDER = Path(__file__).with_name("migrations")


def migrate_desk(engine: Engine, *, dry_run: bool = False) -> list[str]:
    """Applies the missing steps and returns their numbers; with `dry_run` only names them. Raises Unavailable."""
    script = _script()
    missing = _missing(engine, script)
    if missing and not dry_run:
        with writing(engine) as connection, EnvironmentContext(Config(), script, fn=_steps(script)) as environment:
            environment.configure(connection=connection, target_metadata=METADATA)
            with environment.begin_transaction():
                environment.run_migrations()
    return missing


def check_desk(engine: Engine) -> None:
    """Raises Misconfigured when steps are missing or the schema is of a later release, Unavailable when the database is away."""
    missing = _missing(engine, _script())
    if missing:
        raise Misconfigured("desk_schema", f"The desk's schema lacks the steps {', '.join(missing)}.", "Run: arrivals migrate")


def _missing(engine: Engine, script: ScriptDirectory) -> list[str]:
    with reading(engine) as connection:
        present = MigrationContext.configure(connection).get_current_heads()
    known = [step.revision for step in reversed(list(script.walk_revisions()))]
    if not set(present) <= set(known):
        raise Misconfigured("desk_schema", "The desk's schema is of a later release.", "Install that release.")
    return known[known.index(present[0]) + 1 :] if present else known


def _script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def _steps(script: ScriptDirectory) -> Any:
    return lambda present, _: script._upgrade_revs("head", present)
