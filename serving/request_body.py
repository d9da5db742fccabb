"""Reads the body of a request, or the fields of a form in it, up to a limit."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import Request

from schemas.errors import Refused

_LONGEST_FORM, _MOST_FIELDS = 8_000, 20


async def read_body(request: Request, most: int) -> bytes:
    """The body. Raises Refused (413) when it is longer than `most` bytes, before the rest is read."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Refused("body_too_large", "The body is too large.", 413)
    return body


async def read_choices(request: Request) -> dict[str, list[str]]:
    """The fields of a posted form, each with all its values, empty ones left out; none for any other kind of body.

    Raises Refused (413).
    """
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    body = (await read_body(request, _LONGEST_FORM)).decode("utf-8", "replace")
    try:
        return parse_qs(body, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}


async def read_form(request: Request) -> dict[str, str]:
    """The same with one value for each field; a form that is too large holds none."""
    try:
        return {name: values[0] for name, values in (await read_choices(request)).items()}
    except Refused:
        return {}
