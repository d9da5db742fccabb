"""From a body to a record, without any server: parsing, reasons, flags, what is sealed (T41-T57)."""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from producers.intake import Prepared, content_digest, person_key, prepare
from producers.parsing import event_id_of, parse_body, validate_scan
from producers.reasons import REASONS
from schemas.base import LOCAL
from schemas.errors import Rejected
from schemas.recorded import ADDRESS, RECORDED
from tests.gateway_kit import scan

T = TypeVar("T")
NOW = datetime(2020, 2, 18, 8, 30, 5, tzinfo=LOCAL)
SEALED = {"key_id": "2020-02-18", "identity": "", "address": None}


def keyed(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def prepared(now: datetime = NOW, **changes: Any) -> Prepared:
    return prepare(validate_scan(orjson.loads(orjson.dumps(scan(**changes)))), "dev-1", now, keyed)


def refusal(value: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        validate_scan(value)
    return caught.value


def rejected_or(function: Callable[[Any], T], value: Any) -> T | Rejected:
    try:
        return function(value)
    except Rejected as error:
        return error


def person(**changes: Any) -> dict[str, Any]:
    return {"name": "测试甲", "document_type": "resident_id", "document_number": "411426196501011235"} | changes


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=15,
)


@given(st.binary(max_size=300))
@example(b"[" * 100_000)
@example(b'{"a":"\\ud800"}')
@example(b"[1e999]")
@example(b'"\xff"')
def test_no_body_raises_anything_but_rejected(body: bytes) -> None:
    outcome = rejected_or(parse_body, body)
    if isinstance(outcome, Rejected):
        assert outcome.reasons[0].code in REASONS
    else:
        assert outcome[1] == body.lstrip().startswith(b"[")


@pytest.mark.parametrize("digits", [999, 1000])
def test_a_number_of_a_thousand_digits_is_endless(digits: int) -> None:
    outcome = rejected_or(parse_body, b'{"sequence":' + b"7" * digits + b"}")
    assert isinstance(outcome, Rejected) == (digits == 1000)
    assert not isinstance(outcome, Rejected) or outcome.code == "number_too_long"


def test_a_text_too_long_is_called_so() -> None:
    reasons = refusal(scan(person=person(phone="1" * 41), vehicle={"plate": "豫" * 21})).reasons
    assert [reason.code for reason in reasons] == ["string_too_long", "string_too_long"]


@given(json_values)
def test_no_value_raises_anything_but_rejected(value: Any) -> None:
    for reason in refusal(value).reasons:
        assert reason.code in REASONS
        assert reason.message_zh


@given(st.sampled_from(sorted(scan())), json_values)
def test_a_scan_with_one_strange_field_is_recorded_or_rejected_by_name(field: str, value: Any) -> None:
    outcome = rejected_or(validate_scan, scan() | {field: value})
    if isinstance(outcome, Rejected):
        assert all(reason.field.split(".")[0] in (field, "", "rail", "vehicle") for reason in outcome.reasons)
    else:
        record = prepare(outcome, "dev-1", NOW, keyed).record
        assert RECORDED.validate_json(orjson.dumps(record | {"sealed": SEALED}))


@settings(max_examples=60)
@given(st.text(max_size=40), st.integers(0, 40))
def test_a_nul_is_never_accepted(text: str, position: int) -> None:
    spoilt = text[:position] + "\x00" + text[position:]
    for changes in (
        {"person": person(name=spoilt)},
        {"destination": {"text": spoilt}},
        {"person": person(document_number=spoilt)},
    ):
        codes = {reason.code for reason in refusal(scan(**changes)).reasons}
        assert codes & {"nul_character", "string_too_long"}


@given(
    st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=200),
    st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=500),
)
def test_what_is_accepted_is_kept_as_written(name: str, destination: str) -> None:
    found = prepared(person=person(name=name), destination={"text": destination}, origin={"code": "420106"})
    assert json.loads(found.identity)["name"] == name
    kept = ADDRESS.validate_json(found.address).destination if found.address else ""
    assert kept == destination
    record = orjson.dumps(found.record | {"sealed": SEALED})
    again = RECORDED.dump_json(RECORDED.validate_json(record))
    assert RECORDED.validate_json(again) == RECORDED.validate_json(record)


