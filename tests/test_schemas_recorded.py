"""A router one release behind its gateways: new fields and new words must not stop anybody's arrival (T57)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.recorded import read_recorded

EXAMPLE = Path(__file__).parent.parent / "schemas" / "examples" / "scans" / "v1" / "checkpoint.json"


def record(**changes: Any) -> bytes:
    return json.dumps(json.loads(EXAMPLE.read_text("utf-8")) | changes).encode()


def test_new_words_are_read_as_other_or_unknown() -> None:
    whole = json.loads(EXAMPLE.read_text("utf-8"))
    scan = read_recorded(
        record(
            purpose="pilgrimage",
            lodging="tent",
            symptoms=["cough", "loss_of_smell", "fever"],
            quality=["late", "new_flag", "newer_flag", "id_invalid"],
            person=whole["person"] | {"document_type": "digital_id"},
            vehicle={"role": "drone"},
            a_new_field={"any": 1},
        )
    )
    assert (scan.purpose, scan.lodging, scan.person.document_type) == ("other", "unknown", "other")
    assert scan.symptoms == ("cough", "other", "fever")
    assert scan.quality == ("late", "id_invalid")
    assert scan.vehicle is not None
    assert scan.vehicle.role == "other"


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "harbour"}, {"version": 2}, {"purpose": 7}, {"purpose": "new", "temperature_c": "36.5"}, {"symptoms": "new"}],
)
def test_what_is_wrong_otherwise_stays_wrong(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read_recorded(record(**wrong))


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"{", b"\xff"])
def test_what_is_no_scan_is_refused(raw: bytes) -> None:
    with pytest.raises(ValidationError):
        read_recorded(raw)
