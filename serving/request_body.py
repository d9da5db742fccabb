"""Reads the body of a request up to a limit."""

from __future__ import annotations

from fastapi import Request

from schemas.errors import Refused


async def read_body(request: Request, most: int) -> bytes:
    """The body. Raises Refused (413) when it is longer than `most` bytes, before the rest is read."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Refused("body_too_large", "The body is too large.", 413)
    return body
