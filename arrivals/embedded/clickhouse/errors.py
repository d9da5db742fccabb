"""Errors as a ClickHouse server reports them to its clients: a code and a text."""

from __future__ import annotations

import re

UNKNOWN_PACKET, NOT_IMPLEMENTED, SYNTAX_ERROR, UNKNOWN_METHOD = 99, 48, 62, 89
UNEXPECTED_PACKET, READONLY, CANCELLED, TOO_MANY = 101, 164, 394, 202
UNKNOWN_SETTING, ACCESS_DENIED, WRONG_PASSWORD, SESSION_LOCKED = 115, 497, 516, 373
UNKNOWN_EXCEPTION, CHECKSUM, TOO_LARGE, NO_SESSION, UNKNOWN_TABLE, NO_SPACE = 1002, 40, 131, 372, 60, 243

_NAMES = {
    UNKNOWN_PACKET: "UNKNOWN_PACKET_FROM_CLIENT",
    NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    SYNTAX_ERROR: "SYNTAX_ERROR",
    UNKNOWN_METHOD: "UNKNOWN_COMPRESSION_METHOD",
    UNEXPECTED_PACKET: "UNEXPECTED_PACKET_FROM_CLIENT",
    READONLY: "READONLY",
    CANCELLED: "QUERY_WAS_CANCELLED",
    TOO_MANY: "TOO_MANY_SIMULTANEOUS_QUERIES",
    UNKNOWN_SETTING: "UNKNOWN_SETTING",
    ACCESS_DENIED: "ACCESS_DENIED",
    WRONG_PASSWORD: "AUTHENTICATION_FAILED",
    SESSION_LOCKED: "SESSION_IS_LOCKED",
    NO_SESSION: "SESSION_NOT_FOUND",
    UNKNOWN_EXCEPTION: "UNKNOWN_EXCEPTION",
    NO_SPACE: "NOT_ENOUGH_SPACE",
    CHECKSUM: "CHECKSUM_DOESNT_MATCH",
    TOO_LARGE: "TOO_LARGE_STRING_SIZE",
}
_ENGINE_TEXT = re.compile(r"Code: (\d+)\. DB::.*", re.DOTALL)


class ServerError(Exception):
    """What a client is told: `code` is ClickHouse's, `message` reads `Code: N. DB::Exception: … (NAME)`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def server_error(code: int, text: str) -> ServerError:
    """An error raised by this package rather than by the engine, worded as the server words its own."""
    return ServerError(code, f"Code: {code}. DB::Exception: {text} ({_NAMES[code]})")


def engine_error(text: str) -> ServerError:
    """The error inside a message of chDB, without what its Python layer puts before it."""
    found = _ENGINE_TEXT.search(text)
    return ServerError(int(found[1]), found[0]) if found else server_error(UNKNOWN_EXCEPTION, text)
