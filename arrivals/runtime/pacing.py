"""How often whoever handles records in turns may begin one.

A turn has a fixed cost (a fetch, a group, a request to Kafka) that a few records more do not raise. Who had nothing to do begins
at once; under load a turn waits a few milliseconds and takes more along.
"""

from __future__ import annotations

#: How long the gateway gathers posts for one group, and those who follow a topic records for one turn: somewhat less, so that
#: they wait for the group and not it for them. The whole way of a scan to a unit's list should take 30 ms in the middle; at 500
#: scans a second each step works some 80 times instead of 500, and the two cores of the smallest machine have room again.
GATHER_SECONDS, FOLLOW_SECONDS = 0.012, 0.010


class Pace:
    """Turns at least `seconds` apart. Clocks are the caller's, monotonic."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = float("-inf")

    def wait_seconds(self, now: float) -> float:
        """How long the next turn has to wait; 0 when it may begin."""
        return max(0.0, self._began + self._seconds - now)

    def begin(self, now: float) -> None:
        """A turn begins."""
        self._began = now
