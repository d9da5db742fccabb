"""A token bucket per name: so many a second, a burst of ten seconds' worth. Pure; time comes from the caller."""

from __future__ import annotations

from collections import OrderedDict

_BURST_SECONDS = 10
_MOST_NAMES = 10_000


class RateLimit:
    """Allows `per_second` on average for each name; the least recently used names are forgotten first."""

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, name: str, count: int, now: float) -> float:
        """0 when `count` may pass now (and takes it); otherwise the seconds to wait. `now` is monotonic seconds.

        A count of 0 takes nothing and asks whether 1 might pass.

        More than a burst passes on a full bucket and leaves a debt: a large batch is never refused for ever.
        """
        full = self._rate * _BURST_SECONDS
        level, then = self._buckets.pop(name, (full, now))
        level = min(full, level + (now - then) * self._rate)
        lacking = min(count or 1, full) - level
        self._buckets[name] = (level if lacking > 0 else level - count, now)
        if len(self._buckets) > _MOST_NAMES:
            self._buckets.popitem(last=False)
        return max(0.0, lacking / self._rate)
