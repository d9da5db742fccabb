"""What broken, foreign and careless software sends (the torture list's T41 to T49): every one must be refused and none
may vanish.

A fault of an *item* is well-formed JSON with one thing wrong, so it may stand in a batch of good scans; a fault of a
*body* spoils the whole post.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Any

import orjson

Scan = dict[str, Any]
Body = tuple[bytes, tuple[tuple[str, str], ...]]
_TOO_LARGE_BYTES = 2_100_000


def _person(scan: Scan, **changes: Any) -> Scan:
    return {**scan, "person": {**scan["person"], **changes}}


def _without(scan: Scan, name: str) -> Scan:
    return {key: value for key, value in scan.items() if key != name}


ITEM_FAULTS: Mapping[str, Callable[[Scan], Scan]] = MappingProxyType(
    {
        "number_in_quotes": lambda s: {**s, "temperature_c": "36.5"},
        "temperature_words": lambda s: {**s, "temperature_c": "36.5℃"},
        "boolean_number": lambda s: {**s, "sequence": True},
        "unknown_field": lambda s: {**s, "unit_id": "411426104207"},
        "own_risk": lambda s: {**s, "risk": "low"},
        "missing_person": lambda s: _without(s, "person"),
        "missing_time": lambda s: _without(s, "occurred_at"),
        "empty_name": lambda s: _person(s, name=""),
        "long_name": lambda s: _person(s, name="长" * 5_000),
        "nul": lambda s: _person(s, name="测\u0000试"),
        "time_without_offset": lambda s: {**s, "occurred_at": "2020-02-18T08:30:00"},
        "time_as_number": lambda s: {**s, "occurred_at": 20200218},
        "time_24_00": lambda s: {**s, "occurred_at": "2020-02-18T24:00:00+08:00"},
        "day_30_february": lambda s: {**s, "stays": [{"place": {}, "from_day": "2020-02-30", "to_day": "2020-02-30"}]},
        "wrong_kind": lambda s: {**s, "kind": "airport"},
        "uuid_version_4": lambda s: {**s, "event_id": s["event_id"][:14] + "4" + s["event_id"][15:]},
        "area_code_words": lambda s: {**s, "origin": {"code": "湖北"}},
        "wrong_version": lambda s: {**s, "version": 9},
    }
)


def _raw(scan: Scan) -> bytes:
    return orjson.dumps(scan)


def _replaced(scan: Scan, text: bytes) -> bytes:
    """The scan with its temperature written as something JSON does not know."""
    return orjson.dumps({**scan, "temperature_c": 12.5}).replace(b'"temperature_c":12.5', b'"temperature_c":' + text)


def _always(body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> Callable[[Scan], Body]:
    """The same body whatever the scan was."""
    return lambda _: (body, headers)


BODY_FAULTS: Mapping[str, Callable[[Scan], Body]] = MappingProxyType(
    {
        "truncated": lambda s: (_raw(s)[:-40], ()),
        "trailing_text": lambda s: (_raw(s) + b" OK", ()),
        "empty": _always(b""),
        "null": _always(b"null"),
        "not_json": _always(b"name=test&temp=36.5", (("Content-Type", "application/x-www-form-urlencoded"),)),
        "not_a_number": lambda s: (_replaced(s, b"NaN"), ()),
        "infinity": lambda s: (_replaced(s, b"1e999"), ()),
        "duplicate_key": lambda s: (_raw(s)[:-1] + b',"temperature_c":36.1,"temperature_c":38.9}', ()),
        "lone_surrogate": lambda s: (_raw(s).replace(b'"name":"', b'"name":"\\ud800', 1), ()),
        "gbk": lambda s: (_raw(s).decode().encode("gb18030"), ()),
        "utf_16": lambda s: (_raw(s).decode().encode("utf-16"), ()),
        "deep": _always(b"[" * 100_000),
        "unknown_encoding": lambda s: (_raw(s), (("Content-Encoding", "br"),)),
        "broken_gzip": lambda s: (b"\x1f\x8b" + _raw(s), (("Content-Encoding", "gzip"),)),
    }
)
#: Drawn rarely: one such post is two megabytes.
TOO_LARGE = "too_large"
TOO_LARGE_SHARE = 0.01


def draw_item_fault(rng: Random, scan: Scan, other_site: str) -> tuple[str, bytes]:
    """A spoilt scan as JSON and the name of its fault; one of them is another site's scan under this site's token."""
    name = rng.choice((*ITEM_FAULTS, "wrong_site"))
    return name, _raw({**scan, "site_id": other_site} if name == "wrong_site" else ITEM_FAULTS[name](scan))


def draw_body_fault(rng: Random, scan: Scan) -> tuple[str, Body]:
    """A spoilt post and the name of its fault."""
    if rng.random() < TOO_LARGE_SHARE:
        return TOO_LARGE, (_raw(scan)[:-1] + b" " * _TOO_LARGE_BYTES + b"}", ())
    name = rng.choice(tuple(BODY_FAULTS))
    return name, BODY_FAULTS[name](scan)
