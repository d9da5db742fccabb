"""What a QR gun types for a code: a JSON scan with the fields of `POST /v1/scans`; what only the device knows is added. Pure.

Missing `version`, `event_id`, `site_id`, `sequence` and `occurred_at` come from the device; a missing `kind` is `rail` where the
code holds a train, otherwise `checkpoint`. Whatever the code says itself is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from producers.parsing import parse_body, validate_scan
from producers.reasons import reason
from schemas.base import format_instant
from schemas.errors import Rejected

#: A QR code holds 2,953 bytes at most (version 40-L); nobody types more.
LONGEST_LINE = 16_384


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the device knows of a scan: its site, a fresh event id, its next number, and the time."""

    site_id: str
    event_id: str
    sequence: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Payload:
    """A scan ready to post."""

    event_id: str
    sequence: int
    body: bytes


def read_payload(line: bytes) -> dict[str, Any]:
    """The JSON object in a line, which may be UTF-8 or GBK. Raises Rejected with one reason in both languages."""
    if len(line) > LONGEST_LINE:
        raise _refused("scan_too_large")
    if not line.lstrip().startswith(b"{"):
        raise _refused("payload_unknown")
    charset = "utf-8" if _is_utf8(line) else "gb18030"
    try:
        values, _ = parse_body(line, charset)
    except Rejected as error:
        raise (_refused("payload_damaged") if error.code == "body_not_json" else error) from None
    found: dict[str, Any] = values[0]
    return found


def complete(payload: dict[str, Any], at: Circumstances) -> Payload:
    """The payload with what is missing filled in. Raises Rejected with a reason per wrong field."""
    device = {
        "version": 1,
        "kind": "rail" if "rail" in payload else "checkpoint",
        "event_id": at.event_id,
        "site_id": at.site_id,
        "sequence": at.sequence,
        "occurred_at": format_instant(at.now),
    }
    scan = validate_scan(device | payload)
    return Payload(scan.event_id, scan.sequence, orjson.dumps(device | payload))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeError:
        return False
    return True


def _refused(code: str) -> Rejected:
    why = reason(code)
    return Rejected(code, f"{why.message[:1].upper()}{why.message[1:]}.", (why,))
