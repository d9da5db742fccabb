"""Health of a part over HTTP: `/healthz` (alive), `/readyz` (ready, names what is missing), `/metrics`.

The router and the sink have no web server of their own and run this one in a thread; the gateway and the API serve
the same three paths.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from arrivals.runtime.metrics import CONTENT_TYPE, Metrics

#: Name of a need -> None when it is met, else one line saying what is missing.
Checks = Mapping[str, Callable[[], str | None]]


def readiness(checks: Checks) -> tuple[int, bytes]:
    """HTTP status and JSON body for `/readyz`: 200, or 503 with what is missing by name."""
    missing = {name: problem for name, check in checks.items() if (problem := check()) is not None}
    body = {"ready": not missing, "missing": missing}
    return (503 if missing else 200), json.dumps(body).encode()


class HealthServer:
    """A small HTTP server in a daemon thread; `alive` says whether the process should go on living."""

    def __init__(self, host: str, port: int, metrics: Metrics, checks: Checks, alive: Callable[[], bool]) -> None:
        def answer(path: str) -> tuple[int, str, bytes]:
            if path == "/healthz":
                return (200, "text/plain", b"ok\n") if alive() else (503, "text/plain", b"stuck\n")
            if path == "/readyz":
                status, body = readiness(checks)
                return status, "application/json", body
            if path == "/metrics":
                return 200, CONTENT_TYPE, metrics.exposition()
            return 404, "text/plain", b"not found\n"

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, content_type, body = answer(self.path.partition("?")[0])
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Health probes are not logged."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._thread = Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Starts answering."""
        self._thread.start()

    def stop(self) -> None:
        """Stops answering and frees the port."""
        self._server.shutdown()
        self._server.server_close()
