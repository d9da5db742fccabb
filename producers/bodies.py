"""Reads request bodies within bounds: so many bytes, so many seconds, and never more after inflating than before was allowed."""

from __future__ import annotations

import asyncio
import zlib

from starlette.requests import ClientDisconnect, Request

from schemas.errors import Refused

_ENCODINGS = ("", "identity", "gzip")
_TYPES = ("", "application/json", "application/problem+json", "text/json")
_GZIP_WINDOW = 31


async def read_body(request: Request, most_bytes: int, seconds: float) -> tuple[bytes, str]:
    """The body, inflated, and its charset. Raises Refused: 408 too slow, 413 too large, 415 other type or encoding, 400 broken gzip."""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    media, _, parameters = request.headers.get("content-type", "").partition(";")
    if media.strip().lower() not in _TYPES:
        raise Refused(
            "media_type", "The body must be application/json.", 415, "Accepted: application/json, optionally charset=gbk."
        )
    if encoding not in _ENCODINGS:
        raise Refused("content_encoding", "This content encoding is not accepted.", 415, "Accepted: gzip, identity.")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most_bytes:
        raise _too_large(most_bytes)
    try:
        raw = await asyncio.wait_for(_collect(request, most_bytes), seconds)
    except TimeoutError:
        raise Refused("body_timeout", "The body did not arrive in time.", 408, "Send it again.") from None
    except ClientDisconnect:
        raise Refused("client_gone", "The client closed the connection.", 400) from None
    return (inflate(raw, most_bytes) if encoding == "gzip" else raw), _charset(parameters)


def inflate(raw: bytes, most_bytes: int) -> bytes:
    """The inflated bytes, stopping at the bound: a bomb costs no more memory than a full body."""
    machine = zlib.decompressobj(_GZIP_WINDOW)
    try:
        body = machine.decompress(raw, most_bytes + 1)
        whole = machine.eof or not raw
    except zlib.error:
        raise Refused("gzip_broken", "The gzip body is damaged.", 400, "Send it again.") from None
    if len(body) > most_bytes or machine.unconsumed_tail:
        raise _too_large(most_bytes)
    if not whole or machine.unused_data:
        raise Refused("gzip_broken", "The gzip body is cut short or has a tail.", 400, "Send it again.")
    return body


async def _collect(request: Request, most_bytes: int) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most_bytes:
            raise _too_large(most_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def _charset(parameters: str) -> str:
    for parameter in parameters.lower().split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "charset":
            charset = value.strip("\"' ")
            return {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}.get(
                charset, "?"
            )
    return "utf-8"


def _too_large(most_bytes: int) -> Refused:
    return Refused("body_too_large", f"The body is larger than {most_bytes} bytes.", 413, "Send fewer scans at a time.")
