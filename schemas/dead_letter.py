"""What could not be processed, kept whole: where it lay, why it failed, and its original bytes under seal.

The bytes of a refused post or a foreign record may hold a person, so they rest encrypted under the day key like any identity.
"""

from __future__ import annotations

from typing import Literal

from pydantic import TypeAdapter

from schemas.base import Instant, Tolerant

Stage = Literal["gateway", "router", "sink", "import"]


class DeadLetter(Tolerant):
    """One record or post that was refused; key of the record on `dead-letters` is `dead_letter_id`.

    `reason` is a stable word, `detail` names fields and positions but holds no value. `topic`, `partition` and `offset` are the
    original coordinates, null for what never reached a topic.
    """

    version: Literal[1]
    dead_letter_id: str
    stage: Stage
    reason: str
    detail: str
    recorded_at: Instant
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    event_id: str | None = None
    device_id: str | None = None
    site_id: str | None = None
    reference_version: int | None = None
    key_id: str
    payload_sealed: str
    payload_bytes: int
    #: What became of it; a later record with the same id says so (`arrivals dead-letters replay|discard`).
    state: Literal["open", "replayed", "discarded"] = "open"
    handled_at: Instant | None = None
    handled_by: str = ""
    note: str = ""


DEAD_LETTER: TypeAdapter[DeadLetter] = TypeAdapter(DeadLetter)
