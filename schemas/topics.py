"""The one table of topics: name, key, partitions, retention. `arrivals topics` creates exactly this and verifies it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from schemas.arrival import ALERT, ARRIVAL
from schemas.checkin import RECORDED_CHECKIN
from schemas.dead_letter import DEAD_LETTER
from schemas.duplicate import DUPLICATE
from schemas.recorded import RECORDED
from schemas.reference_rows import REFERENCE_ROW
from schemas.unit_action import UNIT_ACTION

_DAY_MS = 86_400_000
_FOR_EVER = -1


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of ours.

    `name` is the part after the configured prefix; `key` says what the record key is; `partitions` is for one site (a
    province multiplies by `ARRIVALS_KAFKA_PARTITION_FACTOR`, except where order over the whole topic is the point);
    `retention_ms` -1 keeps for ever.
    """

    name: str
    key: str
    partitions: int
    retention_ms: int
    purpose: str
    model: TypeAdapter[Any]
    single: bool = False
    #: Largest record; dead letters hold whole refused bodies under seal.
    max_bytes: int = 1_048_588


TOPICS: tuple[Topic, ...] = (
    Topic("scans", "person key", 4, 45 * _DAY_MS, "accepted scans, sealed", RECORDED),
    Topic("arrivals", "unit code", 4, 45 * _DAY_MS, "decided arrivals, every version", ARRIVAL),
    Topic("alerts", "unit code", 4, 45 * _DAY_MS, "what a desk must see at once", ALERT),
    Topic("unit-actions", "arrival id", 4, 45 * _DAY_MS, "what units do with their arrivals", UNIT_ACTION),
    Topic("checkins", "person key", 4, 45 * _DAY_MS, "accepted health check-ins, sealed", RECORDED_CHECKIN),
    Topic(
        "reference",
        "row id",
        1,
        _FOR_EVER,
        "dated rows; the offset is the reference version",
        REFERENCE_ROW,
        single=True,
    ),
    Topic("dead-letters", "dead letter id", 4, _FOR_EVER, "refused records, whole and sealed", DEAD_LETTER, max_bytes=4_194_304),
    Topic("duplicates", "person key", 4, 45 * _DAY_MS, "repeated posts the gateway answered as such", DUPLICATE),
)
BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}
