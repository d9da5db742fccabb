"""Accepts connections, one thread each: bounded in number, checked for user and password, ended together."""

from __future__ import annotations

import hmac
import socket
import socketserver
import threading
import time
from dataclasses import dataclass
from typing import Any

from arrivals.embedded.clickhouse.configuration import Role
from arrivals.embedded.clickhouse.engine import Engine
from arrivals.embedded.clickhouse.errors import WRONG_PASSWORD, server_error
from arrivals.embedded.clickhouse.watch import Watcher


@dataclass(frozen=True, slots=True)
class User:
    """Who may come in, and as what."""

    name: str
    password: str
    role: Role


@dataclass(frozen=True, slots=True)
class Service:
    """What every connection needs."""

    engine: Engine
    watcher: Watcher
    users: tuple[User, ...]

    def role(self, name: str, password: str) -> Role:
        """The role of a user. Raises ServerError 516 without telling which of the two was wrong."""
        for user in self.users:
            same = hmac.compare_digest(user.password.encode(), password.encode("utf-8", "replace"))
            if same and user.name == name:
                return user.role
        raise server_error(
            WRONG_PASSWORD,
            f"{name}: Authentication failed: password is incorrect, or there is no user with such name.",
        )


class Listener(socketserver.ThreadingTCPServer):
    """A listening socket. Connections above `most` are handled by `refuse`; `finish` ends all of them."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    most = 256

    def __init__(self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler], service: Service) -> None:
        self.service = service
        self.stopping = False
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(address, handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def refuse(self, request: socket.socket) -> None:
        """Tells a client that there are too many."""

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            refused = self.stopping or len(self._open) >= self.most
            if not refused:
                self._open.add(request)
        if refused:
            self.refuse(request)
            self.shutdown_request(request)
        else:
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            request.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def finish(self, seconds: float) -> bool:
        """Stops accepting and lets no client send any more: open inserts are dropped, committing ones end, queries are
        cancelled. Returns whether all connections ended within `seconds`."""
        self.shutdown()
        deadline = time.monotonic() + seconds
        with self._changed:
            self.stopping = True
            for request in self._open:
                _stop_reading(request)
            while self._open and time.monotonic() < deadline:
                self._changed.wait(deadline - time.monotonic())
            return not self._open


def _stop_reading(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RD)
    except OSError:  # the client has gone already
        return
