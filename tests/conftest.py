"""The servers of the test run: the real embedded Kafka and ClickHouse, started once, on free ports, in a temporary folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import hypothesis
import pytest

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.jars import VERSION
from arrivals.embedded.kafka.server import KafkaServer
from tests.postgres_kit import missing, postgres

ROOT = Path(__file__).parent.parent
JARS = ROOT / ".data" / "cache" / f"kafka-{VERSION}"
QUICK_JAVA = ("-XX:TieredStopAtLevel=1",)  # a short life does not repay the slower compiler
_numbers = count(1)

hypothesis.settings.register_profile("suite", deadline=None)  # how long an example takes is no property
hypothesis.settings.load_profile("suite")


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """One Kafka for the whole run; use `topic_prefix` to stay apart from other tests."""
    with KafkaServer(tmp_path_factory.mktemp("kafka"), cache_dir=JARS, java_options=QUICK_JAVA) as server:
        yield server
        left = [thread.name for thread in threading.enumerate() if thread.name.startswith("kafka")]
        assert not left, f"tests left Kafka clients open: {left}"


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """One ClickHouse for the whole run; use a database of your own."""
    with ClickHouseServer(tmp_path_factory.mktemp("clickhouse"), password="test-owner", reader_password="test-reader") as server:
        yield server


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The address of one PostgreSQL for the whole run; skips where none is installed. `fresh_store` empties its database."""
    if missing():
        pytest.skip(missing())
    with postgres() as url:
        yield url


@pytest.fixture
def topic_prefix() -> str:
    """A prefix no other test uses."""
    return f"t{next(_numbers)}."
