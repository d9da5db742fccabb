"""Receivers of webhooks: a real HTTP server that keeps what it is sent and answers as it is told."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from schemas.webhook import WebhookData

KEY = b"k" * 32
LOOPBACK = "127.0.0.0/8"


@dataclass
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A running server. `answers` holds, by path, a callable that writes the answer; 204 for every other path."""

    port: int = 0
    seen: list[Received] = field(default_factory=list)
    answers: dict[str, Callable[[BaseHTTPRequestHandler], object]] = field(default_factory=dict)
    released: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def url(self, path: str) -> str:
        """Where a path is."""
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Received]:
        """What came to a path, in order."""
        with self.lock:
            return [request for request in self.seen if request.path == path]

    def hang(self, _: BaseHTTPRequestHandler) -> None:
        """An answer that does not come until the test is over."""
        self.released.wait(60)


def status(code: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer with a status and headers (`retry_after` for Retry-After)."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def drip(request: BaseHTTPRequestHandler) -> int:
    """A body of a gigabyte that comes for as long as somebody reads; how many bytes went out."""
    request.send_response(200)
    request.send_header("Content-Length", str(1 << 30))
    request.end_headers()
    written = 0
    try:
        while written < 1 << 30:
            request.wfile.write(b"x" * 65_536)
            written += 65_536
    except OSError:
        request.close_connection = True
    return written


class _Quiet(ThreadingHTTPServer):
    #: Hundreds of endpoints are hundreds of servers elsewhere; here they call at one door.
    request_queue_size = 1_024

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that are cut off are what some tests want."""


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver until the end of the block; with a context it speaks TLS."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            with receiver.lock:
                receiver.seen.append(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            receiver.answers.get(self.path, status(204))(self)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = _Quiet(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def endpoint(name: str, url: str, unit: str = "411426", **more: object) -> WebhookData:
    """A declared endpoint."""
    return WebhookData.model_validate({"kind": "webhook", "endpoint": name, "unit": unit, "url": url, **more})


def wait(done: Callable[[], object], seconds: float = 60) -> None:
    """Waits until `done()`."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def certificate(folder: Path, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for a host, and a client's that trusts it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now - timedelta(hours=1), now + timedelta(1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = folder / f"{host}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=made.public_bytes(Encoding.PEM).decode("ascii"))
