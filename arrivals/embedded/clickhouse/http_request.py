"""Reads an HTTP request as ClickHouse's interface means it: credentials, parameters, settings, statement, body."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Iterator
from email.message import Message
from typing import BinaryIO

import lz4.frame

from arrivals.embedded.clickhouse.errors import (
    NOT_IMPLEMENTED,
    TOO_LARGE,
    UNKNOWN_METHOD,
    WRONG_PASSWORD,
    server_error,
)
from arrivals.embedded.clickhouse.packets import Setting

_PIECE_BYTES, _MOST_SQL_BYTES = 1 << 18, 256 << 20
#: Parameters of the interface itself; every other one is a setting.
_OWN = frozenset(
    {
        *("query", "query_id", "database", "default_format", "user", "password", "role", "quota_key"),
        *("session_id", "session_timeout", "session_check", "client_protocol_version", "stacktrace"),
        *("compress", "decompress", "buffer_size", "wait_end_of_query"),
        *("enable_http_compression", "http_zlib_compression_level"),
        "http_native_compression_disable_checksumming_on_decompress",
    }
)


def credentials(headers: Message, params: dict[str, str]) -> tuple[str, str]:
    """User and password: of the X-ClickHouse headers, of basic authentication, or of the parameters."""
    if "X-ClickHouse-User" in headers:
        return headers["X-ClickHouse-User"], headers.get("X-ClickHouse-Key", "")
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise server_error(WRONG_PASSWORD, "The Authorization header cannot be read.") from None
        return user, password
    return params.get("user", "default"), params.get("password", "")


def settings(params: dict[str, str]) -> dict[str, Setting]:
    """The settings among the parameters; unknown ones are errors, as on a server."""
    if "role" in params:
        raise server_error(NOT_IMPLEMENTED, "Roles cannot be chosen on the embedded server.")
    kept = {name: value for name, value in params.items() if name not in _OWN and not name.startswith("param_")}
    return {name: Setting(value, important=True) for name, value in kept.items()}


def query_params(params: dict[str, str]) -> dict[str, str]:
    """Values for `{name:Type}`, of the parameters `param_name`."""
    return {name.removeprefix("param_"): value for name, value in params.items() if name.startswith("param_")}


def body(headers: Message, stream: BinaryIO) -> Iterator[bytes]:
    """The body piece by piece, unchunked and decompressed. Raises EOFError when it ends too early."""
    chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
    raw = _chunks(stream) if chunked else _exactly(stream, int(headers.get("Content-Length", "0")))
    encoding = headers.get("Content-Encoding", "").lower()
    if encoding in ("", "identity"):
        return raw
    return _decoded(raw, encoding)


def _exactly(stream: BinaryIO, left: int) -> Iterator[bytes]:
    while left:
        piece = stream.read(min(left, _PIECE_BYTES))
        if not piece:
            raise EOFError("the client went in the middle of a body")
        left -= len(piece)
        yield piece


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while True:
        line = stream.readline(1024)
        if not line.endswith(b"\n"):
            raise EOFError("the client went in the middle of a body")
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError:
            raise EOFError("a chunk of the body has no size") from None
        yield from _exactly(stream, size)
        while (end := stream.readline(1024)) not in (b"\r\n", b"\n"):
            if not end or size:  # trailers only come behind the last chunk
                raise EOFError("the client went in the middle of a body")
        if size == 0:
            return


def _decoded(raw: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decode = _decoder(encoding)
    for piece in raw:
        try:
            plain = decode(piece)
        except (zlib.error, RuntimeError):
            raise server_error(UNKNOWN_METHOD, f"The body is not valid {encoding}.") from None
        if plain:
            yield plain


def _decoder(encoding: str) -> Callable[[bytes], bytes]:
    if encoding == "gzip":
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress
    if encoding == "deflate":
        return zlib.decompressobj().decompress
    if encoding == "lz4":
        decompress: Callable[[bytes], bytes] = lz4.frame.LZ4FrameDecompressor().decompress
        return decompress
    raise server_error(UNKNOWN_METHOD, f"Content-Encoding {encoding} is not supported here; use gzip, deflate or lz4.")


def all_text(start: bytes, rest: Iterator[bytes]) -> str:
    """A statement whose text is the body."""
    text = bytearray(start)
    for piece in rest:
        text += piece
        if len(text) > _MOST_SQL_BYTES:
            raise server_error(TOO_LARGE, "The statement is too long; send rows as an INSERT with a FORMAT instead.")
    return text.decode("utf-8", "replace")
