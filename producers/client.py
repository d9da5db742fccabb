"""The device's side of `POST /v1/scans` and `/v1/checkins`: posts bodies, retries with the same ids, gives an answer for each.

Delivery guarantee: at least once. A post whose outcome is unknown (no answer, 5xx, 429) is repeated byte for byte
until it is answered or
the patience ends, then Unavailable; the gateway answers `duplicate` for what it had already taken, so the effect is once.
"""

from __future__ import annotations

import asyncio
import gzip
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp
import orjson

from schemas.errors import Reason, Refused, Unavailable

PATH = "/v1/scans"
ANSWERED = 202
#: The outcome is unknown or the gateway asks for patience: the same post again.
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
#: The content was refused: the same post again cannot help, but a smaller one may.
CONTENT_REFUSED = frozenset({400, 409, 413, 415, 422, 431})
_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 5.0
_LONGEST_RETRY_AFTER_SECONDS = 30.0

AnswerStatus = Literal["accepted", "duplicate", "rejected"]


@dataclass(frozen=True, slots=True)
class ScanAnswer:
    """What became of one posted scan; `reasons` is empty unless it was rejected."""

    event_id: str | None
    status: AnswerStatus
    reasons: tuple[Reason, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """The final answer to one post. `answers` runs parallel to the posted scans; it is empty when the whole post was refused."""

    status: int
    answers: tuple[ScanAnswer, ...] = ()
    problem: Reason | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often: `total_seconds` bounds one post with all its retries, `attempt_seconds` one attempt."""

    total_seconds: float = 300.0
    attempt_seconds: float = 10.0
    connections: int = 32


class GatewayClient:
    """Posts over kept-alive connections; use as `async with`. `faults` counts what went wrong on the way, by kind or status."""

    def __init__(self, gateway: str, patience: Patience = Patience(), compress_from_bytes: int = 4_000, path: str = PATH) -> None:
        self.faults: Counter[str] = Counter()
        self._url = gateway.rstrip("/") + path
        self._patience = patience
        self._compress_from = compress_from_bytes
        self._session: aiohttp.ClientSession | None = None
        self._heard = time.monotonic()

    def silent(self) -> bool:
        """Whether no post at all was answered for as long as the patience lasts: the gateway is gone, not one post unlucky."""
        return time.monotonic() - self._heard >= self._patience.total_seconds

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._patience.connections),
            timeout=aiohttp.ClientTimeout(total=self._patience.attempt_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, body: bytes, token: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Posts one body as it is and waits for a final answer. Raises Unavailable when the patience ends without one."""
        sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **(headers or {})}
        if len(body) >= self._compress_from and "Content-Encoding" not in sent:
            body, sent["Content-Encoding"] = gzip.compress(body, 1, mtime=0), "gzip"
        deadline = time.monotonic() + self._patience.total_seconds
        attempt = 0
        while True:
            fault, retry_after, reply = await self._attempt(body, sent)
            if reply is not None:
                self._heard = time.monotonic()
                return reply
            self.faults[fault] += 1
            wait = _wait_seconds(attempt, retry_after)
            if time.monotonic() + wait > deadline:
                raise Unavailable("gateway_unavailable", f"The gateway did not confirm a post (last: {fault}).")
            await asyncio.sleep(wait)
            attempt += 1

    async def deliver(
        self, scans: Sequence[bytes], token: str, headers: Mapping[str, str] | None = None
    ) -> tuple[ScanAnswer, ...]:
        """Posts scans as one array and returns one answer each, in order; a batch refused for its content is halved.

        Raises Unavailable when there is no answer in time and Refused when the caller may not post at all (401, 403, 404).
        """
        reply = await self.post(b"[" + b",".join(scans) + b"]", token, headers)
        if len(reply.answers) == len(scans):
            return reply.answers
        problem = reply.problem or Reason("", "answers_missing", "the gateway left scans unanswered", "网关没有逐条答复")
        if reply.status not in CONTENT_REFUSED:
            raise Refused(problem.code, f"The gateway refused the post: {problem.message}.", reply.status, "Check the token.")
        if len(scans) == 1:
            return (ScanAnswer(None, "rejected", (problem,)),)
        half = len(scans) // 2
        first = await self.deliver(scans[:half], token, headers)
        return first + await self.deliver(scans[half:], token, headers)

    async def _attempt(self, body: bytes, headers: Mapping[str, str]) -> tuple[str, float | None, Reply | None]:
        """One try: (what went wrong, seconds the server asked for, the final reply or None)."""
        if self._session is None:
            raise RuntimeError("use the client as 'async with GatewayClient(...)'")
        try:
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                if answer.status in RETRIED:
                    return str(answer.status), _retry_after(answer.headers.get("Retry-After")), None
                return "", None, _read_reply(answer.status, await answer.read())
        except TimeoutError:
            return "timeout", None, None
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionError):
            return "connection", None, None


def _wait_seconds(attempt: int, retry_after: float | None) -> float:
    """The server's word where it gave one, otherwise doubling; with jitter, so that devices do not return in step."""
    if retry_after is not None:
        return min(retry_after, _LONGEST_RETRY_AFTER_SECONDS) * random.uniform(1.0, 1.1)  # noqa: S311
    return min(_FIRST_WAIT_SECONDS * 2.0**attempt, _LONGEST_WAIT_SECONDS) * random.uniform(0.5, 1.0)  # noqa: S311


def _retry_after(value: str | None) -> float | None:
    """Seconds from a `Retry-After` header in either form (RFC 9110, 10.2.3); None when it is missing or unreadable."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _read_reply(status: int, body: bytes) -> Reply:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        content = {}
    if not isinstance(content, dict):
        content = {}
    answers = tuple(_read_answer(result) for result in content.get("results", ()))
    return Reply(status, answers, None if status == ANSWERED else _read_problem(status, content))


def _read_answer(result: Mapping[str, Any]) -> ScanAnswer:
    reasons = tuple(map(_read_reason, result.get("reasons") or ()))
    return ScanAnswer(result.get("event_id"), result["status"], reasons, tuple(result.get("flags") or ()))


def _read_problem(status: int, content: Mapping[str, Any]) -> Reason:
    """The first reason of a problem (RFC 9457), or what its own words say; a proxy may answer with no JSON at all."""
    for reason in content.get("reasons") or ():
        return _read_reason(reason)
    message = str(content.get("detail") or content.get("title") or f"HTTP status {status}")
    return Reason("", str(content.get("code") or f"http_{status}"), message, message)


def _read_reason(reason: Mapping[str, Any]) -> Reason:
    return Reason(*(str(reason.get(name, "")) for name in ("field", "code", "message", "message_zh")))
