"""Free ports on the loopback interface."""

from __future__ import annotations

import secrets
import socket

# Below the range from which the kernel takes the ports of clients: a client that calls a server that is down could get the
# server's own port, be connected with itself, and keep the server from coming back.
_LOWEST, _HIGHEST = 10_000, 32_000


def free_port() -> int:
    """A port nobody listens on at this moment."""
    while True:
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        if is_free(port):
            return port


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
