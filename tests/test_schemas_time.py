"""Instants: what we write ourselves is read the short way, and means the same as by the long one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.base import LOCAL, Instant, format_instant

INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
EARLIEST_MS, LATEST_MS = 946_900_000_000, 4_102_200_000_000
moments = st.integers(EARLIEST_MS, LATEST_MS).map(lambda ms: datetime.fromtimestamp(0, LOCAL) + timedelta(milliseconds=ms))


@given(moments, st.integers(-14, 14))
def test_an_instant_is_the_same_in_every_form(at: datetime, hours: int) -> None:
    written = format_instant(at)
    elsewhere = at.astimezone(UTC) + timedelta(hours=hours)
    forms = [written, f"{elsewhere.replace(tzinfo=None).isoformat()}{hours:+03d}:00", round(at.timestamp() * 1000)]
    read = [INSTANT.validate_python(form) for form in forms]
    assert read == [at] * len(forms)
    assert {(one.utcoffset(), format_instant(one)) for one in read} == {(timedelta(hours=8), written)}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2020-02-30T08:30:00.000+08:00", "time_invalid"),
        ("2020-13-01T08:30:00.000+08:00", "time_invalid"),
        ("1999-12-31T23:59:59.999+08:00", "time_range"),
        ("2100-01-01T00:00:00.000+08:00", "time_range"),
        ("2020-02-18T24:00:00.000+08:00", "time_format"),
        ("2020-02-18T08:30:60.000+08:00", "time_format"),
        ("2020-02-18T08:30:00.000+08:00\n", "time_format"),
        ("٢020-02-18T08:30:00.000+08:00", "time_format"),
        ("2020-02-18 08:30:00.000+08:00", "time_format"),
    ],
)
def test_what_is_no_instant_says_why(text: str, reason: str) -> None:
    with pytest.raises(ValidationError) as error:
        INSTANT.validate_python(text)
    assert error.value.errors()[0]["type"] == reason
