"""Where the work on posts is done."""

from __future__ import annotations

from collections.abc import Sequence

from producers.deriving import Derived, Posted, derive_all
from producers.sealer import Sealer


class Deriving:
    """Derives in this process."""

    def __init__(self, sealer: Sealer) -> None:
        self.sealer = sealer

    async def derive(self, posts: Sequence[Posted]) -> list[Derived]:
        """What follows from each post. Raises Unavailable when nothing can be sealed."""
        return derive_all(posts, self.sealer)
