"""Where a unit wants to be told by webhook: a dated row of the reference. The secret is not in it (`sinks.webhooks.signing`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.base import Identifier, Instant, Tolerant, UnitCode

WebhookTopic = Literal["arrivals", "alerts"]
WEBHOOK_TOPICS: tuple[WebhookTopic, ...] = ("arrivals", "alerts")


class WebhookData(Tolerant):
    """An endpoint: who is told, where, about what. Its key is `endpoint`; a newer row takes a disabled one up again.

    The secret follows from `generation`; until `previous_until` the generation before signs as well, so that a receiver can
    change over without losing a message.
    """

    kind: Literal["webhook"]
    endpoint: Identifier
    unit: UnitCode
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s@]+$", max_length=500)]
    topics: Annotated[tuple[WebhookTopic, ...], Field(strict=False, min_length=1)] = WEBHOOK_TOPICS
    generation: Annotated[int, Field(ge=1)] = 1
    previous_until: Instant | None = None
