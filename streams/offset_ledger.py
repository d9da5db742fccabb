"""Which offset of each partition may be committed: the end of the unbroken run of acknowledged batches.

Delivery guarantee: a batch handed out and not acknowledged holds back everything behind it, in whatever order
the acknowledgements come. An acknowledgement from before a revocation or a seek counts for nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Generic, TypeVar

from schemas.errors import Misconfigured

Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True)
class _Lease:
    """One batch on its way: its first offset, the offset behind its last record, and whether its outputs are
    safe.
    """

    first: int
    behind: int
    acknowledged: bool = False


@dataclass(slots=True)
class _Partition:
    moved_at: float
    expected: int | None = None
    committable: int | None = None
    order: deque[int] = field(default_factory=deque)
    leases: dict[int, _Lease] = field(default_factory=dict)


class OffsetLedger(Generic[Key]):
    """The batches handed out per partition, in order, until they are acknowledged. Times are monotonic
    seconds.
    """

    def __init__(self) -> None:
        self._partitions: dict[Key, _Partition] = {}
        self._serial = count(1)

    def rewind(self, key: Key, offset: int | None, now: float) -> None:
        """Reading `key` starts (again) at `offset`, or where the log begins if None; its open leases are
        void.
        """
        self._partitions[key] = _Partition(now, expected=offset)

    def forget(self, keys: Iterable[Key]) -> None:
        """These partitions belong to somebody else now."""
        for key in keys:
            self._partitions.pop(key, None)

    def deliver(self, key: Key, first: int, last: int) -> int:
        """Lease the offsets `first..last` of `key`; the answer is the lease's number.

        Raises Misconfigured when `first` is not the next offset: records have expired unread, or the topic
        was made anew. Only an operator can accept that; nothing is skipped here.
        """
        partition = self._partitions[key]
        if partition.expected is not None and first != partition.expected:
            raise Misconfigured(
                "offset_gap",
                f"{key}: offset {partition.expected} was to come next, but the log goes on at {first}.",
                "Records expired unread, or the topic was made anew. Set the group's offset to accept this.",
            )
        lease = next(self._serial)
        partition.expected = last + 1
        partition.order.append(lease)
        partition.leases[lease] = _Lease(first, last + 1)
        return lease

    def acknowledge(self, key: Key, lease: int, now: float) -> bool:
        """Everything made from this lease is safe. False when the lease is void: its partition was revoked or
        sought.
        """
        partition = self._partitions.get(key)
        if partition is None or lease not in partition.leases:
            return False
        partition.leases[lease].acknowledged = True
        partition.moved_at = now
        while partition.order and partition.leases[partition.order[0]].acknowledged:
            partition.committable = partition.leases.pop(partition.order.popleft()).behind
        return True

    def committable(self, key: Key) -> int | None:
        """The offset to commit for `key` (the next one to read); None while nothing was acknowledged."""
        partition = self._partitions.get(key)
        return partition.committable if partition else None

    def position(self, key: Key) -> int | None:
        """The first offset of `key` that is not yet safe; None while unknown."""
        partition = self._partitions.get(key)
        if partition is None:
            return None
        return partition.leases[partition.order[0]].first if partition.order else partition.expected

    def rest(self, key: Key, now: float) -> None:
        """Nothing waits in `key`: standing still is no fault."""
        if key in self._partitions:
            self._partitions[key].moved_at = now

    def moved_at(self, key: Key) -> float | None:
        """When `key` was last acknowledged, at rest, or assigned; None when it is not ours."""
        partition = self._partitions.get(key)
        return partition.moved_at if partition else None

    def keys(self) -> tuple[Key, ...]:
        """The partitions being read."""
        return tuple(self._partitions)

    def open_leases(self) -> int:
        """How many batches are on their way."""
        return sum(len(partition.order) for partition in tuple(self._partitions.values()))
