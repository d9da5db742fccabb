"""A token bucket per device: so many scans a second, a burst of ten seconds' worth. Pure; time comes from the caller."""

from __future__ import annotations

from collections import OrderedDict

_BURST_SECONDS = 10
_MOST_DEVICES = 10_000


class RateLimit:
    """Allows `per_second` on average for each name; the least recently used names are forgotten first."""

    def __init__(self, per_second: int) -> None:
        self._rate = per_second
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, name: str, count: int, now: float) -> float:
        """0 when `count` may pass now (and takes it); otherwise the seconds to wait. `now` is monotonic seconds."""
        full = float(self._rate * _BURST_SECONDS)
        level, then = self._buckets.pop(name, (full, now))
        level = min(full, level + (now - then) * self._rate)
        allowed = level >= count
        self._buckets[name] = (level - count if allowed else level, now)
        if len(self._buckets) > _MOST_DEVICES:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (count - level) / self._rate
