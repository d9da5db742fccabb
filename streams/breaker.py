"""Tells one poison record from a broken program: single faults pass as dead letters, many at once stop the router. Pure."""

from __future__ import annotations

from collections import deque

from schemas.errors import Misconfigured

#: Records looked back upon, and how many of them may be faults before the program itself is doubted.
WINDOW, MOST_FAULTS = 2_000, 20


class Breaker:
    """Counts faults among the last records of this process."""

    def __init__(self, window: int = WINDOW, most_faults: int = MOST_FAULTS) -> None:
        self._window, self._most = window, most_faults
        self._batches: deque[tuple[int, int]] = deque()
        self._seen = self._found = 0

    def add(self, records: int, faults: int) -> None:
        """Takes a batch into account before anything of it is published.

        Raises Misconfigured (`router_faulty`) when the window holds more faults than a few poison records explain. The batch is
        then neither published nor committed, so nothing is lost and a mended router decides it.
        """
        self._batches.append((records, faults))
        self._seen, self._found = self._seen + records, self._found + faults
        while self._seen - self._batches[0][0] >= self._window:
            size, bad = self._batches.popleft()
            self._seen, self._found = self._seen - size, self._found - bad
        if self._found > self._most:
            raise Misconfigured(
                "router_faulty",
                f"{self._found} of the last {self._seen} scans met a fault in the program.",
                "Nothing of the last batch was published. Go back to the release before, or mend this one, and start again.",
            )
