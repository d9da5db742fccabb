"""A small HTTP server that answers `POST /v1/scans` by the contract and can be told to misbehave: for tests of the
device's side alone.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from producers.parsing import parse_body, validate_scan
from schemas.errors import Rejected

#: Given the number of the request (from 0): None to answer by the contract, or (status, headers), or "close" to hang up.
Trouble = Callable[[int], tuple[int, dict[str, str]] | str | None]


class StandInGateway:
    """Remembers bodies by event id; `requests` holds (headers, raw body as decoded) of every request."""

    def __init__(self) -> None:
        self.trouble: Trouble = lambda _: None
        #: Event ids to reject.
        self.refuse: set[str] = set()
        self.seen: dict[str, str] = {}
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.lock = threading.Lock()
        self.url = ""
        self.connections = 0

    def answer(self, headers: dict[str, str], raw: bytes) -> tuple[int, dict[str, str], Any]:
        with self.lock:
            number = len(self.requests)
            self.requests.append((headers, raw))
            trouble = self.trouble(number)
            if isinstance(trouble, str):
                return 0, {}, trouble
            if trouble is not None:
                return trouble[0], trouble[1], {"title": "trouble", "code": "trouble"}
            if headers.get("Content-Encoding") not in (None, "gzip") or headers.get("Content-Type") != "application/json":
                return 415, {}, {"title": "Unsupported Media Type", "code": "media_type"}
            return self._by_contract(headers.get("Authorization", "").removeprefix("Bearer "), raw)

    def _by_contract(self, token: str, raw: bytes) -> tuple[int, dict[str, str], Any]:
        try:
            scans, _ = parse_body(raw)
        except Rejected as error:
            return 400, {}, {"title": "Bad post", "code": error.reasons[0].code, "detail": error.message}
        return 202, {}, {"server_time": "2020-02-18T00:00:00.000+08:00", "results": [self._one(token, s) for s in scans]}

    def _one(self, token: str, value: Any) -> dict[str, Any]:
        event_id = value.get("event_id") if isinstance(value, dict) else None
        try:
            scan = validate_scan(value)
        except Rejected as error:
            return _rejected(event_id, error.reasons[0].field, error.reasons[0].code)
        if token != f"sq_device_{scan.site_id}":
            return _rejected(event_id, "site_id", "site_forbidden")
        if scan.event_id in self.refuse:
            return _rejected(event_id, "person.name", "value_invalid")
        said = scan.model_dump_json()
        if self.seen.get(scan.event_id, said) != said:
            return _rejected(event_id, "event_id", "id_conflict")
        fresh = scan.event_id not in self.seen
        self.seen[scan.event_id] = said
        return {"event_id": event_id, "status": "accepted" if fresh else "duplicate", "flags": [], "reasons": []}


def _rejected(event_id: str | None, field: str, code: str) -> dict[str, Any]:
    reason = {"field": field, "code": code, "message": "wrong", "message_zh": "有误"}
    return {"event_id": event_id, "status": "rejected", "flags": [], "reasons": [reason]}


@contextmanager
def stand_in_gateway() -> Iterator[StandInGateway]:
    """A running server on a free port."""
    gateway = StandInGateway()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(gateway))
    server.daemon_threads = True
    gateway.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield gateway
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(gateway: StandInGateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            gateway.connections += 1
            super().setup()

        def handle(self) -> None:
            with suppress(ConnectionError):
                super().handle()

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                try:
                    raw = gzip.decompress(raw)
                except (gzip.BadGzipFile, OSError, EOFError):
                    raw = b"?"
            status, headers, content = gateway.answer(dict(self.headers), raw)
            if status == 0:
                self.close_connection = True
                return
            body = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    return Handler