def test_the_record_has_the_declared_fields_in_the_declared_order() -> None:
    from schemas.recorded import RecordedScan

    assert [*prepared().record, "sealed"] == list(RecordedScan.model_fields)


def test_nothing_readable_holds_the_person() -> None:
    readable = orjson.dumps(prepared(person=person(phone="19900000001")).record).decode()
    for secret in ("测试甲", "411426196501011235", "19900000001", "豫N12345", "火店"):
        assert secret not in readable


def test_no_address_text_no_address_seal() -> None:
    assert prepared(origin={"code": "4403"}, destination={"code": "411426"}).address is None
    assert prepared(origin={"code": "4403"}, destination={"text": ""}).address is None


@pytest.mark.parametrize(
    ("measured", "kept", "flag"),
    [
        (36.54, 36.5, None),
        (37.3, 37.3, None),
        (30.0, 30.0, None),
        (45.0, 45.0, None),
        (29.9, None, "temperature_implausible"),
        (45.1, None, "temperature_implausible"),
        (98.6, None, "temperature_implausible"),
        (365, None, "temperature_implausible"),
        (3650, None, "temperature_implausible"),
        (0, None, "temperature_implausible"),
        (None, None, "temperature_missing"),
    ],
)
def test_temperature(measured: float | None, kept: float | None, flag: str | None) -> None:
    found = prepared(temperature_c=measured)
    assert found.record["temperature_c"] == kept
    assert [f for f in found.flags if f.startswith("temperature")] == ([flag] if flag else [])
    assert json.loads(found.identity)["temperature_raw"] == measured


def at(**offset: int) -> str:
    return (NOW + timedelta(**offset)).isoformat()


@pytest.mark.parametrize(
    ("occurred", "sent", "kept", "flags"),
    [
        (at(seconds=-5), None, at(seconds=-5), ()),
        (at(minutes=-10), None, at(minutes=-10), ()),
        (at(minutes=-11), None, at(minutes=-11), ("late",)),
        (at(minutes=5), None, at(minutes=5), ()),
        (at(minutes=6), None, at(minutes=6), ("clock_suspect",)),
        (at(days=365), None, at(days=365), ("clock_suspect",)),
        (at(days=-44), None, at(days=-44), ("late",)),
        (at(days=-46), None, at(days=-46), ("clock_suspect", "late")),
        (at(hours=-3), at(hours=-3, seconds=20), at(seconds=-20), ("clock_suspect",)),
        (at(hours=-2), at(seconds=-1), at(hours=-2), ("late",)),
        (at(minutes=25), at(minutes=25, seconds=1), at(seconds=-1), ("clock_suspect",)),
        ("2099-12-31T00:00:00+08:00", "2000-01-01T12:00:00+08:00", "2099-12-31T00:00:00+08:00", ("clock_suspect",)),
    ],
)
def test_time_is_corrected_where_the_device_shows_its_clock(
    occurred: str, sent: str | None, kept: str, flags: tuple[str, ...]
) -> None:
    found = prepared(occurred_at=occurred, sent_at=sent, person=person(phone="19900000001"))
    assert datetime.fromisoformat(found.record["occurred_at"]) == datetime.fromisoformat(kept)
    assert found.flags == flags
    assert datetime.fromisoformat(json.loads(found.identity)["occurred_raw"]) == datetime.fromisoformat(occurred)


@pytest.mark.parametrize("text", ["2099-12-31T23:30:00Z", "2000-01-01T00:00:00+14:00", 4_102_420_000_000])
def test_a_time_whose_local_form_would_leave_the_centuries_is_refused(text: str | int) -> None:
    assert [reason.code for reason in refusal(scan(occurred_at=text)).reasons] == ["time_range"]


