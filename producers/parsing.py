"""From a body to scans and check-ins, strictly: bytes → JSON values → models, with a reason for everything that is refused. Pure.

One parser everywhere (jiter, the one inside pydantic-core): duplicate keys, NaN, deep nesting, lone surrogates and invalid UTF-8
are errors with a position.
"""

from __future__ import annotations

import re
from math import copysign
from typing import Any, TypeVar

import jiter
from pydantic import TypeAdapter, ValidationError

from producers.reasons import of_validation, reason
from schemas.checkin import CHECKIN, Checkin
from schemas.errors import Reason, Rejected
from schemas.scan import SCAN, CheckpointScan, RailScan

#: What a post may be made of.
Event = CheckpointScan | RailScan | Checkin
E = TypeVar("E", CheckpointScan | RailScan, Checkin)
MOST_EVENTS = 500
_TAGS = ("checkpoint", "rail")
#: No field of ours has that many digits, and turning such a number back into text takes quadratic time.
_ENDLESS_NUMBER, _DIGITS_TO_ZERO = b"0" * 1000, bytes.maketrans(b"123456789", b"000000000")
_EVENT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
_LONGEST_ID = 64
_POSITION = re.compile(r"line (\d+) column (\d+)")


def parse_body(body: bytes, charset: str = "utf-8") -> tuple[list[Any], bool]:
    """The JSON values of a body and whether it was an array. Raises Rejected with one reason when it is no usable JSON at all."""
    if charset not in ("utf-8", "utf8"):
        try:
            body = body.decode(charset).encode()
        except (UnicodeError, LookupError):
            raise _refused("encoding") from None
    if not body.strip():
        raise _refused("body_empty")
    if _ENDLESS_NUMBER in body.translate(_DIGITS_TO_ZERO):
        raise _refused("number_too_long")
    try:
        value = jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError as error:
        raise _json_error(str(error), body) from None
    except RecursionError:
        raise _refused("nesting") from None
    if isinstance(value, dict):
        return [value], False
    if not isinstance(value, list) or not value:
        raise _refused("body_shape")
    if len(value) > MOST_EVENTS:
        raise _refused("batch_too_large")
    return value, True


def validate_scan(value: Any) -> CheckpointScan | RailScan:
    """The scan behind a JSON value. Raises Rejected (`event_invalid`) with a reason per wrong field, eight at most."""
    return _validated(value, SCAN, _TAGS)


def validate_checkin(value: Any) -> Checkin:
    """The check-in behind a JSON value. Raises Rejected like `validate_scan`."""
    return _validated(value, CHECKIN)


def event_id_of(value: Any) -> tuple[str | None, bool]:
    """The event id a refused value claims to have, when it is short text, so that the device can tell which scan the answer is
    about; and whether it really has the form of one, so that it may stand in clear.
    """
    found = value.get("event_id") if isinstance(value, dict) else None
    if not isinstance(found, str) or len(found) > _LONGEST_ID or not found.isprintable():
        return None, False
    return found, bool(_EVENT_ID.match(found))


def _validated(value: Any, adapter: TypeAdapter[E], tags: tuple[str, ...] = ()) -> E:
    """`validate_python` without the third of its time that goes into options nobody gave; `tags` are those of a union by kind."""
    try:
        event: E = adapter.validator.validate_python(value)
    except ValidationError as error:
        skip = 1 if isinstance(value, dict) and value.get("kind") in tags else 0
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        raise _unusable(*(of_validation(e, skip) for e in errors[:8])) from None
    except UnicodeEncodeError:  # a lone surrogate met a pattern
        raise _unusable(reason("string_unicode")) from None
    if event.temperature_c == 0 and copysign(1, event.temperature_c) < 0:
        raise _unusable(reason("negative_zero", "temperature_c"))
    return event


def _unusable(*reasons: Reason) -> Rejected:
    return Rejected("event_invalid", "What was posted is not usable.", reasons)


#: What to add to the reason when the encoding is a known wrong one.
_ENCODINGS = {"mark": ", it begins with a byte order mark", "utf-16": ", it looks like UTF-16", "other": ""}


def _json_error(message: str, body: bytes) -> Rejected:
    position = _POSITION.search(message)
    where = f"line {position[1]}, column {position[2]}" if position else ""
    if "duplicate key" in message:
        return _refused("duplicate_key", where)
    if "recursion" in message:
        return _refused("nesting", where)
    return (
        _refused("encoding", f"{where}{_ENCODINGS[found]}")
        if (found := _wrong_encoding(body))
        else _refused("body_not_json", where)
    )


def _wrong_encoding(body: bytes) -> str:
    """Which other encoding a body seems to be in; empty when it is UTF-8."""
    if body.startswith(b"\xef\xbb\xbf"):
        return "mark"
    if body.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in body[:8]:
        return "utf-16"
    try:
        body.decode("utf-8")
    except UnicodeError:
        return "other"
    return ""


def _refused(code: str, detail: str = "") -> Rejected:
    found: Reason = reason(code, "", detail)
    return Rejected(code, f"{found.message[:1].upper()}{found.message[1:]}.", (found,))
