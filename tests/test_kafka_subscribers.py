"""County systems with Kafka credentials of their own: they read `arrivals` in their own groups, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
)
from typer.testing import CliRunner

from arrivals.cli import app
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.ports import free_port
from arrivals.runtime import kafka_subscribers
from arrivals.runtime.kafka_clients import Publisher, Record, make_producer
from arrivals.runtime.kafka_opening import opened
from arrivals.runtime.settings import Settings, load_settings
from arrivals.runtime.topic_admin import ensure_topics
from schemas.errors import Misconfigured, Rejected
from tests.conftest import JARS, QUICK_JAVA

PREFIX = "shangqiu."
ARRIVALS = f"{PREFIX}arrivals"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    folder = tmp_path_factory.mktemp("subscribed-kafka")
    with KafkaServer(folder, cache_dir=JARS, subscriber_port=free_port(), java_options=QUICK_JAVA) as made:
        yield made


@pytest.fixture(scope="module")
def settings(server: KafkaServer) -> Settings:
    made = load_settings(kafka_bootstrap=server.bootstrap, kafka_topic_prefix=PREFIX)
    ensure_topics(made)
    return made


def login(server: KafkaServer, name: str, password: str) -> dict[str, Any]:
    return {
        "bootstrap_servers": f"127.0.0.1:{server.subscriber_port}",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": name,
        "sasl_plain_password": password,
        "bootstrap_timeout_ms": 10_000,
    }


def consumer(server: KafkaServer, name: str, password: str, group: str | None, *topics: str) -> KafkaConsumer:
    more = {"group_id": group, "auto_offset_reset": "earliest", "enable_auto_commit": False}
    return opened(KafkaConsumer, *topics, **login(server, name, password), **more)


def values(reader: KafkaConsumer, count: int) -> list[bytes]:
    found: list[bytes] = []
    end = time.monotonic() + 30
    while len(found) < count and time.monotonic() < end:
        found += [record.value for records in reader.poll(timeout_ms=500).values() for record in records]
    return sorted(found)


def publish(settings: Settings, *texts: bytes) -> None:
    with closing(Publisher(make_producer(settings))) as publisher:
        publisher.publish([Record(ARRIVALS, b"411426101", text) for text in texts])


def test_a_county_system_reads_arrivals_in_its_own_groups(server: KafkaServer, settings: Settings) -> None:
    password = kafka_subscribers.add(settings, "county-11")
    publish(settings, b"1", b"2")
    with closing(consumer(server, "county-11", password, "county-11.desk", ARRIVALS)) as reader:
        assert values(reader, 2) == [b"1", b"2"]
        reader.commit()
    publish(settings, b"3")
    with closing(consumer(server, "county-11", password, "county-11.desk", ARRIVALS)) as reader:
        assert values(reader, 1) == [b"3"]
    for group in ("county-12.desk", "county-111", "sink"):
        with (
            closing(consumer(server, "county-11", password, group, ARRIVALS)) as reader,
            pytest.raises(GroupAuthorizationFailedError),
        ):
            values(reader, 1)


def test_it_reads_no_other_topic_and_changes_nothing(server: KafkaServer, settings: Settings) -> None:
    password = kafka_subscribers.add(settings, "county-12")
    for name in ("scans", "alerts", "unit-actions", "reference", "dead-letters"):
        with closing(consumer(server, "county-12", password, "county-12.desk")) as reader:
            reader.assign([TopicPartition(f"{PREFIX}{name}", 0)])
            with pytest.raises(TopicAuthorizationFailedError):
                values(reader, 1)
            assert f"{PREFIX}{name}" not in reader.topics()
    producer = opened(KafkaProducer, **login(server, "county-12", password), enable_idempotence=False)
    with pytest.raises(TopicAuthorizationFailedError):
        producer.send(ARRIVALS, b"forged", key=b"411426101").get(timeout=10)
    producer.close(timeout=1)
    with closing(opened(KafkaAdminClient, **login(server, "county-12", password))) as admin, pytest.raises(KafkaError):
        admin.create_topics([NewTopic("theirs", 1, 1)])


def test_whoever_is_removed_reads_nothing_more_on_an_open_connection(server: KafkaServer, settings: Settings) -> None:
    passwords = {name: kafka_subscribers.add(settings, name) for name in ("county-13", "county-17")}
    assert set(passwords) <= set(kafka_subscribers.subscribers(settings))
    readers = {name: consumer(server, name, passwords[name], f"{name}.desk", ARRIVALS) for name in passwords}
    publish(settings, b"earlier")
    assert all(b"earlier" in until(reader, b"earlier") for reader in readers.values())
    kafka_subscribers.remove(settings, "county-13")
    publish(settings, b"later")
    assert b"later" in until(readers["county-17"], b"later")
    assert until(readers["county-13"], b"later", seconds=3) == []
    for reader in readers.values():
        reader.close()
    assert "county-13" not in kafka_subscribers.subscribers(settings)
    assert refused(server, "county-13", passwords["county-13"])


def until(reader: KafkaConsumer, wanted: bytes, seconds: float = 30) -> list[bytes]:
    """What comes until the wanted value has come or the time is over; nothing when the client is told that it may not."""
    found: list[bytes] = []
    end = time.monotonic() + seconds
    while wanted not in found and time.monotonic() < end:
        with suppress(TopicAuthorizationFailedError, GroupAuthorizationFailedError):
            found += [record.value for records in reader.poll(timeout_ms=500).values() for record in records]
    return found


def test_after_a_rotation_the_old_password_opens_nothing(server: KafkaServer, settings: Settings) -> None:
    old = kafka_subscribers.add(settings, "county-14")
    fresh = kafka_subscribers.rotate(settings, "county-14")
    assert (refused(server, "county-14", old), refused(server, "county-14", fresh)) == (True, False)
    assert refused(server, "county-14", "")
    assert refused(server, "nobody", fresh)


def refused(server: KafkaServer, name: str, password: str) -> bool:
    try:
        opened(KafkaAdminClient, **(login(server, name, password) | {"bootstrap_timeout_ms": 1_000})).close()
    except KafkaError:
        return True
    return False


def test_the_commands_print_a_password_once_and_nothing_else(server: KafkaServer, settings: Settings, monkeypatch: Any) -> None:
    monkeypatch.setenv("ARRIVALS_KAFKA_BOOTSTRAP", server.bootstrap)
    monkeypatch.setenv("ARRIVALS_KAFKA_TOPIC_PREFIX", PREFIX)
    runner = CliRunner()

    def run(*words: str) -> Any:
        return runner.invoke(app, ["subscribers", *words])

    added = run("add", "county-15")
    password = added.stdout.strip()
    assert added.exit_code == 0
    assert len(password) > 40
    assert not refused(server, "county-15", password)
    assert "county-15.*" in run("list").stdout
    assert password not in run("list", "--json").stdout
    assert run("rotate", "county-15").stdout.strip() not in ("", password)
    for name, code in (("county-15", "subscriber_known"), ("County 15", "subscriber_name")):
        with pytest.raises(Rejected) as error:
            kafka_subscribers.add(settings, name)
        assert error.value.code == code
    assert run("remove", "county-15").exit_code == 0
    with pytest.raises(Rejected):
        kafka_subscribers.remove(settings, "county-15")


def test_where_kafka_asks_no_rules_there_are_no_subscribers(kafka_server: KafkaServer) -> None:
    with pytest.raises(Misconfigured) as error:
        kafka_subscribers.add(load_settings(kafka_bootstrap=kafka_server.bootstrap), "county-16")
    assert error.value.code == "kafka_authorizer"