@given(st.integers(946_684_800_000, 4_102_415_999_999), st.integers(946_684_800_000, 4_102_415_999_999))
def test_any_two_clock_readings_give_a_time_the_topic_can_hold(occurred: int, sent: int) -> None:
    record = prepared(occurred_at=occurred, sent_at=sent).record
    assert RECORDED.validate_json(orjson.dumps(record | {"sealed": SEALED})).occurred_at == record["occurred_at"]


def test_a_repeat_has_the_same_digest_and_another_content_another() -> None:
    first = scan()
    turned = dict(reversed(first.items()))
    assert content_digest(first) == content_digest(turned | {"sent_at": "2020-02-18T09:00:00+08:00"})
    assert content_digest(first) != content_digest(first | {"temperature_c": 36.6})


def test_a_person_is_one_by_type_and_number_of_the_document() -> None:
    def key(**changes: Any) -> str:
        return person_key(validate_scan(scan(person=person(**changes))), keyed)

    assert key() == key(document_number="４１１４２６ 19650101 1235") == prepared().person_key
    assert key() == key(name="另一个名字")
    assert key() != key(document_type="other")
    assert key() != key(document_number="411426196501011236")


def test_stays_and_trains_that_cannot_be_are_flagged() -> None:
    stay = {"place": {"code": "420100"}, "from_day": "2020-02-10", "to_day": "2020-02-01"}
    assert "stay_invalid" in prepared(stays=[stay]).flags
    rail = scan(kind="rail", rail={"train": "Z9?", "service_date": "2020-02-17"})
    del rail["vehicle"]
    assert "train_invalid" in prepare(validate_scan(rail), "dev-1", NOW, keyed).flags
    assert "plate_invalid" in prepared(vehicle={"plate": "豫N1"}).flags


@given(st.text(alphabet=string.printable + "张三豫鄂", min_size=1, max_size=30))
def test_an_unknown_field_is_named_only_when_its_name_looks_like_ours(name: str) -> None:
    if name in scan() or name in ("sent_at", "stays", "symptoms", "purpose", "lodging", "party_id", "operator"):
        return
    [reason] = refusal(scan() | {name: 1}).reasons
    assert reason.code == "extra_forbidden"
    assert reason.field == "?" or not any(c in reason.field for c in string.digits + "张三豫鄂")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"event_id": "01705656-c5a0-7001-8000-000000000001"}, ("01705656-c5a0-7001-8000-000000000001", True)),
        ({"event_id": "mine"}, ("mine", False)),
        ({"event_id": "x" * 65}, (None, False)),
        ({"event_id": "a\nb"}, (None, False)),
        ({"event_id": 7}, (None, False)),
        ([], (None, False)),
    ],
)
def test_the_id_of_a_refused_value(value: Any, found: tuple[str | None, bool]) -> None:
    assert event_id_of(value) == found


@pytest.mark.parametrize(
    ("body", "charset", "code", "hint"),
    [
        ('{"name":"张三"}'.encode("gbk"), "utf-8", "encoding", "GBK"),
        (b"\xef\xbb\xbf{}", "utf-8", "encoding", "byte order mark"),
        ('{"a":1}'.encode("utf-16"), "utf-8", "encoding", "UTF-16"),
        ('{"a":1}'.encode("utf-16-le"), "utf-8", "encoding", "UTF-16"),
        (b"\xff\xff", "gb18030", "encoding", "GBK"),
        (b"{}", "?", "encoding", "GBK"),
        (b'{"a":1,}', "utf-8", "body_not_json", "line 1, column 8"),
        (b'{"a":\n 1 x', "utf-8", "body_not_json", "line 2"),
        (b"  ", "utf-8", "body_empty", "empty"),
        (b'{"a":1,"a":2}', "utf-8", "duplicate_key", "line 1"),
    ],
)
def test_a_body_is_refused_with_a_pointer(body: bytes, charset: str, code: str, hint: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse_body(body, charset)
    assert caught.value.code == code
    assert hint in caught.value.reasons[0].message


def test_an_array_may_hold_five_hundred() -> None:
    assert len(parse_body(orjson.dumps([{}] * 500))[0]) == 500
    with pytest.raises(Rejected, match="500"):
        parse_body(orjson.dumps([{}] * 501))
