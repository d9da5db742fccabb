"""From a body to scans, strictly: bytes → JSON values → models, with a reason for everything that is refused. Pure.

One parser everywhere (jiter, the one inside pydantic-core): duplicate keys, NaN, deep nesting, lone surrogates and invalid UTF-8 are
errors with a position.
"""

from __future__ import annotations

import re
from typing import Any

import jiter
from pydantic import ValidationError

from producers.reasons import of_validation, reason
from schemas.errors import Reason, Rejected
from schemas.scan import SCAN, CheckpointScan, RailScan

MOST_SCANS = 500
_TAGS = ("checkpoint", "rail")
#: No field of ours has that many digits, and turning such a number back into text takes quadratic time.
_ENDLESS_NUMBER = re.compile(rb"[0-9]{1000}")
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
    if _ENDLESS_NUMBER.search(body):
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
    if len(value) > MOST_SCANS:
        raise _refused("batch_too_large")
    return value, True


def validate_scan(value: Any) -> CheckpointScan | RailScan:
    """The scan behind a JSON value. Raises Rejected (`scan_invalid`) with a reason per wrong field, eight at most."""
    try:
        scan = SCAN.validate_python(value)
    except ValidationError as error:
        skip = 1 if isinstance(value, dict) and value.get("kind") in _TAGS else 0
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        raise Rejected("scan_invalid", "The scan is not usable.", tuple(of_validation(e, skip) for e in errors[:8])) from None
    except UnicodeEncodeError:  # a lone surrogate met a pattern
        raise Rejected("scan_invalid", "The scan is not usable.", (reason("string_unicode"),)) from None
    if scan.temperature_c == 0 and str(scan.temperature_c).startswith("-"):
        raise Rejected("scan_invalid", "The scan is not usable.", (reason("negative_zero", "temperature_c"),))
    return scan


def event_id_of(value: Any) -> str | None:
    """The event id a refused value claims to have, when it is short text; for the answer, so that the device can tell which it was."""
    found = value.get("event_id") if isinstance(value, dict) else None
    return found if isinstance(found, str) and len(found) <= 64 and found.isprintable() else None  # noqa: PLR2004


def _json_error(message: str, body: bytes) -> Rejected:
    position = _POSITION.search(message)
    where = f"line {position[1]}, column {position[2]}" if position else ""
    if "duplicate key" in message:
        return _refused("duplicate_key", where)
    if "recursion" in message:
        return _refused("nesting", where)
    try:
        body.decode("utf-8")
    except UnicodeError:
        return _refused("encoding", where)
    return _refused("encoding" if body.startswith(b"\xef\xbb\xbf") else "body_not_json", where)


def _refused(code: str, detail: str = "") -> Rejected:
    found: Reason = reason(code, "", detail)
    return Rejected(code, f"{found.message[:1].upper()}{found.message[1:]}.", (found,))
