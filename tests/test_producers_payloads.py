"""What a gun types, and what becomes of it before it is a scan."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import pytest

from producers.payloads import LONGEST_LINE, Circumstances, complete, read_payload
from schemas.base import LOCAL
from schemas.errors import Rejected

AT = Circumstances("CP-411426-01", "017053e0-bf24-7892-9767-727e1818e811", 7, datetime(2020, 2, 18, 8, 30, tzinfo=LOCAL))
CODE: dict[str, Any] = {
    "person": {"name": "测试甲", "document_type": "resident_id", "document_number": "411426196501011235"},
    "origin": {"code": "4403"},
    "destination": {"text": "夏邑县火店镇火店村"},
}


@pytest.mark.parametrize("charset", ["utf-8", "gb18030"])
def test_what_only_the_device_knows_is_filled_in(charset: str) -> None:
    line = orjson.dumps(CODE).decode().encode(charset)
    made = complete(read_payload(line), AT)
    assert (made.event_id, made.sequence) == (AT.event_id, 7)
    assert orjson.loads(made.body) == CODE | {
        "version": 1,
        "kind": "checkpoint",
        "event_id": AT.event_id,
        "site_id": AT.site_id,
        "sequence": 7,
        "occurred_at": "2020-02-18T08:30:00.000+08:00",
    }


def test_what_the_code_says_itself_is_kept() -> None:
    own = {
        "event_id": "017053e0-bf24-7892-9767-727e1818e899",
        "site_id": "ST-SQF",
        "sequence": 900,
        "occurred_at": "2020-02-17T20:00:00+08:00",
        "rail": {"train": "K1234", "service_date": "2020-02-17"},
    }
    made = complete(CODE | own, AT)
    assert orjson.loads(made.body) == {"version": 1, "kind": "rail"} | CODE | own
    assert (made.event_id, made.sequence) == (own["event_id"], 900)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"https://health.example/411426196501011235", "payload_unknown"),
        (b"411426196501011235", "payload_unknown"),
        (b'[{"person": {}}]', "payload_unknown"),
        (b'{"person": {"name": "', "payload_damaged"),
        (b'{"a": 1} {"b": 2}', "payload_damaged"),
        (b'{"a": 1, "a": 2}', "duplicate_key"),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "scan_too_large"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "nesting"),
        (b"{" + b" " * LONGEST_LINE, "scan_too_large"),
        (b"\xff\xfe{\x00}\x00", "payload_unknown"),
        (b'{"person": "\xff\xff"}', "encoding"),
    ],
)
def test_a_line_that_is_no_scan_has_one_reason_without_its_content(line: bytes, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        read_payload(line)
    assert [reason.code for reason in refused.value.reasons] == [code]
    assert "411426196501011235" not in f"{refused.value} {refused.value.reasons}"


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(Rejected) as refused:
        complete(CODE | {"person": {"name": "测试甲"}, "colour": "red"}, AT)
    named = {reason.field: reason.code for reason in refused.value.reasons}
    assert named == {"person.document_type": "missing", "person.document_number": "missing", "colour": "extra_forbidden"}
