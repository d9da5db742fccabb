"""Posts what waits: at most one message of an endpoint at a time, all endpoints beside each other.

Guarantee: at least once, under the same `webhook-id`. An attempt is noted before it is made and its outcome after; a crash
between the two posts the message again. A dead or slow receiver holds up nobody but itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime

import structlog

from arrivals.runtime.metrics import Metrics
from arrivals.runtime.webhook_client import Answered, WebhookClient
from arrivals.runtime.webhook_store import Message, Settled, WebhookStore
from reference.dated import Dated
from schemas.base import LOCAL
from schemas.errors import Unavailable
from schemas.webhook import WebhookData
from sinks.webhooks.messages import payload
from sinks.webhooks.schedule import verdict
from sinks.webhooks.signing import secrets_in_force, signed_headers

Endpoints = Callable[[], Mapping[str, Dated[WebhookData]]]
#: Called between the answer and its recording, for tests that crash there.
Step = Callable[[], None]
_TICK_SECONDS = 0.2
#: Messages that ended are remembered as long as a topic is: a range can be sent again for so long.
_REMEMBERED_SECONDS = 45 * 86_400
_PURGE_SECONDS = 3_600


class Delivering:
    """One loop that begins attempts and records what came of them."""

    def __init__(self, store: WebhookStore, client: WebhookClient, endpoints: Endpoints, key: bytes, console_url: str) -> None:
        self._store = store
        self._client = client
        self._endpoints = endpoints
        self._key = key
        self._console_url = console_url
        self._under_way: dict[str, asyncio.Task[Settled]] = {}
        self._purged_at = 0.0
        self.ticked_at = time.monotonic()

    async def run(self, metrics: Metrics, stop: asyncio.Event, step: Step | None = None) -> None:
        """Delivers until `stop`; then waits for the posts under way and records them."""
        while not stop.is_set():
            try:
                await self.tick(metrics, step)
            except Unavailable as error:
                structlog.get_logger("notify").warning("the store cannot be used", code=error.code)
            self.ticked_at = time.monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _TICK_SECONDS)
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        await self._record(step)

    def measure(self, metrics: Metrics) -> None:
        """Brings the gauges up to date; from any thread."""
        count, oldest = self._store.waiting()
        metrics.gauge("arrivals_notify_waiting_messages").set(count)
        metrics.gauge("arrivals_notify_oldest_seconds").set(max(0.0, time.time() - oldest) if oldest else 0.0)

    async def tick(self, metrics: Metrics, step: Step | None = None) -> None:
        """Records what has ended and begins what is due. The store's disk is waited for in another thread."""
        await self._record(step)
        endpoints, now = self._endpoints(), time.time()
        if now - self._purged_at > _PURGE_SECONDS:
            await asyncio.to_thread(self._store.purge, now - _REMEMBERED_SECONDS)
            self._purged_at = now
        versions = {name: row.offset for name, row in endpoints.items()}
        for message in await asyncio.to_thread(self._store.begin, versions, tuple(self._under_way), now):
            task = asyncio.create_task(self._attempt(endpoints[message.endpoint].data, message, metrics))
            self._under_way[message.endpoint] = task

    async def _attempt(self, data: WebhookData, message: Message, metrics: Metrics) -> Settled:
        began = time.perf_counter()
        answered = await send(self._client, data, message, self._key, self._console_url)
        metrics.histogram("arrivals_notify_post_seconds").observe(time.perf_counter() - began)
        now = time.time()
        found = verdict(answered.status, answered.retry_after, message.attempts, now - (message.failing_since or now))
        metrics.counter("arrivals_notify_posts_total").labels(found.outcome).inc()
        if found.disabled:
            metrics.counter("arrivals_notify_disabled_total").labels(found.disabled).inc()
            structlog.get_logger("notify").error("endpoint disabled", endpoint=message.endpoint, reason=found.disabled)
        said = str(answered.status or answered.problem)
        return Settled(
            message, found.state, said, now, now + found.due_in, now + found.hold if found.hold else 0.0, found.disabled
        )

    async def _record(self, step: Step | None) -> None:
        ended = {name: task for name, task in self._under_way.items() if task.done()}
        if ended and step:
            step()
        if ended:
            versions = {name: row.offset for name, row in self._endpoints().items()}
            await asyncio.to_thread(self._store.settle, [task.result() for task in ended.values()], versions)
            for name in ended:
                del self._under_way[name]


async def send(client: WebhookClient, data: WebhookData, message: Message, key: bytes, console_url: str) -> Answered:
    """Signs a message for this moment and posts it once."""
    now = datetime.now(LOCAL)
    body = payload(message.topic, message.unit, message.counts, message.created_at, console_url)
    secrets = secrets_in_force(key, data, now)
    return await client.post(data.url, body, signed_headers(secrets, message.id, int(now.timestamp()), body))
