"""A repeated post that the gateway recognised: nothing but its identity, so that every post can be accounted for."""

from __future__ import annotations

from typing import Literal

from pydantic import TypeAdapter

from schemas.base import EventId, Identifier, Instant, Tolerant


class Duplicate(Tolerant):
    """One scan answered `duplicate`; the first copy lies on `scans`."""

    version: Literal[1]
    event_id: EventId
    device_id: Identifier
    recorded_at: Instant


DUPLICATE: TypeAdapter[Duplicate] = TypeAdapter(Duplicate)
