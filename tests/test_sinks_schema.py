"""The schema as the real engine sees it: equal to the declaration, repeatable, described, closed where it must be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_driver import Client

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from schemas.errors import Misconfigured
from sinks.describe import describe_tables
from sinks.migrate import FOLDER, load_migrations, migrate
from sinks.tables import SINKS, Sink

DATABASE = "db_schema"


@pytest.fixture(scope="module")
def client(clickhouse_server: ClickHouseServer) -> Iterator[Client]:
    made = Client(
        "127.0.0.1", clickhouse_server.native_port, user=clickhouse_server.user, password=clickhouse_server.password, database=""
    )
    made.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
    migrate(made, DATABASE)
    yield made
    made.execute(f"DROP DATABASE {DATABASE}")
    made.disconnect()


def columns_of(client: Client, table: str) -> dict[str, tuple[str, str]]:
    rows = client.execute(
        "SELECT name, type, comment FROM system.columns WHERE database = %(d)s AND table = %(t)s", {"d": DATABASE, "t": table}
    )
    return {name: (kind, comment) for name, kind, comment in rows}


@pytest.mark.parametrize("sink", SINKS, ids=lambda sink: sink.topic)
def test_the_declaration_is_the_schema(client: Client, sink: Sink) -> None:
    real = columns_of(client, sink.table)
    declared = {column.name: (column.type, column.comment) for column in sink.columns}
    assert {name: real[name] for name in declared} == declared
    assert set(real) - set(declared) <= {"stored_at", "changed_at"}
    entrance = {name: kind for name, (kind, _) in columns_of(client, sink.inserts_into).items()}
    assert entrance == {"record": "String", "kafka_partition": "UInt16", "kafka_offset": "UInt64"}


def test_every_table_and_view_and_column_is_described(client: Client) -> None:
    described = describe_tables(client, DATABASE)
    assert {table.name for table in described} >= {
        "v_arrivals",
        "v_arrival_history",
        "v_alerts",
        "v_flows_hourly",
        "v_dead_letters",
    }
    for table in described:
        assert table.comment, table.name
        assert all(comment for _, _, comment in table.columns), table.name


def test_views_show_nothing_sealed(client: Client) -> None:
    rows = client.execute(
        "SELECT table, name FROM system.columns WHERE database = %(d)s AND table LIKE 'v\\_%%'", {"d": DATABASE}
    )
    assert {name for _, name in rows if "sealed" in name or "kafka" in name} == set()
    assert len({table for table, _ in rows}) == 9


def test_migrating_again_changes_nothing(client: Client) -> None:
    assert migrate(client, DATABASE) == []
    assert migrate(client, DATABASE, dry_run=True) == []


def test_a_dry_run_prints_what_a_run_applies(client: Client) -> None:
    try:
        planned = migrate(client, "db_dry", dry_run=True)
        assert client.execute("SELECT count() FROM system.databases WHERE name = 'db_dry'") == [(0,)]
        applied = migrate(client, "db_dry")
        assert [text.splitlines()[0] for text in planned] == [f"-- {name}" for name in applied]
        assert all("db_dry" in text and "{" not in text for text in planned)
    finally:
        client.execute("DROP DATABASE IF EXISTS db_dry")


def test_an_interrupted_migration_is_finished(client: Client) -> None:
    try:
        for statement in load_migrations("db_half")[0].statements:
            client.execute(statement)  # done, but the run died before it was remembered
        assert len(migrate(client, "db_half")) == len(list(FOLDER.glob("*.sql")))
    finally:
        client.execute("DROP DATABASE IF EXISTS db_half")


def test_an_edited_migration_stops(client: Client, tmp_path: Path) -> None:
    for path in FOLDER.glob("*.sql"):
        (tmp_path / path.name).write_text(path.read_text("utf-8").replace("Alerts for desks", "Alerts"), "utf-8")
    with pytest.raises(Misconfigured, match="0003"):
        migrate(client, DATABASE, folder=tmp_path)


def test_a_gap_in_the_numbers_stops(tmp_path: Path) -> None:
    (tmp_path / "0002_late.sql").write_text("SELECT 1;\n", "utf-8")
    with pytest.raises(Misconfigured, match="0002_late"):
        load_migrations("x", folder=tmp_path)


def test_a_cluster_gets_replicated_tables_everywhere() -> None:
    statements = [s for m in load_migrations("arrivals", "city") for s in m.statements if not s.startswith("INSERT INTO")]
    assert all("ON CLUSTER 'city'" in s for s in statements)
    assert all("= ReplicatedReplacingMergeTree" in s for s in statements if "ENGINE" in s and "= Null" not in s)


def test_tables_that_take_tokens_remember_them(client: Client) -> None:
    rows = client.execute(
        "SELECT name FROM system.tables WHERE database = %(d)s AND engine LIKE '%%MergeTree' "
        "AND engine_full LIKE '%%non_replicated_deduplication_window = 10000%%'",
        {"d": DATABASE},
    )
    assert {name for (name,) in rows} >= {sink.table for sink in SINKS} | {"arrivals_latest"}


def test_the_analyst_file_grants_every_view_and_nothing_else(client: Client) -> None:
    text = (Path(__file__).parent.parent / "deploy/clickhouse/analyst.sql").read_text("utf-8")
    views = client.execute("SELECT name FROM system.tables WHERE database = %(d)s AND engine = 'View'", {"d": DATABASE})
    granted = [line.split()[3] for line in text.splitlines() if line.startswith("GRANT SELECT")]
    assert sorted(granted) == sorted(f"arrivals.{name}" for (name,) in views)
    assert "SOURCES" not in "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    assert "CHANGEABLE_IN_READONLY" in text
