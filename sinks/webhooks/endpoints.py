"""The endpoints that hold now, out of the reference. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from reference.dated import Dated
from reference.snapshot import Snapshot
from schemas.webhook import WebhookData


def endpoints_in_force(snapshot: Snapshot, at: datetime) -> Mapping[str, Dated[WebhookData]]:
    """The row of every endpoint that is declared at a time, by its name."""
    found = ((name, snapshot.webhooks.at(name, at)) for name in snapshot.webhooks.keys())
    return {name: row for name, row in found if row is not None}
