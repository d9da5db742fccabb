"""The gateway's memory of event ids: what is confirmed, what is under way, and what content each id stands for. Pure.

Bounded: the oldest id is forgotten first. A forgotten or lost id costs nothing but the answer `duplicate`: everything
downstream is idempotent by event id. An id counts as known only once Kafka confirmed it; while that is open, a second post of it
shares the outcome.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

T = TypeVar("T")
State = Literal["fresh", "known", "pending", "conflict"]


@dataclass(slots=True)
class _Entry(Generic[T]):
    digest: str
    pending: T | None


class DuplicateWindow(Generic[T]):
    """Remembers up to `size` ids. `T` is whatever stands for an outcome under way (a future)."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[str, _Entry[T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def claim(self, event_id: str, digest: str, outcome: T) -> tuple[State, T | None]:
        """Claims an id for a post: `fresh` (now under way with `outcome`), `known`, `pending` (with the other post's outcome) or
        `conflict`.
        """
        entry = self._entries.get(event_id)
        if entry is None:
            self._entries[event_id] = _Entry(digest, outcome)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
            return "fresh", None
        if entry.digest != digest:
            return "conflict", None
        return ("known", None) if entry.pending is None else ("pending", entry.pending)

    def confirm(self, event_id: str, digest: str) -> None:
        """The id is on Kafka."""
        entry = self._entries.get(event_id)
        if entry is not None:
            entry.pending = None
        elif self._size:
            self._entries[event_id] = _Entry(digest, None)

    def forget(self, event_id: str, outcome: T) -> None:
        """The outcome is unknown: the next post of this id is a first one again. Another post's claim stays."""
        entry = self._entries.get(event_id)
        if entry is not None and entry.pending is outcome:
            del self._entries[event_id]
