"""Tables and views as the server describes them, for `docs/reference/tables.md` and for people who ask."""

from __future__ import annotations

from dataclasses import dataclass

from clickhouse_driver import Client

from arrivals.runtime.clickhouse_client import clickhouse_errors


@dataclass(frozen=True, slots=True)
class Described:
    """One table or view: its columns as (name, type, meaning)."""

    name: str
    comment: str
    columns: tuple[tuple[str, str, str], ...]


def describe_tables(client: Client, database: str) -> list[Described]:
    """Every view, then every table that keeps rows. Raises Unavailable when the server is away."""
    tables = (
        "SELECT name, comment FROM system.tables WHERE database = %(database)s AND name != 'migrations' "
        "AND engine NOT IN ('Null', 'MaterializedView') ORDER BY engine != 'View', name"
    )
    columns = (
        "SELECT name, type, comment FROM system.columns WHERE database = %(database)s AND table = %(table)s ORDER BY position"
    )
    with clickhouse_errors():
        found = client.execute(tables, {"database": database})
        return [
            Described(name, comment, tuple(client.execute(columns, {"database": database, "table": name})))
            for name, comment in found
        ]


def tables_page(tables: list[Described]) -> str:
    """The descriptions as a Markdown page."""
    parts = [
        "# Tables and views\n\nMade from the schema by `make docs`; changes are overwritten. "
        "Analysts see the views (`v_…`) only.\n"
    ]
    for table in tables:
        rows = "\n".join(f"| `{name}` | `{kind}` | {meaning} |" for name, kind, meaning in table.columns)
        parts.append(f"## {table.name}\n\n{table.comment}.\n\n| column | type | meaning |\n|---|---|---|\n{rows}\n")
    return "\n".join(parts)
