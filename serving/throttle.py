"""Slows down guessing: so many failures per address and minute, then a pause. Pure; the caller brings the time."""

from __future__ import annotations

from collections import OrderedDict, deque

WINDOW_SECONDS = 60.0
MOST_FAILURES = 10
_ADDRESSES = 10_000


class Failures:
    """Remembers failures by address, `most` of which may happen in a minute; the oldest addresses are forgotten first."""

    def __init__(self, most: int = MOST_FAILURES) -> None:
        self._most = most
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def too_many(self, address: str, now: float) -> bool:
        """Whether the address has to wait."""
        times = self._times.get(address, deque())
        while times and now - times[0] >= WINDOW_SECONDS:
            times.popleft()
        return len(times) >= self._most

    def note(self, address: str, now: float) -> None:
        """Counts a failure."""
        self._times.setdefault(address, deque(maxlen=self._most)).append(now)
        self._times.move_to_end(address)
        if len(self._times) > _ADDRESSES:
            self._times.popitem(last=False)
