"""The gateway as a device meets it: a real process, real HTTP, real Kafka."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.process import stop_child
from schemas.recorded import ADDRESS, RECORDED
from tests.gateway_kit import NOW, UNIT_TOKEN, Gateway, run_process, scan, start_gateway


@pytest.fixture(scope="module")
def gateway(kafka_server: KafkaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    made = start_gateway(kafka_server.bootstrap, "gw.", tmp_path_factory.mktemp("gateway"))
    yield made
    made.client.close()
    assert stop_child(made.process) == 0


def test_accepted_means_sealed_on_kafka(gateway: Gateway) -> None:
    posted = scan()
    answer = gateway.post(posted)
    assert answer.status_code == 202
    assert answer.json()["results"] == [
        {"event_id": posted["event_id"], "status": "accepted", "flags": ["phone_missing"], "reasons": []}
    ]
    [value] = gateway.scans(posted["event_id"])
    recorded = RECORDED.validate_python(value)
    assert recorded.person.name_masked == "测**"
    assert "411426196501011235" not in json.dumps(value)
    assert "火店" not in json.dumps(value, ensure_ascii=False)
    sealed = gateway.keys.seal("2020-02-18", "address").open(str(recorded.sealed.address), recorded.event_id)
    assert ADDRESS.validate_json(sealed).destination == "夏邑县火店镇火店村"
    identity = json.loads(gateway.keys.seal("2020-02-18", "identity").open(recorded.sealed.identity, recorded.event_id))
    assert identity["document_number"] == "411426196501011235"


def test_every_scan_of_an_array_has_its_own_answer(gateway: Gateway) -> None:
    good, bad = scan(), scan(temperature_c="36.5")
    for attempt in range(2):
        results = gateway.post([good, bad]).json()["results"]
        assert [r["status"] for r in results] == ["duplicate" if attempt else "accepted", "rejected"]
        assert results[1]["reasons"][0]["field"] == "temperature_c"
        assert results[1]["reasons"][0]["message_zh"] == "该字段应为数字,不加引号"
    assert len(gateway.scans(good["event_id"])) == 1


def test_ten_at_once_is_one_accepted_and_nine_duplicates(gateway: Gateway) -> None:
    posted = scan()
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: gateway.post(posted).json()["results"][0]["status"], range(10)))
    assert sorted(answers) == ["accepted"] + ["duplicate"] * 9
    assert len(gateway.scans(posted["event_id"])) == 1


def test_the_same_id_with_another_content_is_a_conflict_and_kept(gateway: Gateway) -> None:
    posted = scan()
    assert gateway.post(posted).status_code == 202
    other = posted | {"temperature_c": 37.0}
    answer = gateway.post(other)
    assert (answer.status_code, answer.json()["code"]) == (409, "id_conflict")
    kept = [json.loads(payload) for letter, payload in gateway.letters() if letter.reason == "id_conflict"]
    assert other in kept
    [value] = gateway.scans(posted["event_id"])
    assert value["temperature_c"] == 36.5


def test_a_resend_later_is_still_the_same_scan(gateway: Gateway) -> None:
    posted = scan(sent_at="2020-02-18T08:30:01+08:00")
    assert gateway.post(posted).json()["results"][0]["status"] == "accepted"
    assert gateway.post(posted | {"sent_at": "2020-02-18T08:40:01+08:00"}).json()["results"][0]["status"] == "duplicate"


REFUSED_BODIES = {
    "empty": (b"", "body_empty"),
    "truncated": (b'{"version":1,', "body_not_json"),
    "trailing text": (b"{} x", "body_not_json"),
    "null": (b"null", "body_shape"),
    "empty array": (b"[]", "body_shape"),
    "a number": (b"7", "body_shape"),
    "nan": (b'{"a":NaN}', "body_not_json"),
    "infinity": (b'{"a":Infinity}', "body_not_json"),
    "duplicate key": (b'{"a":1,"a":2}', "duplicate_key"),
    "nested 300": (b"[" * 300 + b"]" * 300, "nesting"),
    "nested 100000": (b"[" * 100_000 + b"]" * 100_000, "nesting"),
    "5000 digits": (b'{"sequence":' + b"7" * 5_000 + b"}", "number_too_long"),
    "1.9 MB of nonsense": (b"x" * 1_900_000, "body_not_json"),
    "gbk": ('{"name":"张三"}'.encode("gbk"), "encoding"),
    "byte order mark": (b"\xef\xbb\xbf{}", "encoding"),
    "utf-16": ('{"a":1}'.encode("utf-16"), "encoding"),
    "lone surrogate": (b'{"a":"\\ud800"}', "body_not_json"),
}


@pytest.mark.parametrize("case", REFUSED_BODIES)
def test_a_body_that_is_no_usable_json_is_answered_400_and_kept_whole(gateway: Gateway, case: str) -> None:
    body, code = REFUSED_BODIES[case]
    answer = gateway.post(body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert body in [payload for letter, payload in gateway.letters() if letter.reason == code]


REFUSED_SCANS: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown field": ({"unit_id": "411426"}, "unit_id", "extra_forbidden"),
    "own risk": ({"risk": "low"}, "risk", "extra_forbidden"),
    "own receipt": ({"received_at": NOW}, "received_at", "extra_forbidden"),
    "temperature as text": ({"temperature_c": "36.5"}, "temperature_c", "float_type"),
    "temperature as truth": ({"temperature_c": True}, "temperature_c", "float_type"),
    "huge number": ({"temperature_c": 1e308}, "temperature_c", "less_than_equal"),
    "minus zero": ({"temperature_c": -0.0}, "temperature_c", "negative_zero"),
    "no offset": ({"occurred_at": "2020-02-18T08:30:00"}, "occurred_at", "time_format"),
    "a day as a time": ({"occurred_at": "20200218"}, "occurred_at", "time_format"),
    "seconds as milliseconds": ({"occurred_at": 1581985800}, "occurred_at", "time_range"),
    "hour 24": ({"occurred_at": "2020-02-18T24:00:00+08:00"}, "occurred_at", "time_format"),
    "second 60": ({"occurred_at": "2020-02-18T08:30:60+08:00"}, "occurred_at", "time_format"),
    "30 February": ({"occurred_at": "2020-02-30T08:30:00+08:00"}, "occurred_at", "time_invalid"),
    "year 9999": ({"occurred_at": "9999-01-01T00:00:00+08:00"}, "occurred_at", "time_range"),
    "random id": ({"event_id": "6f1c7a52-7c0b-4b8e-9d38-1d8b8a3a0c11"}, "event_id", "string_pattern_mismatch"),
    "NUL in a name": (
        {"person": {"name": "张\x00三", "document_type": "other", "document_number": "1"}},
        "person.name",
        "nul_character",
    ),
    "another kind": ({"kind": "plane"}, "", "union_tag_invalid"),
    "version 2": ({"version": 2}, "version", "literal_error"),
    "huge sequence": ({"sequence": 10**30}, "sequence", "less_than"),
    "words as code": ({"origin": {"code": "Wuhan"}}, "origin.code", "string_pattern_mismatch"),
    "another site": ({"site_id": "CP-411481-01"}, "site_id", "site_forbidden"),
    "5 kB destination": ({"destination": {"text": "夏" * 5_000}}, "destination.text", "string_too_long"),
}


@pytest.mark.parametrize("case", REFUSED_SCANS)
def test_a_wrong_field_is_named_and_the_scan_kept_in_the_dead_letters(gateway: Gateway, case: str) -> None:
    changes, field, code = REFUSED_SCANS[case]
    posted = scan(**changes)
    answer = gateway.post(posted)
    assert answer.status_code in (403, 422), answer.text
    named = [(why["field"], why["code"]) for why in answer.json()["reasons"]]
    assert (field, code) in named
    assert "张" not in answer.text
    kept = [(letter, json.loads(payload)) for letter, payload in gateway.letters() if letter.reason == code]
    assert any(value.get("event_id") == posted["event_id"] and value == posted for _, value in kept)
    assert not any("张" in letter.detail for letter, _ in kept)
    assert gateway.scans(posted["event_id"]) == []


LENIENT: dict[str, tuple[dict[str, Any], str]] = {
    "bad check digit": ({"document_number": "411426196501011230"}, "id_invalid"),
    "old number": ({"document_number": "411426650101123"}, "id_old_style"),
    "one digit": ({"document_number": "111111111111111111"}, "id_invalid"),
    "mojibake": ({"name": "寮犱笁"}, "name_mojibake"),
    "placeholder": ({"name": "无"}, "name_placeholder"),
    "mixed alphabets": ({"name": "Mаry"}, "name_confusable"),
    "phone of 12 digits": ({"phone": "138001380001"}, "phone_invalid"),
}


@pytest.mark.parametrize("case", LENIENT)
def test_a_person_with_odd_papers_is_accepted_and_flagged(gateway: Gateway, case: str) -> None:
    changes, flag = LENIENT[case]
    person = {"name": "测试甲", "document_type": "resident_id", "document_number": "411426196501011235"}
    [result] = gateway.post(scan(person=person | changes)).json()["results"]
    assert result["status"] == "accepted"
    assert flag in result["flags"]


@pytest.mark.parametrize("measured", [98.6, 365, 3650, 0, 12.0])
def test_an_implausible_temperature_becomes_missing_never_zero_and_never_fever(gateway: Gateway, measured: float) -> None:
    posted = scan(temperature_c=measured)
    assert "temperature_implausible" in gateway.post(posted).json()["results"][0]["flags"]
    assert gateway.scans(posted["event_id"])[0]["temperature_c"] is None


def test_spellings_of_one_document_are_one_person(gateway: Gateway) -> None:
    spellings = ["41142619900101123X", "41142619900101123x", " 411426 19900101 123X ", "411426199001011２３Ｘ"]
    keys = set()
    for number in spellings:
        posted = scan(person={"name": "测试甲", "document_type": "resident_id", "document_number": number})
        gateway.post(posted)
        keys.add(gateway.scans(posted["event_id"])[0]["person"]["key"])
    assert len(keys) == 1


def test_a_wrong_device_clock_is_corrected_and_the_original_kept(gateway: Gateway) -> None:
    posted = scan(occurred_at="2020-02-18T05:29:00+08:00", sent_at="2020-02-18T05:30:05+08:00")
    assert "clock_suspect" in gateway.post(posted).json()["results"][0]["flags"]
    value = gateway.scans(posted["event_id"])[0]
    assert value["occurred_at"] == "2020-02-18T08:29:00.000+08:00"
    identity = gateway.keys.seal("2020-02-18", "identity").open(value["sealed"]["identity"], posted["event_id"])
    assert json.loads(identity)["occurred_raw"] == "2020-02-18T05:29:00.000+08:00"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"authorization": ""}, 401, "token_missing"),
        ({"authorization": "Bearer sq_device_wrong"}, 401, "token_unknown"),
        ({"authorization": f"Bearer {UNIT_TOKEN}"}, 403, "role_forbidden"),
        ({"content_type": "application/x-www-form-urlencoded"}, 415, "media_type"),
        ({"content_encoding": "br"}, 415, "content_encoding"),
        ({"content_encoding": "gzip"}, 400, "gzip_broken"),
        ({"x_simulated_now": "yesterday"}, 400, "simulated_clock"),
    ],
)
def test_a_post_that_may_not_be_read_is_a_problem_with_advice(
    gateway: Gateway, headers: dict[str, str], status: int, code: str
) -> None:
    answer = gateway.post(scan(), **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"]
    assert answer.json()["server_time"]


def test_gzip_is_read_and_a_bomb_is_stopped(gateway: Gateway) -> None:
    body = json.dumps([scan(), scan()]).encode()
    assert gateway.post(gzip.compress(body), content_encoding="gzip").status_code == 202
    bomb = gzip.compress(b" " * 200_000_000)
    assert gateway.post(bomb, content_encoding="gzip").status_code == 413
    assert gateway.post(b" " * 2_000_001).status_code == 413
    assert gateway.post([scan() for _ in range(501)]).status_code == 413


def test_declared_gbk_is_read(gateway: Gateway) -> None:
    posted = scan()
    body = json.dumps(posted, ensure_ascii=False).encode("gbk")
    assert gateway.post(body, content_type="application/json; charset=gbk").status_code == 202
    assert gateway.scans(posted["event_id"])[0]["person"]["name_masked"] == "测**"


def test_unknown_paths_and_methods_are_problems_too(gateway: Gateway) -> None:
    assert gateway.client.get("/v1/scans").json()["code"] == "http_405"
    assert gateway.client.get("/nothing").headers["content-type"] == "application/problem+json"


def test_documentation_and_metrics_hold_no_person(gateway: Gateway) -> None:
    gateway.post(scan())
    page = gateway.client.get("/docs").text
    assert "id_conflict" in page
    assert "http://" not in page
    assert "https://" not in page
    assert gateway.client.get("/openapi.json").json()["paths"]["/v1/scans"]["post"]["responses"]["503"]
    metrics = gateway.client.get("/metrics").text
    assert 'arrivals_gateway_scans_total{result="accepted"}' in metrics
    log = (gateway.settings.data_dir / "gateway.log").read_text("utf-8")
    for canary in ("测试甲", "411426196501011235", "豫N12345"):
        assert canary not in metrics + log


def test_a_slow_body_is_cut_off_without_hurting_others(kafka_server: KafkaServer, tmp_path: Path, topic_prefix: str) -> None:
    made = start_gateway(kafka_server.bootstrap, topic_prefix, tmp_path, gateway_body_seconds=0.5)
    try:
        with socket.create_connection(("127.0.0.1", made.settings.gateway_port), timeout=10) as slow:
            head = (
                "POST /v1/scans HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sq_device_test-only\r\nContent-Length: 100\r\n\r\n{"
            )
            slow.sendall(head.encode())
            assert made.post(scan()).status_code == 202
            assert b"408" in slow.recv(1_000)
    finally:
        made.client.close()
        stop_child(made.process)


def test_a_device_that_floods_is_told_when_to_come_again(kafka_server: KafkaServer, tmp_path: Path, topic_prefix: str) -> None:
    made = start_gateway(kafka_server.bootstrap, topic_prefix, tmp_path, gateway_rate_per_device=10)
    try:
        answers = [made.post([scan() for _ in range(50)]) for _ in range(4)]
        limited = [answer for answer in answers if answer.status_code == 429]
        assert [answer.status_code for answer in answers[:2]] == [202, 202]
        assert limited
        assert int(limited[0].headers["retry-after"]) >= 1
    finally:
        made.client.close()
        stop_child(made.process)


def test_killed_and_started_again_it_still_knows_the_ids(kafka_server: KafkaServer, tmp_path: Path, topic_prefix: str) -> None:
    made = start_gateway(kafka_server.bootstrap, topic_prefix, tmp_path)
    posted = scan()
    try:
        assert made.post(posted).json()["results"][0]["status"] == "accepted"
        made.process.kill()
        made.process.wait()
        made.client.close()
        made.process, made.client = run_process(made.settings, tmp_path)
        assert made.post(posted).json()["results"][0]["status"] == "duplicate"
        assert made.post(posted | {"sequence": 9}).status_code == 409
    finally:
        made.client.close()
        stop_child(made.process)


def test_without_kafka_it_answers_503_in_time_and_recovers_by_itself(tmp_path: Path) -> None:
    jars = Path(__file__).parent.parent / ".data" / "cache" / "kafka-4.3.1"
    with KafkaServer(tmp_path / "kafka", cache_dir=jars) as server:
        made = start_gateway(server.bootstrap, "down.", tmp_path)
        try:
            posted = scan()
            server.kill()
            answer = made.post(posted)
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) >= 1
            assert made.client.get("/readyz").status_code == 503
            assert made.client.get("/healthz").status_code == 200
            server.start()
            deadline = time.monotonic() + 60
            while made.post(posted).status_code != 202 and time.monotonic() < deadline:
                time.sleep(0.2)
            assert made.post(posted).json()["results"][0]["status"] == "duplicate"
            assert len({v["event_id"] for v in made.scans(posted["event_id"])}) == 1
        finally:
            made.client.close()
            stop_child(made.process)
