"""Brings the desk's schema up to date with Alembic, in one transaction; running it again changes nothing.

The steps are the files of `migrations/versions`, whose names begin with their number. Whether some are missing is found without
Alembic, so that the parts that only check need not load it.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, inspect, text

from arrivals.runtime.desk_engine import reading, writing
from schemas.errors import Misconfigured

FOLDER = Path(__file__).with_name("migrations")


def migrate_desk(engine: Engine, *, dry_run: bool = False) -> list[str]:
    """Applies the missing steps and returns their numbers; with `dry_run` only names them. Raises Unavailable."""
    missing = _missing(engine)
    if missing and not dry_run:
        _apply(engine)
    return missing


def check_desk(engine: Engine) -> None:
    """Raises Misconfigured when steps are missing or the schema is of a later release, Unavailable when the database is away."""
    missing = _missing(engine)
    if missing:
        raise Misconfigured("desk_schema", f"The desk's schema lacks the steps {', '.join(missing)}.", "Run: arrivals migrate")


def _missing(engine: Engine) -> list[str]:
    known = sorted(path.stem[1:5] for path in (FOLDER / "versions").glob("v*.py"))
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return known
        present = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if present is not None and present not in known:
        raise Misconfigured("desk_schema", "The desk's schema is of a later release.", "Install that release.")
    return known[known.index(present) + 1 :] if present else known


def _apply(engine: Engine) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)

    def steps(present: str, _: object) -> object:
        return script._upgrade_revs("head", present)

    with writing(engine) as connection, EnvironmentContext(config, script, fn=steps) as environment:
        environment.configure(connection=connection)
        with environment.begin_transaction():
            environment.run_migrations()
