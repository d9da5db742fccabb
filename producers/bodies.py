"""Reads request bodies within bounds: bytes, seconds, and bytes of all bodies together; inflating never passes what is allowed.

Full buffer: a body beyond the common bound is answered 503 with Retry-After before it is read; the device repeats it.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from starlette.types import Receive

from schemas.errors import Refused, Unavailable

_ENCODINGS = ("", "identity", "gzip")
_TYPES = ("", "application/json", "text/json")
_CHARSETS = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}
_GZIP_WINDOW = 31
_MOST_TOGETHER = 64_000_000


class Incoming(NamedTuple):
    """A request before its body: headers by their lower-case names, the first of equal ones, and ASGI's `receive`."""

    headers: Mapping[bytes, bytes]
    receive: Receive

    def header(self, name: bytes) -> str:
        """The header's value; empty when there is none."""
        return self.headers.get(name, b"").decode("latin-1")


class Body(NamedTuple):
    """A whole body, inflated. `charset` is a codec's name, or `?` for one we do not read."""

    content: bytes
    charset: str


class Bodies:
    """Reads bodies of one process. Whoever reads one gives it back with `release` when it is dealt with."""

    def __init__(self, most_bytes: int, seconds: float, most_together: int = _MOST_TOGETHER) -> None:
        self._most_bytes, self._seconds, self._most_together = most_bytes, seconds, most_together
        self._held = 0

    async def read(self, request: Incoming) -> Body:
        """The body. Raises Refused: 408 too slow, 413 too large, 415 other type or encoding, 400 broken gzip; Unavailable when
        too many bodies are under way.
        """
        encoding = request.header(b"content-encoding").strip().lower()
        media, _, parameters = request.header(b"content-type").partition(";")
        if media.strip().lower() not in _TYPES:
            advice = "Accepted: application/json, optionally with charset=gbk."
            raise Refused("media_type", "The body must be application/json.", 415, advice)
        if encoding not in _ENCODINGS:
            raise Refused("content_encoding", "This content encoding is not accepted.", 415, "Accepted: gzip, identity.")
        declared = request.header(b"content-length")
        if declared.isdigit() and int(declared) > self._most_bytes:
            raise _too_large(self._most_bytes)
        content = await self._within_time(request.receive, int(declared) if declared.isdigit() else -1)
        if encoding == "gzip":
            content = inflate(content, self._most_bytes)
        self._held += len(content)
        return Body(content, _charset(parameters))

    def release(self, body: Body) -> None:
        """The body is dealt with."""
        self._held -= len(body.content)

    async def _within_time(self, receive: Receive, declared: int) -> bytes:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._collect(receive, declared)
        except TimeoutError:
            raise Refused("body_timeout", "The body did not arrive in time.", 408, "Send it again.") from None

    async def _collect(self, receive: Receive, declared: int) -> bytes:
        """The body's bytes; the end of one of declared length need not be asked for."""
        chunks, size, more = [], 0, True
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused("client_gone", "The client closed the connection.", 400)
                chunk, more = message.get("body", b""), message.get("more_body", False)
                size += len(chunk)
                self._held += len(chunk)
                if size > self._most_bytes:
                    raise _too_large(self._most_bytes)
                if self._held > self._most_together:
                    raise Unavailable("gateway_busy", "Too many posts are under way.", 2)
                chunks.append(chunk)
                more = more and size != declared
        finally:
            self._held -= size
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def inflate(raw: bytes, most_bytes: int) -> bytes:
    """The inflated bytes, stopping at the bound: a bomb costs no more memory than a full body."""
    machine = zlib.decompressobj(_GZIP_WINDOW)
    try:
        body = machine.decompress(raw, most_bytes + 1)
    except zlib.error:
        raise Refused("gzip_broken", "The gzip body is damaged.", 400, "Send it again.") from None
    if len(body) > most_bytes or machine.unconsumed_tail:
        raise _too_large(most_bytes)
    if raw and (not machine.eof or machine.unused_data):
        raise Refused("gzip_broken", "The gzip body is cut short or has a tail.", 400, "Send it again.")
    return body


def _charset(parameters: str) -> str:
    if not parameters:
        return "utf-8"
    for parameter in parameters.lower().split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "charset":
            return _CHARSETS.get(value.strip("\"' "), "?")
    return "utf-8"


def _too_large(most_bytes: int) -> Refused:
    return Refused("body_too_large", f"The body is larger than {most_bytes} bytes.", 413, "Send fewer scans at a time.")
