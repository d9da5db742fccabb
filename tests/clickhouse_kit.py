"""Settings and clients for tests that need the real ClickHouse (and Kafka) with the product's schema."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from clickhouse_driver import Client

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.settings import Settings, load_settings
from sinks.migrate import migrate

_databases = count(1)


def plain_client(server: ClickHouseServer) -> Client:
    """A client without a database of ours."""
    return Client(server.host, port=server.native_port, user=server.user, password=server.password)


def database_settings(server: ClickHouseServer, folder: Path, **more: object) -> Settings:
    """Settings for a database of one's own, with all migrations applied."""
    password = folder / "clickhouse-password"
    password.write_text(server.password, "utf-8")
    settings = load_settings(
        data_dir=folder,
        clickhouse_port=server.native_port,
        clickhouse_password_file=password,
        clickhouse_database=f"serving_{next(_databases)}",
        **more,
    )
    client = connect(settings, database="")
    migrate(client, settings.clickhouse_database)
    client.disconnect()
    return settings
