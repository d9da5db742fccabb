"""`arrivals topics --accept-gap`: records that retention deleted before they were stored, on the real servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from kafka import TopicPartition

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.runtime.kafka_clients import make_admin
from schemas.errors import Misconfigured
from tests.cli_kit import call, run
from tests.sinks_kit import Stand, arrivals, drive


class Crash(Exception):
    """The process died."""


@pytest.fixture
def stand(kafka_server: KafkaServer, clickhouse_server: ClickHouseServer, tmp_path: Path, topic_prefix: str) -> Iterator[Stand]:
    made = Stand(kafka_server, clickhouse_server, tmp_path, "gap-" + topic_prefix)
    yield made
    made.close()


def lose(stand: Stand, partition: int, before: int) -> None:
    """Retention deletes a partition's records before an offset."""
    admin = make_admin(stand.settings)
    admin.delete_records({TopicPartition(stand.settings.topic("arrivals"), partition): before})
    admin.close()


def counted(stand: Stand) -> int:
    [(rows, ids)] = stand.ask("SELECT count(), uniqExact(event_id) FROM v_arrivals")
    assert rows == ids
    return int(rows)


def test_an_operator_accepts_what_is_lost(stand: Stand) -> None:
    stand.post(arrivals(200))
    lose(stand, 2, 7)
    with pytest.raises(Misconfigured, match="arrivals topics --accept-gap arrivals"):
        drive(stand)
    other = run(stand.settings, "topics", "--accept-gap", "arrivals:1", "--yes")
    assert (other.returncode, "nothing is missing" in other.stderr.decode()) == (0, True)
    asked = run(stand.settings, "topics", "--accept-gap", "arrivals:2", stdin=b"n\n")
    assert asked.returncode == 1
    with pytest.raises(Misconfigured):
        drive(stand)
    done = run(stand.settings, "topics", "--accept-gap", "arrivals:2", "--json", "--yes")
    assert done.returncode == 0, done.stderr.decode()
    assert orjson.loads(done.stdout) == [{"topic": "arrivals", "partition": 2, "first": 0, "last": 6, "records": 7}]
    drive(stand)
    assert counted(stand) == 193
    again = run(stand.settings, "topics", "--accept-gap", "arrivals")
    assert (again.returncode, again.stdout) == (0, b"")


@pytest.mark.parametrize("died", ["noted", "inserted"])
def test_a_begun_range_that_is_half_gone_is_stored_as_far_as_it_is_kept(stand: Stand, died: str) -> None:
    stand.post(arrivals(200))

    def die(step: str) -> None:
        if step == died:
            raise Crash

    with pytest.raises(Crash):
        drive(stand, step=die)
    before = counted(stand)
    lose(stand, 2, 7)
    with pytest.raises(Misconfigured):
        drive(stand)
    done = run(stand.settings, "topics", "--accept-gap", "arrivals", stdin=b"y\n")
    assert done.returncode == 0, done.stderr.decode()
    drive(stand)
    assert counted(stand) == (200 if before else 193)
    assert stand.ask("SELECT count() FROM ingest_ranges WHERE topic = 'arrivals' GROUP BY token HAVING max(done) = 0") == []


@pytest.mark.parametrize("where", ["arrival", "arrivals:x", "arrivals:", "reference"])
def test_a_wrong_place_is_refused(stand: Stand, where: str) -> None:
    done = call(stand.settings, "topics", "--accept-gap", where, "--yes")
    assert done.returncode == 1
    assert b"gap_unknown" in done.stderr
