"""The gateway in trouble: Kafka that stops answering, signals, attackers, lost keys; a real process, a real Kafka of its own."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.process import stop_child
from arrivals.runtime.reference_writer import append, credential_row, token_digest
from reference.rows import make_row
from schemas.base import LOCAL
from schemas.reference_rows import CredentialData
from tests.conftest import JARS, QUICK_JAVA
from tests.gateway_kit import NOW, SITE, Gateway, run_process, scan, start_gateway

NOON = datetime(2020, 2, 18, 12, tzinfo=LOCAL)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A Kafka that may be halted without hurting other tests."""
    with KafkaServer(tmp_path_factory.mktemp("halted-kafka"), cache_dir=JARS, java_options=QUICK_JAVA) as server:
        yield server


@pytest.fixture(scope="module")
def gateway(kafka: KafkaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    made = start_gateway(kafka.bootstrap, "faults.", tmp_path_factory.mktemp("gateway"), gateway_helpers=1)
    yield made
    made.client.close()
    assert stop_child(made.process) == 0


@contextmanager
def halted(kafka: KafkaServer) -> Iterator[None]:
    """Kafka neither answers nor closes connections, as behind a black hole."""
    assert kafka.pid
    os.kill(kafka.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(kafka.pid, signal.SIGCONT)


def post_until_confirmed(gateway: Gateway, body: Any, seconds: float = 60) -> list[dict[str, Any]]:
    """What a device does: the same post again until it is answered 202."""
    deadline = time.monotonic() + seconds
    while (answer := gateway.post(body)).status_code != 202:
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def test_a_black_hole_is_answered_503_and_never_duplicate_before_the_first_is_confirmed(
    gateway: Gateway, kafka: KafkaServer
) -> None:
    posted = scan()
    with halted(kafka), ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(gateway.post, posted) for _ in range(5)]
        assert gateway.client.get("/healthz").status_code == 200
        answers = [answer.result() for answer in waiting]
        assert {answer.status_code for answer in answers} == {503}
        assert all(answer.headers["retry-after"] for answer in answers)
        assert {answer.json()["code"] for answer in answers} == {"kafka_unconfirmed"}
        assert gateway.client.get("/readyz").json()["missing"].keys() == {"kafka"}
    [result] = post_until_confirmed(gateway, posted)
    assert result["status"] in ("accepted", "duplicate")
    assert gateway.post(posted).json()["results"][0]["status"] == "duplicate"
    assert gateway.scans(posted["event_id"])


def test_while_kafka_is_away_many_posts_cost_a_bounded_time_each_and_all_arrive_later(
    gateway: Gateway, kafka: KafkaServer
) -> None:
    batches = [[scan() for _ in range(50)] for _ in range(8)]
    with halted(kafka), ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(gateway.post, batches))
    assert {answer.status_code for answer in answers} == {503}
    for batch in batches:
        post_until_confirmed(gateway, batch)
    found = Counter(json.loads(record.value)["event_id"] for record in gateway.records("scans"))
    assert all(found[posted["event_id"]] >= 1 for batch in batches for posted in batch)


def test_sigterm_lets_what_is_under_way_be_answered(kafka: KafkaServer, tmp_path: Path, topic_prefix: str) -> None:
    made = start_gateway(kafka.bootstrap, topic_prefix, tmp_path)
    try:
        assert made.post(scan()).status_code == 202
        with halted(kafka), ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(made.post, scan())
            time.sleep(0.5)
            made.process.send_signal(signal.SIGTERM)
            assert waiting.result().status_code == 503
        assert made.process.wait(30) == 0
        with pytest.raises(httpx.TransportError):
            made.client.get("/healthz")
    finally:
        made.client.close()
        stop_child(made.process)


