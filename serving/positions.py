"""Positions in the topics behind a stream: a vector of offsets, the id of every event. Pure.

Offsets only ever grow and have no gaps in time, so a position says exactly what was delivered, whichever process
delivered it. A time
would not: two arrivals can share one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from schemas.errors import Refused

#: Partition -> offset of the last record delivered; a partition that is missing, or -1, has delivered nothing.
Position = Mapping[int, int]
_FORMAT = re.compile(r"\d{1,4}:(?:-1|\d{1,18})(?:,\d{1,4}:(?:-1|\d{1,18})){0,511}", re.ASCII)
START = -1
#: Partitions of `unit-actions` are counted from here, those of `arrivals` from 0: one position for both topics.
ACTIONS = 5_000


def encode(position: Position) -> str:
    """Writes a position as `0:12,1:-1`, partitions ascending."""
    return ",".join([f"{partition}:{position[partition]}" for partition in sorted(position)])


def decode(text: str) -> dict[int, int]:
    """Reads what `encode` wrote. Raises Refused (400) for anything else."""
    if not _FORMAT.fullmatch(text):
        raise _garbage()
    pairs = [part.split(":") for part in text.split(",")]
    position = {int(partition): int(offset) for partition, offset in pairs}
    if len(position) != len(pairs):
        raise _garbage()
    return position


def _garbage() -> Refused:
    return Refused("position_invalid", "Last-Event-ID is not a position of this stream.", 400, "Leave it out to start anew.")


def of_arrivals(position: Position) -> dict[int, int]:
    """The part of a position that is about `arrivals`, by partition."""
    return {partition: offset for partition, offset in position.items() if partition < ACTIONS}


def of_actions(position: Position) -> dict[int, int]:
    """The part of a position that is about `unit-actions`, by partition."""
    return {partition - ACTIONS: offset for partition, offset in position.items() if partition >= ACTIONS}


def reached(position: Position, other: Position) -> bool:
    """Whether `position` has everything that `other` has."""
    return all(position.get(partition, START) >= offset for partition, offset in other.items())


def furthest(one: Position, other: Position) -> dict[int, int]:
    """The position that has what either has."""
    return {p: max(one.get(p, START), other.get(p, START)) for p in {*one, *other}}
