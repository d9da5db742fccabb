"""What a step is given: contiguous records of one partition, as they lie in the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

Where = TypeVar("Where")


class Record(Protocol):
    """One source record as it lies in the log; `timestamp` is in milliseconds since 1970."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Contiguous records of one partition, at least one; `lease` is the number to acknowledge."""

    topic: str
    partition: int
    records: Sequence[Record]
    lease: int

    @property
    def first(self) -> int:
        """The first record's offset."""
        return self.records[0].offset

    @property
    def last(self) -> int:
        """The last record's offset."""
        return self.records[-1].offset


def in_turns(fetched: Mapping[Where, Sequence[Record]], size: int) -> Iterator[list[tuple[Where, Sequence[Record]]]]:
    """Cuts what was fetched into turns of about `size` records, each with its share of every partition, so that none waits."""
    turns = -(-sum(map(len, fetched.values())) // size)
    for turn in range(turns):
        shares = [
            (where, records, len(records) * turn // turns, len(records) * (turn + 1) // turns)
            for where, records in fetched.items()
        ]
        yield [(where, records[start:end]) for where, records, start, end in shares if start < end]
