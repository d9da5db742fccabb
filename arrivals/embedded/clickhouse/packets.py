"""The packets of ClickHouse's native protocol, read from clients and written to them, at any revision up to ours.

Written after ClickHouse documentation, "Native Protocol", and the revision table of clickhouse-driver's `defines`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from arrivals.embedded.clickhouse.errors import NOT_IMPLEMENTED, ServerError, server_error
from arrivals.embedded.clickhouse.source import Source, text, varuint

#: The revision spoken at most. From 54454 on, columns may come in custom serialisations, which blocks do not know.
REVISION = 54449

HELLO, QUERY, DATA, CANCEL, PING = 0, 1, 2, 3, 4
S_HELLO, S_DATA, S_EXCEPTION, S_PROGRESS, S_PONG, S_END = 0, 1, 2, 3, 4, 5

_TOTAL_ROWS, _BLOCK_INFO, _CLIENT_INFO, _TIMEZONE, _QUOTA_KEY = 51554, 51903, 54032, 54058, 54060
_DISPLAY_NAME, _VERSION_PATCH, WRITE_INFO, _TEXT_SETTINGS = 54372, 54401, 54420, 54429
_SECRET, _TRACING, _DEPTH, _START_TIME = 54441, 54442, 54448, 54449
_MOST_QUERY_BYTES, _IMPORTANT, _COMPLETE = 256 << 20, 1, 2
_TEXT_KINDS = ("Enum", "String", "Char", "Float", "Double", "Map", "Timezone", "Dialect", "Mode")
_BLOCK_INFO_BYTES = b"\x01\x00\x02" + struct.pack("<i", -1) + b"\x00"


class Hello(NamedTuple):
    """What a client says first."""

    revision: int
    database: str
    user: str
    password: str


class Setting(NamedTuple):
    """One setting of a query; an unknown one is an error only when important."""

    value: str
    important: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with its settings; `compressed` says that blocks travel in frames, both ways."""

    sql: str
    compressed: bool
    settings: dict[str, Setting] = field(default_factory=dict)


class Counts(NamedTuple):
    """Progress since the last progress packet."""

    rows: int = 0
    bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0


def read_hello(source: Source) -> Hello:
    source.text(1024)
    source.varuint()
    source.varuint()
    return Hello(source.varuint(), source.text(1024), source.text(1024), source.text(4096))


def read_query(source: Source, revision: int, setting_kind: Callable[[str], str]) -> Query:
    """The rest of a Query packet. `setting_kind` gives the type of a setting, which old clients send in binary."""
    source.text()
    if revision >= _CLIENT_INFO:
        _skip_client_info(source, revision)
    settings = _text_settings(source) if revision >= _TEXT_SETTINGS else _binary_settings(source, setting_kind)
    if revision >= _SECRET:
        source.text()
    stage, compressed = source.varuint(), bool(source.varuint())
    sql = source.text(_MOST_QUERY_BYTES)
    if stage != _COMPLETE:
        raise server_error(NOT_IMPLEMENTED, "Distributed query stages are not supported by the embedded server.")
    return Query(sql, compressed, settings)


def _skip_client_info(source: Source, revision: int) -> None:
    if source.byte() == 0:
        return
    for _ in range(3):
        source.text()
    if revision >= _START_TIME:
        source.skip(8)
    if source.byte() != 1:
        raise server_error(NOT_IMPLEMENTED, "Only queries of native clients are supported on this port.")
    for _ in range(3):
        source.text()
    for _ in range(3):
        source.varuint()
    if revision >= _QUOTA_KEY:
        source.text()
    if revision >= _DEPTH:
        source.varuint()
    if revision >= _VERSION_PATCH:
        source.varuint()
    if revision >= _TRACING and source.byte():
        source.skip(24)
        source.text()
        source.skip(1)


def _text_settings(source: Source) -> dict[str, Setting]:
    settings = {}
    while name := source.text():
        important = bool(source.varuint() & _IMPORTANT)
        settings[name] = Setting(source.text(), important)
    return settings


def _binary_settings(source: Source, setting_kind: Callable[[str], str]) -> dict[str, Setting]:
    settings = {}
    while name := source.text():
        textual = any(word in setting_kind(name) for word in _TEXT_KINDS)
        settings[name] = Setting(source.text() if textual else str(source.varuint()), False)
    return settings


def skip_block_info(source: Source, revision: int) -> None:
    if revision < _BLOCK_INFO:
        return
    while number := source.varuint():
        source.skip(1 if number == 1 else 4)


def hello(revision: int, version: tuple[int, int, int], timezone: str, display_name: str) -> bytes:
    major, minor, patch = version
    out = varuint(S_HELLO) + text("ClickHouse") + varuint(major) + varuint(minor) + varuint(REVISION)
    if revision >= _TIMEZONE:
        out += text(timezone)
    if revision >= _DISPLAY_NAME:
        out += text(display_name)
    if revision >= _VERSION_PATCH:
        out += varuint(patch)
    return out


def exception(error: ServerError) -> bytes:
    body = text("DB::Exception") + text(error.message) + text("") + b"\x00"
    return varuint(S_EXCEPTION) + struct.pack("<i", error.code) + body


def progress(counts: Counts, revision: int) -> bytes:
    out = varuint(S_PROGRESS) + varuint(counts.rows) + varuint(counts.bytes)
    if revision >= _TOTAL_ROWS:
        out += varuint(0)
    if revision >= WRITE_INFO:
        out += varuint(counts.written_rows) + varuint(counts.written_bytes)
    return out


def data_head() -> bytes:
    """The head of a Data packet, which is never compressed."""
    return varuint(S_DATA) + text("")


def block_body(block: bytes, revision: int) -> bytes:
    """A Native block as a Data packet carries it, before compression."""
    return _BLOCK_INFO_BYTES + block if revision >= _BLOCK_INFO else block


PONG, END_OF_STREAM = varuint(S_PONG), varuint(S_END)
