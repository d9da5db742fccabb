"""Notices that a client gives up while the engine works for it: one thread over all sockets whose owner is busy."""

from __future__ import annotations

import logging
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from arrivals.embedded.clickhouse.errors import ServerError

_LOG = logging.getLogger(__name__)
_AGAIN_SECONDS = 0.5


class Watcher:
    """Calls back when a watched socket has something to say; the callback tells whether its owner must be cancelled.

    A cancelled owner is told again every half second, since a statement can only be killed once the engine has begun it.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: dict[int, tuple[Callable[[], bool], Callable[[], None]]] = {}
        self._giving_up: dict[int, Callable[[], None]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        self._epoll.close()

    @contextmanager
    def watching(self, sock: socket.socket, gave_up: Callable[[], bool], cancel: Callable[[], None]) -> Iterator[None]:
        """Inside the block, `cancel` is called (in the watcher's thread) once the socket is readable and `gave_up` says so."""
        number = sock.fileno()
        with self._lock:
            self._watched[number] = (gave_up, cancel)
        self._epoll.register(number, select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT)
        try:
            yield
        finally:
            with self._lock:
                self._watched.pop(number, None)
                self._giving_up.pop(number, None)
            self._epoll.unregister(number)

    def _run(self) -> None:
        while not self._stopped.is_set():
            for number, _ in self._epoll.poll(_AGAIN_SECONDS):
                with self._lock:
                    gave_up, cancel = self._watched.get(number, (None, None))
                    if gave_up is not None and cancel is not None and gave_up():
                        self._giving_up[number] = cancel
            with self._lock:  # so that a query is never cancelled for the one before it
                for cancel in self._giving_up.values():
                    _try(cancel)


def _try(cancel: Callable[[], None]) -> None:
    try:
        cancel()
    except ServerError as error:
        _LOG.warning("A query cannot be cancelled now (code %s); asked again soon.", error.code)


def disconnected(sock: socket.socket) -> bool:
    """Whether the peer has closed its side and nothing it sent is left to read."""
    return peeked(sock) == b""


def peeked(sock: socket.socket) -> bytes | None:
    """The next byte without taking it; empty at the end of the stream, None when there is nothing yet. Never waits.

    A socket object with a timeout would wait for it whatever the flags say, and with it all whom the watcher keeps waiting
    meanwhile; so another object without one looks at the same connection.
    """
    try:
        with socket.socket(fileno=os.dup(sock.fileno())) as twin:
            return twin.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError:
        return b""
