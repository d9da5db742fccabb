"""Health check-ins at the gateway: a real process, real HTTP, real Kafka; answered and kept as scans are."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.process import stop_child
from arrivals.runtime.reference_writer import append, credential_row
from producers.parsing import validate_checkin
from producers.simulator.checkins import CheckinPost, plan_checkins
from schemas.checkin import RECORDED_CHECKIN, Checkin, RecordedCheckin
from tests.checkins_kit import COUNTY, ENTERPRISE, PATH, checkin, enterprise, person, resident
from tests.gateway_kit import TOKEN, Gateway, run_process, scan, start_gateway

TOKENS = {scope: f"sq_device_test-{scope}" for scope in (COUNTY, ENTERPRISE, "411426101", "411481")}


@pytest.fixture(scope="module")
def gateway(kafka_server: KafkaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    made = start_gateway(kafka_server.bootstrap, "ci.", tmp_path_factory.mktemp("checkins"))
    rows = [credential_row(token, "device", f"device:{scope}", scope, "test") for scope, token in TOKENS.items()]
    append(made.settings, rows)
    while post(made, checkin()).status_code == 401:
        pass
    yield made
    made.client.close()
    assert stop_child(made.process) == 0


def post(gateway: Gateway, body: Any, scope: str = COUNTY, **headers: str) -> Any:
    return gateway.post(body, PATH, authorization=f"Bearer {TOKENS[scope]}", **headers)


def kept(gateway: Gateway, event_id: str) -> list[RecordedCheckin]:
    records = [RECORDED_CHECKIN.validate_json(record.value) for record in gateway.records("checkins")]
    return [record for record in records if record.event_id == event_id]


def test_accepted_means_sealed_on_kafka(gateway: Gateway) -> None:
    posted = checkin(sent_at="2020-02-18T08:30:04+08:00")
    answer = post(gateway, posted)
    assert answer.status_code == 202
    flags = ["late"]
    assert answer.json()["results"] == [{"event_id": posted["event_id"], "status": "accepted", "flags": flags, "reasons": []}]
    [record] = kept(gateway, posted["event_id"])
    assert (record.county_code, record.unit, record.checked_on.isoformat()) == (COUNTY, None, "2020-02-18")
    assert (record.person.name_masked, record.temperature_c, record.whereabouts) == ("测**", 36.4, "at_work")
    [raw] = [r for r in gateway.records("checkins") if posted["event_id"].encode() in r.value]
    assert raw.key == record.person.key.encode()
    assert (b"schema", b"checkin/1") in [(name.encode(), value) for name, value in raw.headers]
    assert "T-000001" not in raw.value.decode()
    sealed = gateway.keys.seal("2020-02-18", "identity").open(record.sealed.identity, record.event_id)
    assert json.loads(sealed)["document_number"] == "T000001"


def test_a_person_has_one_key_in_scans_and_check_ins(gateway: Gateway) -> None:
    scanned, checked = scan(person=person(7)), checkin(7)
    gateway.post(scanned)
    post(gateway, checked)
    assert gateway.scans(scanned["event_id"])[0]["person"]["key"] == kept(gateway, checked["event_id"])[0].person.key


def test_an_array_gzipped_has_an_answer_for_each_and_a_repeat_is_a_duplicate(gateway: Gateway) -> None:
    good, bad = [checkin(n) for n in range(200)], checkin(temperature_c="36.5")
    body = gzip.compress(json.dumps([*good, bad], ensure_ascii=False).encode())
    for status in ("accepted", "duplicate"):
        results = post(gateway, body, content_encoding="gzip").json()["results"]
        assert [r["status"] for r in results] == [status] * 200 + ["rejected"]
        assert results[-1]["reasons"][0]["field"] == "temperature_c"
    ids = {value["event_id"] for value in good}
    found = [json.loads(record.value)["event_id"] for record in gateway.records("checkins")]
    assert sorted(found_id for found_id in found if found_id in ids) == sorted(ids)
    assert post(gateway, [checkin() for _ in range(501)]).status_code == 413


def test_the_same_id_with_another_content_is_a_conflict_and_kept(gateway: Gateway) -> None:
    posted = checkin()
    assert post(gateway, posted).status_code == 202
    answer = post(gateway, posted | {"temperature_c": 38.0})
    assert (answer.status_code, answer.json()["code"]) == (409, "id_conflict")
    assert kept(gateway, posted["event_id"])[0].temperature_c == 36.4


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no offset": (checkin(made_at="2020-02-18T07:50:00"), "made_at", "time_format"),
    "temperature as text": (checkin(temperature_c="36.5"), "temperature_c", "float_type"),
    "minus zero": (checkin(temperature_c=-0.0), "temperature_c", "negative_zero"),
    "unknown field": (checkin(risk="low"), "risk", "extra_forbidden"),
    "another kind": (checkin(kind="visitor"), "kind", "literal_error"),
    "for two": (checkin(unit="411426101201"), "", "checkin_place"),
    "for nobody": (resident() | {"unit": None}, "", "checkin_place"),
    "an employee of a village": (resident(kind="employee"), "", "checkin_kind"),
    "a resident of a factory": (checkin(kind="resident"), "", "checkin_kind"),
    "the city as unit": (resident(unit="4114"), "unit", "string_pattern_mismatch"),
    "another county": (checkin(enterprise=enterprise(county="411481")), "enterprise", "place_forbidden"),
    "a unit elsewhere": (resident(unit="411481100"), "unit", "place_forbidden"),
    "no such village": (resident(unit="411426101999"), "unit", "place_unknown"),
    "no such compound": (resident(unit="411426101201-09"), "unit", "place_unknown"),
    "a scan": (scan(), "kind", "literal_error"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_named_and_kept_in_the_dead_letters(gateway: Gateway, case: str) -> None:
    posted, field, code = REFUSED[case]
    answer = post(gateway, posted)
    assert answer.status_code in (403, 422), answer.text
    assert (field, code) in [(why["field"], why["code"]) for why in answer.json()["reasons"]]
    assert "测试" not in answer.text
    assert posted in [json.loads(payload) for letter, payload in gateway.letters() if letter.event_id == posted["event_id"]]
    assert kept(gateway, posted["event_id"]) == []


def test_a_body_that_is_no_json_is_answered_400_and_kept_whole(gateway: Gateway) -> None:
    answer = post(gateway, b'{"event_id":')
    assert (answer.status_code, answer.json()["code"]) == (400, "body_not_json")
    assert b'{"event_id":' in [payload for _, payload in gateway.letters()]


@pytest.mark.parametrize(
    ("scope", "posted", "status"),
    [
        (ENTERPRISE, checkin(), 202),
        (ENTERPRISE, checkin(enterprise=enterprise("E-OTHER")), 403),
        (ENTERPRISE, resident(), 403),
        ("411426101", resident(), 202),
        ("411426101", checkin(), 403),
        ("411481", resident(), 403),
    ],
)
def test_a_device_reports_for_whom_it_is_registered(gateway: Gateway, scope: str, posted: dict[str, Any], status: int) -> None:
    assert post(gateway, posted, scope).status_code == status


def test_the_device_of_a_site_reports_for_nobody_and_a_county_s_scans_nobody(gateway: Gateway) -> None:
    assert gateway.post(checkin(), PATH, authorization=f"Bearer {TOKEN}").status_code == 403
    assert gateway.post(scan(), authorization=f"Bearer {TOKENS[COUNTY]}").json()["code"] == "site_forbidden"
    assert gateway.client.post(PATH, content=b"{}").status_code == 401


@pytest.mark.parametrize("measured", [None, 0, 98.6])
def test_a_temperature_nobody_took_is_missing_and_never_zero(gateway: Gateway, measured: float | None) -> None:
    posted = checkin(temperature_c=measured)
    flag = "temperature_missing" if measured is None else "temperature_implausible"
    assert flag in post(gateway, posted).json()["results"][0]["flags"]
    assert kept(gateway, posted["event_id"])[0].temperature_c is None


def test_the_day_is_the_local_day_of_the_check_in(gateway: Gateway) -> None:
    posted = checkin(made_at="2020-02-17T16:30:00Z")
    post(gateway, posted)
    assert kept(gateway, posted["event_id"])[0].checked_on.isoformat() == "2020-02-18"


def test_it_is_documented_and_counted(gateway: Gateway) -> None:
    described = gateway.client.get("/openapi.json").json()
    examples = described["paths"][PATH]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert set(examples) == {"employee", "resident", "gate"}
    assert {"Scan", "Checkin", "Person", "Enterprise"} <= set(described["components"]["schemas"])
    assert PATH in gateway.client.get("/docs").text
    assert gateway.client.get(PATH).json()["code"] == "http_405"
    assert 'arrivals_gateway_checkins_total{result="accepted"}' in gateway.client.get("/metrics").text


def test_a_restarted_gateway_still_knows_the_ids(gateway: Gateway) -> None:
    posted = checkin()
    assert post(gateway, posted).json()["results"][0]["status"] == "accepted"
    gateway.process.kill()
    gateway.process.wait()
    gateway.client.close()
    gateway.process, gateway.client = run_process(gateway.settings, gateway.settings.data_dir)
    assert post(gateway, posted).json()["results"][0]["status"] == "duplicate"


def test_the_sample_day_s_check_ins_are_good_and_the_same_every_time() -> None:
    posts = list(plan_checkins(date(2020, 2, 18), 7))
    assert posts == list(plan_checkins(date(2020, 2, 18), 7))
    checkins = [validate_checkin(value) for post in posts for value in post.checkins]
    assert len(checkins) == len({checkin.event_id for checkin in checkins}) > 400
    assert all(checkin.enterprise and checkin.enterprise.county == post.county for post in posts for checkin in _read(post))
    assert all(checkin.made_at < post.at for post in posts for checkin in _read(post))
    days = [{c.person.document_number for post in posts if post.at.day == day for c in _read(post)} for day in (17, 18)]
    assert days[0] - days[1]
    assert any(checkin.temperature_c and checkin.temperature_c >= 37.3 for checkin in checkins)


def _read(post: CheckinPost) -> list[Checkin]:
    return [validate_checkin(value) for value in post.checkins]
