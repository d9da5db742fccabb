"""What the command line does about webhooks: declare, list, try, send again, disable."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from arrivals.runtime.reference_feed import read_snapshot
from arrivals.runtime.reference_writer import append
from arrivals.runtime.settings import Settings
from arrivals.runtime.webhook_addresses import read_networks
from arrivals.runtime.webhook_client import Answered, WebhookClient
from arrivals.runtime.webhook_store import Message, WebhookStore
from reference.dated import Dated
from reference.gazetteer import load_gazetteer
from reference.rows import make_row
from reference.snapshot import Snapshot
from schemas.base import LOCAL, format_instant
from schemas.errors import Rejected
from schemas.webhook import WebhookData
from sinks.webhooks.delivering import send
from sinks.webhooks.endpoints import endpoints_in_force
from sinks.webhooks.run_notify import webhook_key
from sinks.webhooks.signing import told_secret

_STATES = ("waiting", "delivered", "failed")


def add(settings: Settings, data: WebhookData, author: str) -> str:
    """Declares an endpoint, or declares it anew, and returns its secret. Raises Rejected when nothing may be posted there."""
    _check_unit(_snapshot(settings), data.unit)
    asyncio.run(_checked(settings, data.url))
    told = told_secret(webhook_key(settings), data.endpoint, data.generation)
    _append(settings, data, author, "declared")
    return told


def rotate(settings: Settings, endpoint: str, overlap_hours: float, author: str) -> str:
    """Gives an endpoint its next secret and returns it; the old one signs as well for so long. Raises Rejected."""
    data = _declared(settings, endpoint).data
    until = _now() + timedelta(hours=overlap_hours)
    fresh = data.model_copy(update={"generation": data.generation + 1, "previous_until": until})
    _append(settings, fresh, author, "secret changed")
    return told_secret(webhook_key(settings), endpoint, fresh.generation)


def disable(settings: Settings, endpoint: str, author: str) -> None:
    """Withdraws an endpoint. Raises Rejected when there is none."""
    _append(settings, _declared(settings, endpoint).data, author, "disabled", withdrawn=True)


def list_endpoints(settings: Settings) -> list[dict[str, Any]]:
    """Every declared endpoint with what waits, what was given up, and since when it fails."""
    declared = endpoints_in_force(_snapshot(settings), _now())
    with _store(settings) as store:
        fares = store.endpoints()
    return [_told(row, fares.get(name, {})) for name, row in declared.items()]


def replay(settings: Settings, endpoint: str, since: datetime, until: datetime) -> int:
    """Sends every message of a range again, under its own id; how many. Raises Rejected when there is no such endpoint."""
    _declared(settings, endpoint)
    with _store(settings) as store:
        return store.requeue(endpoint, since.timestamp(), until.timestamp(), time.time())


def try_out(settings: Settings, endpoint: str) -> Answered:
    """Posts a test message now and says what the receiver answered. Raises Rejected when there is no such endpoint."""
    data = _declared(settings, endpoint).data
    message = Message(f"msg_test_{secrets.token_hex(12)}", endpoint, "test", data.unit, {}, time.time(), 1)

    async def once() -> Answered:
        client = WebhookClient(read_networks(settings.webhook_networks), settings.webhook_seconds)
        try:
            return await send(client, data, message, webhook_key(settings), settings.console_url)
        finally:
            await client.aclose()

    return asyncio.run(once())


async def _checked(settings: Settings, url: str) -> None:
    client = WebhookClient(read_networks(settings.webhook_networks), settings.webhook_seconds)
    try:
        await client.check(url)
    finally:
        await client.aclose()


def _append(settings: Settings, data: WebhookData, author: str, reason: str, *, withdrawn: bool = False) -> None:
    row = make_row(data, key=data.endpoint, author=author, reason=reason, valid_from=_now(), withdrawn=withdrawn)
    append(settings, [row])


def _check_unit(snapshot: Snapshot, unit: str) -> None:
    base, _, custom = unit.partition("-")
    if snapshot.gazetteer.get(base) is None or (custom not in ("", "health") and not snapshot.units.history(unit)):
        raise Rejected("unit_unknown", f"There is no unit {unit}.")


def _declared(settings: Settings, endpoint: str) -> Dated[WebhookData]:
    found = endpoints_in_force(_snapshot(settings), _now()).get(endpoint)
    if found is None:
        raise Rejected("webhook_unknown", f"No endpoint '{endpoint}' is declared.")
    return found


def _told(row: Dated[WebhookData], fare: dict[str, Any]) -> dict[str, Any]:
    disabled = fare.get("disabled_reason") if (fare.get("disabled_version") or -1) >= row.offset else None
    told = row.data.model_dump(mode="json", exclude={"kind", "previous_until"}) | {"disabled": disabled}
    told |= {state: fare.get(state, 0) for state in _STATES}
    times = {name: fare.get(name) for name in ("delivered_at", "failing_since")}
    return told | {name: format_instant(datetime.fromtimestamp(at, LOCAL)) if at else None for name, at in times.items()}


def _snapshot(settings: Settings) -> Snapshot:
    return read_snapshot(settings, load_gazetteer())


@contextmanager
def _store(settings: Settings) -> Iterator[WebhookStore]:
    store = WebhookStore(settings.webhook_store())
    try:
        yield store
    finally:
        store.close()


def _now() -> datetime:
    return datetime.now(LOCAL)
