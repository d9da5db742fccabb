"""What devices are answered: 202 with results, or problem details (RFC 9457), always with the server's time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, ClassVar

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from schemas.base import format_instant
from schemas.errors import ArrivalsError, Reason, Refused, Unavailable

PROBLEM = "application/problem+json"


@dataclass(slots=True)
class Accepted:
    """202 with a body of JSON: a Starlette response without the work for what this one never has."""

    body: bytes
    status_code: ClassVar = 202

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def problem(error: ArrivalsError, now: datetime, reasons: Sequence[Reason] = ()) -> Response:
    """The answer to an error of ours."""
    if isinstance(error, Unavailable):
        return render(503, error.code, str(error), now, retry_after=error.retry_after_seconds)
    status = error.status if isinstance(error, Refused) else 422
    return render(status, error.code, str(error), now, reasons=reasons)


def render(
    status: int, code: str, detail: str, now: datetime, *, reasons: Sequence[Reason] = (), retry_after: int | None = None
) -> Response:
    """One problem; 429 and 503 always say when to come again."""
    content: dict[str, Any] = {
        "type": f"urn:checkpoint-arrivals:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "reasons": [asdict(why) for why in reasons],
        "server_time": format_instant(now),
    }
    headers = {"Retry-After": str(retry_after or 5)} if status in (429, 503) else {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(orjson.dumps(content), status, headers, PROBLEM)
