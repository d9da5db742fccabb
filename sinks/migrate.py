"""Applies `migrations/NNNN_*.sql` in order, each once, remembering the checksum of what was applied.

Statements are written to be repeatable (`IF NOT EXISTS`), so a run that died half way is simply run again.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from clickhouse_driver import Client

from arrivals.runtime.clickhouse_client import clickhouse_errors
from schemas.errors import Misconfigured

FOLDER = Path(__file__).with_name("migrations")
_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_STATE_TABLE = """CREATE TABLE IF NOT EXISTS {database}.migrations{on_cluster}
(number UInt32, name String, checksum String, applied_at DateTime DEFAULT now())
ENGINE = {replicated}MergeTree ORDER BY number"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, name, checksum of the text as checked in, and the statements for this server."""

    number: int
    name: str
    checksum: str
    statements: tuple[str, ...]

    @property
    def title(self) -> str:
        """Number and name, as the file is called."""
        return f"{self.number:04d}_{self.name}"


def load_migrations(database: str, cluster: str | None = None, folder: Path = FOLDER) -> list[Migration]:
    """All migrations in order, written out for one server or, with the name of a `cluster`, for that cluster."""
    made: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None or int(match[1]) != len(made) + 1:
            raise Misconfigured("migration_name", f"{path.name} does not continue the numbered migrations.")
        text = path.read_text("utf-8")
        sql = _written_out(re.sub(r"^--.*\n", "", text, flags=re.MULTILINE), database, cluster)
        statements = tuple(s.strip() for s in sql.split(";\n") if s.strip())
        made.append(Migration(len(made) + 1, match[2], hashlib.sha256(text.encode()).hexdigest(), statements))
    return made


def migrate(
    client: Client, database: str, cluster: str | None = None, *, dry_run: bool = False, folder: Path = FOLDER
) -> list[str]:
    """Applies what is missing and returns the names; with `dry_run` returns the SQL of each instead and runs nothing.

    The client must not be bound to the database. Raises Misconfigured (`migration_changed`) when an applied file was edited
    or is gone, Unavailable when the server is.
    """
    every = load_migrations(database, cluster, folder)
    with clickhouse_errors():
        applied = _applied(client, database)
        for number, checksum in applied.items():
            if number > len(every) or every[number - 1].checksum != checksum:
                problem = f"Migration {number:04d} differs from what was applied."
                raise Misconfigured("migration_changed", problem, "Restore the file and add a new one.")
        missing = [migration for migration in every if migration.number not in applied]
        if dry_run:
            return [f"-- {m.title}\n" + ";\n".join(m.statements) + ";" for m in missing]
        for migration in missing:
            for statement in migration.statements:
                client.execute(statement)
            _remember(client, database, cluster, migration)
    return [migration.title for migration in missing]


def _written_out(sql: str, database: str, cluster: str | None) -> str:
    on_cluster = f" ON CLUSTER '{cluster}'" if cluster else ""
    replicated = "Replicated" if cluster else ""
    return sql.replace("{database}", database).replace("{on_cluster}", on_cluster).replace("{replicated}", replicated)


def _applied(client: Client, database: str) -> dict[int, str]:
    table = "SELECT count() FROM system.tables WHERE database = %(database)s AND name = 'migrations'"
    if not client.execute(table, {"database": database})[0][0]:
        return {}
    rows = client.execute(f"SELECT number, any(checksum) FROM {database}.migrations GROUP BY number")
    return dict(sorted(rows))


def _remember(client: Client, database: str, cluster: str | None, migration: Migration) -> None:
    client.execute(_written_out(_STATE_TABLE, database, cluster))
    row = (migration.number, migration.name, migration.checksum)
    client.execute(f"INSERT INTO {database}.migrations (number, name, checksum) VALUES", [row])
