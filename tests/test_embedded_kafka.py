"""The embedded Kafka: a real broker whose acknowledged records survive a stop and a kill, from jars that are what was locked."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError, UnknownTopicOrPartitionError

from arrivals.embedded.kafka import maven
from arrivals.embedded.kafka.jars import Jar, bring_jars, digest, locked_jars
from arrivals.embedded.kafka.server import KafkaServer, answers, new_cluster_id
from arrivals.embedded.ports import free_port
from arrivals.embedded.process import stop_child
from schemas.errors import Misconfigured, Unavailable
from tests.conftest import JARS, QUICK_JAVA
from tests.test_embedded_supervisor import alive, wait_for

ROOT = Path(__file__).parent.parent
TOPIC = "kept"
_LISTENING, _LOOPBACK = "0A", "0100007F"


def write(server: KafkaServer, values: list[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=server.bootstrap, acks="all", retries=5)
    for sent in [producer.send(TOPIC, value=value, partition=0) for value in values]:
        sent.get(timeout=30)
    producer.close()


def read(server: KafkaServer, count: int) -> list[bytes]:
    consumer = KafkaConsumer(TOPIC, bootstrap_servers=server.bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=20_000)
    values = [next(consumer).value for _ in range(count)]
    consumer.close()
    return values


def make_topic(server: KafkaServer, name: str = TOPIC) -> None:
    admin = KafkaAdminClient(bootstrap_servers=server.bootstrap)
    admin.create_topics([NewTopic(name=name, num_partitions=1, replication_factor=1)])
    admin.close()


def test_acknowledged_records_survive_stop_kill_and_a_folder_with_any_name(tmp_path: Path) -> None:
    server = KafkaServer(tmp_path / "数据, 商丘", cache_dir=JARS, java_options=QUICK_JAVA)
    with server:
        bootstrap = server.bootstrap
        make_topic(server)
        write(server, [b"1", b"2"])
        server.stop()
        assert server.pid is None
        server.start()
        write(server, [b"3"])
        server.kill()
        server.start()
        assert server.bootstrap == bootstrap
        write(server, [b"4"])
        assert read(server, 4) == [b"1", b"2", b"3", b"4"]


def test_a_topic_is_never_made_by_accident(kafka_server: KafkaServer, topic_prefix: str) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka_server.bootstrap, acks="all", max_block_ms=2_000)
    with pytest.raises((KafkaError, UnknownTopicOrPartitionError)):
        producer.send(f"{topic_prefix}mistyped", value=b"x").get(timeout=5)
    producer.close()
    admin = KafkaAdminClient(bootstrap_servers=kafka_server.bootstrap)
    assert f"{topic_prefix}mistyped" not in admin.list_topics()
    admin.close()


def test_it_listens_on_the_loopback_interface_only(kafka_server: KafkaServer) -> None:
    lines = [line for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text("ascii").splitlines()[1:]]
    places = [line.split()[1] for line in lines if line.split()[3] == _LISTENING]
    own = [address for address, _, port in (place.partition(":") for place in places) if int(port, 16) == kafka_server.port]
    assert own
    assert all(address.endswith(_LOOPBACK) for address in own)


def test_in_the_foreground_the_process_is_kafka_itself(tmp_path: Path) -> None:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "arrivals.embedded.kafka",
        "--data",
        str(tmp_path),
        "--port",
        str(port),
        "--cache",
        str(JARS),
    ]
    boss = subprocess.Popen([sys.executable, "-c", _BOSS, *command], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert boss.stdout is not None
    pid = int(boss.stdout.readline())
    assert wait_for(lambda: answers(port), 120)
    assert "java" in os.readlink(f"/proc/{pid}/exe")
    boss.kill()  # the broker must not be left behind
    boss.wait()
    boss.stdout.close()
    assert wait_for(lambda: not alive(pid), 60)
    assert not answers(port)


_BOSS = """
import sys, time
from arrivals.embedded.process import start_child
print(start_child(sys.argv[1:]).pid, flush=True)
time.sleep(600)
"""


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = KafkaServer(tmp_path, cache_dir=JARS, java_options=["-XX:NoSuchOption"])
    with pytest.raises(Misconfigured, match="cannot format"):
        server.start()
    assert "NoSuchOption" in (tmp_path / "logs" / "console.log").read_text("utf-8")


def test_a_taken_port_is_an_error_and_leaves_no_process(tmp_path: Path, kafka_server: KafkaServer) -> None:
    second = KafkaServer(tmp_path, kafka_server.port, JARS, java_options=QUICK_JAVA)
    with pytest.raises(Misconfigured, match=f"127.0.0.1:{kafka_server.port} is taken"):
        second.start()
    assert second.pid is None


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Maven repository on loopback, set as the user's mirror of Maven Central; yields its folder."""
    folder = tmp_path / "repository"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: Quiet(*a, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        set_mirror(tmp_path / "home", server.server_port, monkeypatch)
        yield folder
        server.shutdown()
        thread.join()


def set_mirror(home: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".m2").mkdir(parents=True)
    mirror = f"<mirror><id>city</id><mirrorOf>central</mirrorOf><url>http://127.0.0.1:{port}/</url></mirror>"
    (home / ".m2" / "settings.xml").write_text(
        f'<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0"><mirrors>{mirror}</mirrors></settings>', "utf-8"
    )
    monkeypatch.setenv("HOME", str(home))


def publish(repository: Path, content: bytes) -> Jar:
    jar = Jar("cn.example:thing:1.0", "0" * 64)
    jar.below(repository).parent.mkdir(parents=True)
    jar.below(repository).write_bytes(content)
    return Jar(jar.coordinates, digest(jar.below(repository)) or "")


def test_jars_come_from_the_mirror_and_are_mended_when_damaged(repository: Path, tmp_path: Path) -> None:
    jar = publish(repository, b"the right bytes")
    [path] = bring_jars(tmp_path / "cache", jars=[jar])
    assert path.read_bytes() == b"the right bytes"
    path.write_bytes(b"the right by")
    assert bring_jars(tmp_path / "cache", jars=[jar])[0].read_bytes() == b"the right bytes"
    jar.below(repository).unlink()
    assert bring_jars(tmp_path / "cache", jars=[jar]) == [path], "what is there needs no network"


def test_a_jar_that_is_not_the_locked_one_is_refused_by_name(repository: Path, tmp_path: Path) -> None:
    found = publish(repository, b"something else")
    locked = Jar(found.coordinates, "f" * 64)
    with pytest.raises(Misconfigured) as refused:
        bring_jars(tmp_path / "cache", jars=[locked])
    for part in ("cn.example:thing:1.0", found.sha256, locked.sha256, "Try another mirror"):
        assert part in str(refused.value)
    assert not locked.below(tmp_path / "cache").exists()
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_jar_that_cannot_be_had_says_what_to_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_mirror(tmp_path / "home", free_port(), monkeypatch)
    with pytest.raises(Unavailable, match=r"cn.example:thing:1.0 cannot be downloaded .*mirror"):
        bring_jars(tmp_path / "cache", jars=[Jar("cn.example:thing:1.0", "f" * 64)])


@pytest.mark.parametrize(
    ("mirror_of", "covers"),
    [("central", True), ("*", True), ("external:*", True), ("*,!central", False), ("other", False), ("other, central", True)],
)
def test_a_mirror_counts_when_it_covers_central(tmp_path: Path, mirror_of: str, covers: bool) -> None:
    settings = tmp_path / "settings.xml"
    settings.write_text(
        f"<settings><mirrors><mirror><id>m</id><mirrorOf>{mirror_of}</mirrorOf><url>http://m/</url></mirror></mirrors></settings>",
        "utf-8",
    )
    assert maven.mirror(settings) == ({"m": "http://m"} if covers else None)


def test_the_lock_names_each_jar_once_with_a_digest() -> None:
    jars = locked_jars()
    assert len({jar.coordinates for jar in jars}) == len(jars) > 40
    assert all(len(jar.sha256) == 64 and int(jar.sha256, 16) for jar in jars)


def test_downloads_trust_what_the_machine_trusts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", "/the/city/roots.pem")
    with maven.system_certificates():
        assert os.environ["REQUESTS_CA_BUNDLE"] == "/the/city/roots.pem"
    assert "REQUESTS_CA_BUNDLE" not in os.environ
    monkeypatch.setenv("CURL_CA_BUNDLE", "/set/by/the/user.pem")
    with maven.system_certificates():
        assert "REQUESTS_CA_BUNDLE" not in os.environ


def test_stopping_twice_is_harmless() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    assert stop_child(child) in (0, -15)
    assert stop_child(child) == child.returncode


def test_cluster_ids_are_never_taken_for_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([uuid.UUID(bytes=b"\xf8" * 16), uuid.UUID(bytes=b"\x00" * 16)])
    monkeypatch.setattr(uuid, "uuid4", lambda: next(drawn))
    assert new_cluster_id() == "A" * 22