def test_a_batch_with_three_bad_sent_three_times_is_ninety_seven_rows(gateway: Gateway) -> None:
    batch = [scan() for _ in range(97)] + [scan(temperature_c=True), scan(site_id="CP-none"), scan(event_id="mine")]
    for attempt in range(3):
        results = gateway.post(batch).json()["results"]
        assert [r["event_id"] for r in results] == [s["event_id"] for s in batch]
        assert Counter(r["status"] for r in results) == {"duplicate" if attempt else "accepted": 97, "rejected": 3}
    found = Counter(json.loads(record.value)["event_id"] for record in gateway.records("scans"))
    assert [found[s["event_id"]] for s in batch] == [1] * 97 + [0] * 3
    repeats = Counter(json.loads(record.value)["event_id"] for record in gateway.records("duplicates"))
    assert all(repeats[s["event_id"]] == 2 for s in batch[:97])
    letters = [letter for letter, _ in gateway.letters() if letter.event_id == batch[97]["event_id"]]
    assert len(letters) == 3


def test_the_key_of_a_duplicate_is_the_person(gateway: Gateway) -> None:
    posted = scan()
    gateway.post([posted, posted])
    [value] = gateway.scans(posted["event_id"])
    [repeat] = [r for r in gateway.records("duplicates") if json.loads(r.value)["event_id"] == posted["event_id"]]
    assert repeat.key.decode() == value["person"]["key"]


def test_a_refused_element_of_an_array_is_kept_even_with_numbers_no_machine_holds(gateway: Gateway) -> None:
    odd = scan(sequence=10**90)
    assert gateway.post([odd]).json()["results"][0]["status"] == "rejected"
    assert odd in [json.loads(payload) for letter, payload in gateway.letters() if letter.event_id == odd["event_id"]]


def test_a_guesser_of_tokens_is_slowed_and_a_good_device_is_not(kafka: KafkaServer, tmp_path: Path, topic_prefix: str) -> None:
    made = start_gateway(kafka.bootstrap, topic_prefix, tmp_path)
    try:
        answers = [made.post(b"", authorization=f"Bearer sq_device_guess{n}") for n in range(200)]
        assert {answer.status_code for answer in answers} == {401, 429}
        assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 429)
        assert made.post(scan()).status_code == 202
        metrics = made.client.get("/metrics").text
        assert 'arrivals_gateway_refused_total{reason="token_unknown"} 200.0' in metrics
        assert made.records("dead-letters") == []
    finally:
        made.client.close()
        stop_child(made.process)


def test_tokens_that_ended_say_why(gateway: Gateway) -> None:
    def data(token: str) -> CredentialData:
        return CredentialData(kind="credential", token_sha256=token_digest(token), role="device", subject="dev", scope=SITE)

    def row(token: str, **when: Any) -> Any:
        return make_row(data(token), key=token_digest(token), author="test", reason="test", **when)

    rows = [
        row("sq_device_expired", valid_to=datetime(2020, 2, 1, tzinfo=LOCAL)),
        row("sq_device_early", valid_from=NOON),
        credential_row("sq_device_revoked", "device", "dev", SITE, "test"),
        row("sq_device_revoked", withdrawn=True, known_from=NOON),
    ]
    append(gateway.settings, rows)
    for word in ("expired", "early", "revoked"):
        answer = answered(gateway, f"sq_device_{word}", f"token_{word}")
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def answered(gateway: Gateway, token: str, code: str) -> httpx.Response:
    """The first answer with this code. A revocation takes effect as soon as the gateway has read the row."""
    deadline = time.monotonic() + 20
    while (answer := gateway.post(scan(), authorization=f"Bearer {token}")).json().get("code") != code:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.5)
    return answer


