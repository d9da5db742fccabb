"""The console's sessions as the routes use them: the store behind threads of its own, and a short memory in front of it.

Guarantee: an answer from memory is a second old at most, so a session that was ended anywhere is ended here within a second, and
its open streams at the next look at them (`serving.api`). While the desk's database is away the last answer counts for four
seconds; then nobody with a session is let in, because nobody could say whether it still holds.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime
from time import monotonic

from schemas.errors import Unavailable
from serving.access import Principal
from serving.accounts.account import Account
from serving.accounts.session_store import Session, SessionStore, Way, digest_of
from serving.threads import Threads

FRESH_SECONDS, STALE_SECONDS = 1.0, 4.0
_REMEMBERED = 20_000
_ID = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_THREADS, _WAITING = 2, 200


class Sessions:
    """Opens, finds and ends sessions. For one event loop."""

    def __init__(self, store: SessionStore, now: Callable[[], datetime]) -> None:
        self.store = store
        self._now = now
        self._threads = Threads("sessions", _THREADS, _WAITING)
        self._known: OrderedDict[str, tuple[Session | None, float]] = OrderedDict()

    async def open(self, holder: Account | str, way: Way) -> str:
        """The id of a new session of an account, or of an access code by its digest. Raises Refused, Unavailable."""
        return await self._threads.run(lambda: self.store.open(holder, way, self._now()))

    async def find(self, session_id: str) -> Session | None:
        """The session of a cookie; None for what is none, or has ended or expired. Raises Unavailable."""
        if not _ID.fullmatch(session_id):
            return None
        digest = digest_of(session_id)
        if not self._heard(digest, FRESH_SECONDS):
            try:
                await self.look([digest])
            except Unavailable:
                if not self._heard(digest, STALE_SECONDS):
                    raise
        return self.known(digest)

    def known(self, digest: str) -> Session | None:
        """A session as it was heard of last, if that is not too long ago."""
        session, _ = self._known.get(digest, (None, 0.0))
        expired = session is not None and session.expires_ms <= self._now().timestamp() * 1000
        return None if expired or not self._heard(digest, STALE_SECONDS) else session

    async def look(self, digests: Iterable[str]) -> None:
        """Asks the store about these sessions anew. Raises Unavailable."""
        wanted = list(digests)
        asked = monotonic()
        found = await self._threads.run(lambda: self.store.find(wanted, self._now())) if wanted else {}
        for digest in wanted:
            if self._known.get(digest, (None, asked))[1] <= asked:  # else it was ended while we asked
                self._known[digest] = (found.get(digest), asked)
                self._known.move_to_end(digest)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def end(self, session_id: str) -> None:
        """Ends a session at once, for everybody. Raises Unavailable."""
        digest = digest_of(session_id)
        await self._threads.run(lambda: self.store.end(digest, self._now()))
        self._known[digest] = (None, monotonic())

    def forget(self) -> None:
        """Forgets what was heard: something was changed here that ends sessions."""
        self._known.clear()

    def close(self) -> None:
        """Waits for what is running and ends the threads."""
        self._threads.close()

    def _heard(self, digest: str, seconds: float) -> bool:
        found = self._known.get(digest)
        return found is not None and monotonic() - found[1] < seconds


def reader_mark(who: Principal) -> str:
    """A name of whoever reads for his own browser, to keep apart what two of them left there. It opens nothing."""
    return hashlib.sha256(f"{who.role} {who.subject} {who.scope}".encode()).hexdigest()[:16]
