"""What goes into the batch engine and what it tells about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What an operator may turn; `bootstrap` is `host:port[,host:port]`, `faust` goes to `faust.App` as it is (TLS, SASL).

    Without `member` a killed process holds its partitions for `session_seconds` more; with one, a name that is its own and stays
    the same over restarts, its successor takes its place at once. A worker that cannot finish what it has in work within
    `rebalance_seconds` of a change in the group is put out of it. `stall_seconds` without progress on waiting records end the
    process. One record batch of `output_batch_bytes` must fit the broker's `message.max.bytes`, and so must one output.
    """

    group: str
    bootstrap: str
    source: str
    batch_records: int = 2_000
    batches_in_flight: int = 4
    commit_seconds: float = 0.5
    drain_seconds: float = 8.0
    stall_seconds: float = 120.0
    session_seconds: float = 6.0
    member: str | None = None
    rebalance_seconds: float = 15.0
    partition_fetch_bytes: int = 1024 * 1024
    output_batch_bytes: int = 900_000
    compression: str | None = None
    faust: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One finished turn, for metrics: its partitions, counts, and seconds spent in the step and from its end to the
    acknowledgement.
    """

    topic: str
    partitions: tuple[int, ...]
    records: int
    outputs: int
    step_seconds: float
    delivery_seconds: float


@dataclass(frozen=True, slots=True)
class PartitionHealth:
    """One assigned partition: the first offset not yet safe, records waiting behind it, seconds since it last
    moved.
    """

    position: int | None
    lag: int
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """`ready`: in the group, partitions known. `stalled`: partitions that have records waiting and have not
    moved.
    """

    ready: bool
    partitions: Mapping[int, PartitionHealth]
    stalled: tuple[int, ...]
    batches_in_flight: int
    step_seconds: float = 0.0