def peak_kilobytes(gateway: Gateway) -> int:
    status = Path(f"/proc/{gateway.process.pid}/status").read_text("ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def test_a_bomb_costs_no_memory(gateway: Gateway) -> None:
    full = gzip.compress(json.dumps([scan() for _ in range(500)]).encode())
    assert gateway.post(full, content_encoding="gzip").status_code == 202
    before = peak_kilobytes(gateway)
    once = gzip.compress(b" " * 1_000_000_000, 1)
    for bomb in (once[:1_900_000], once, gzip.compress(once), gzip.compress(gzip.compress(b" " * 300_000_000))):
        assert gateway.post(bomb, content_encoding="gzip").status_code in (400, 413)
    assert peak_kilobytes(gateway) - before < 20_000


def raw(gateway: Gateway, request: bytes) -> bytes:
    """The first bytes of the answer to bytes on the wire."""
    with socket.create_connection(("127.0.0.1", gateway.settings.gateway_port), timeout=15) as wire:
        wire.sendall(request)
        return wire.recv(65_536)


@pytest.mark.parametrize(
    ("request_bytes", "statuses"),
    [
        (b"POST /v1/scans HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", (b"431", b"400")),
        (b"POST /v1/scans HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 10_000 + b"\r\n", (b"431", b"400")),
        (b"POST /v1/scans HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", (b"400",)),
        (b"POST /v1/scans HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", (b"400",)),
        (b"POST /v1/scans HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", (b"401", b"400")),
        (b"NONSENSE\r\n\r\n", (b"400",)),
    ],
    ids=["long header", "many headers", "two lengths", "negative length", "broken chunk", "nonsense"],
)
def test_malformed_requests_are_refused_politely(gateway: Gateway, request_bytes: bytes, statuses: tuple[bytes, ...]) -> None:
    assert raw(gateway, request_bytes).split(b" ", 2)[1] in statuses
    assert gateway.post(scan()).status_code == 202


def test_a_chunked_body_without_length_is_bounded_too(gateway: Gateway) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 100_000

    headers = {"authorization": "Bearer sq_device_test-only", "content-type": "application/json", "x-simulated-now": NOW}
    with suppress(httpx.TransportError):  # it may answer and close while we are still sending
        assert gateway.client.post("/v1/scans", content=chunks(), headers=headers).status_code == 413
    assert gateway.post(scan()).status_code == 202


def test_another_method_is_told_which_one_is_meant(gateway: Gateway) -> None:
    answer = gateway.client.put("/v1/scans")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["server_time"]


def test_a_destroyed_day_key_is_never_written_under_again(kafka: KafkaServer, tmp_path: Path, topic_prefix: str) -> None:
    made = start_gateway(kafka.bootstrap, topic_prefix, tmp_path)
    try:
        assert made.post(scan()).status_code == 202
        made.keys.destroy("2020-02-18")
        made.client.get("/readyz")  # a probe; it reads the key store again
        answer = made.post(scan())
        assert (answer.status_code, answer.json()["code"]) == (503, "key_destroyed")
        made.settings.secret_path("keys.json", None).chmod(0o644)
        assert made.client.get("/readyz").json()["missing"].keys() == {"keys"}
    finally:
        made.client.close()
        stop_child(made.process)


def test_killed_under_load_and_posted_again_every_scan_is_there(kafka: KafkaServer, tmp_path: Path, topic_prefix: str) -> None:
    made = start_gateway(kafka.bootstrap, topic_prefix, tmp_path)
    batches = [[scan() for _ in range(20)] for _ in range(60)]
    confirmed: set[str] = set()
    try:
        with ThreadPoolExecutor(4) as pool:
            waiting = [pool.submit(post_or_nothing, made, batch) for batch in batches]
            time.sleep(0.4)
            made.process.kill()
            for done in waiting:
                confirmed |= done.result()
        made.process.wait()
        made.client.close()
        made.process, made.client = run_process(made.settings, tmp_path)
        for batch in batches:
            post_until_confirmed(made, batch)
        found = Counter(json.loads(record.value)["event_id"] for record in made.records("scans"))
        assert confirmed <= set(found)
        assert {posted["event_id"] for batch in batches for posted in batch} == set(found)
        assert max(found.values()) == 1  # what was on Kafka is known after the restart
    finally:
        made.client.close()
        stop_child(made.process)


def post_or_nothing(gateway: Gateway, batch: list[dict[str, Any]]) -> set[str]:
    """The ids that were answered for; none when the gateway died under the post."""
    try:
        answer = gateway.post(batch)
    except httpx.TransportError:
        return set()
    return {result["event_id"] for result in answer.json()["results"]} if answer.status_code == 202 else set()
