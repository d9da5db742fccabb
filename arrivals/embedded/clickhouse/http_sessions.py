"""Sessions that outlive an HTTP request: `session_id`, as ClickHouse's HTTP interface has them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from arrivals.embedded.clickhouse.errors import NO_SESSION, SESSION_LOCKED, TOO_MANY, server_error
from arrivals.embedded.clickhouse.session import Session

_MOST, _DEFAULT_SECONDS, _MOST_SECONDS = 64, 60.0, 3600.0


@dataclass(slots=True)
class _Kept:
    session: Session
    expires: float
    busy: bool


class HttpSessions:
    """Keeps named sessions for a while. One request at a time may use a session (else error 373)."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._lock = threading.Lock()

    @contextmanager
    def use(self, key: tuple[str, str], params: dict[str, str], make: Callable[[], Session]) -> Iterator[Session]:
        """The session of user and id in `key`, made when it is new; `params` are the request's."""
        if not key[1]:
            session = make()
            try:
                yield session
            finally:
                session.close()
            return
        kept = self._take(key, params.get("session_check") == "1", make)
        try:
            yield kept.session
        finally:
            seconds = min(float(params.get("session_timeout", _DEFAULT_SECONDS)), _MOST_SECONDS)
            with self._lock:
                kept.expires, kept.busy = time.monotonic() + seconds, False

    def _take(self, key: tuple[str, str], must_exist: bool, make: Callable[[], Session]) -> _Kept:
        with self._lock:
            self._expire()
            kept = self._kept.get(key)
            if kept is None:
                if must_exist:
                    raise server_error(NO_SESSION, "Session not found.")
                if len(self._kept) >= _MOST:
                    raise server_error(TOO_MANY, "Too many sessions.")
                kept = self._kept[key] = _Kept(make(), 0.0, busy=False)
            elif kept.busy:
                raise server_error(SESSION_LOCKED, "Session is locked by a concurrent client.")
            kept.busy = True
            return kept

    def _expire(self) -> None:
        now = time.monotonic()
        for key in [key for key, kept in self._kept.items() if not kept.busy and kept.expires < now]:
            self._kept.pop(key).session.close()

    def close(self) -> None:
        with self._lock:
            for kept in self._kept.values():
                kept.session.close()
            self._kept.clear()
