"""Reads the body of a request, or the fields of a form in it, up to a limit."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import Request

from schemas.errors import Refused

_LONGEST_FORM = 8_000


async def read_body(request: Request, most: int) -> bytes:
    """The body. Raises Refused (413) when it is longer than `most` bytes, before the rest is read."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Refused("body_too_large", "The body is too large.", 413)
    return body


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a posted form that are not empty; anything that is no small form holds none."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    try:
        body = await read_body(request, _LONGEST_FORM)
        return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace"), max_num_fields=10).items()}
    except (Refused, ValueError):
        return {}
