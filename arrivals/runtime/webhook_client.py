"""Posts to receivers: one connection each, to an address that was looked at, no redirects, bounded in time and in bytes.

Nothing of an answer is kept but its status and how long it asks to be left alone; nothing of it is ever shown.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from arrivals.runtime.webhook_addresses import Network, read_target, resolve
from schemas.errors import Rejected

#: What is read of an answer before the connection is closed.
LARGEST_ANSWER = 20_000
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What a receiver said: `status`, or a word for why there is none (`problem`); `retry_after` in seconds where given."""

    status: int | None = None
    problem: str | None = None
    retry_after: float | None = None


class WebhookClient:
    """An HTTP client for receivers nobody vouches for. Use it in one event loop; `aclose` it."""

    def __init__(self, allowed: tuple[Network, ...], seconds: float, context: ssl.SSLContext | None = None) -> None:
        self._allowed = allowed
        self._seconds = seconds
        # No connection is kept: two names on one address must never share what one of them proved.
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            verify=context or ssl.create_default_context(),
            timeout=httpx.Timeout(seconds, connect=_CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def check(self, url: str) -> None:
        """Raises Rejected when nothing may be posted there."""
        await resolve(read_target(url), self._allowed)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        """Posts once and says what came of it; raises nothing that a receiver could cause."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(url, body, headers)
        except Rejected as refusal:
            return Answered(problem=refusal.code)
        except (TimeoutError, httpx.TimeoutException):
            return Answered(problem="timeout")
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            return Answered(problem=type(error).__name__)

    async def aclose(self) -> None:
        """Closes what is open."""
        await self._client.aclose()

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        target = read_target(url)
        address = (await resolve(target, self._allowed))[0]
        place = httpx.URL(
            scheme=target.scheme, host=str(address), port=target.port, raw_path=target.path.encode("ascii", "replace")
        )
        sent = {**headers, "Host": target.authority, "Content-Type": "application/json", "User-Agent": "checkpoint-arrivals"}
        extensions = {"sni_hostname": target.host} if target.scheme == "https" else {}
        async with self._client.stream("POST", place, content=body, headers=sent, extensions=extensions) as response:
            read = 0
            async for piece in response.aiter_raw(4_096):
                read += len(piece)
                if read >= LARGEST_ANSWER:
                    break
            return Answered(response.status_code, retry_after=_seconds_of(response.headers.get("retry-after")))


def _seconds_of(text: str | None) -> float | None:
    """Seconds in a Retry-After header: a number or a date (RFC 9110, 10.2.3); None for anything else."""
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
