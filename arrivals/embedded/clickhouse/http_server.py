"""ClickHouse's HTTP interface on top of sessions, for clickhouse-connect, curl, Grafana and notebooks.

Delivery: an insert is stored when 200 is answered. An error after the first piece of a result is written behind it
and the connection is
closed without the last chunk, so that no client takes the result for whole.
"""

from __future__ import annotations

import json
import logging
import secrets
import socket
import uuid
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, closing
from functools import partial
from http.server import BaseHTTPRequestHandler
from itertools import chain
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qsl, urlsplit

from arrivals.embedded.clickhouse.engine import NOTHING, Chunk
from arrivals.embedded.clickhouse.errors import READONLY, ServerError, server_error
from arrivals.embedded.clickhouse.http_request import all_text, body, credentials, query_params, settings
from arrivals.embedded.clickhouse.http_response import STREAMED, content_type, encoder, status
from arrivals.embedded.clickhouse.http_sessions import HttpSessions
from arrivals.embedded.clickhouse.listeners import Listener
from arrivals.embedded.clickhouse.session import Session
from arrivals.embedded.clickhouse.statements import Insert, insert_head, without_format
from arrivals.embedded.clickhouse.watch import disconnected

_LOG = logging.getLogger(__name__)
_HEAD_BYTES = 65536


class HttpListener(Listener):
    """Serves the HTTP interface."""

    def __init__(self, *arguments: Any) -> None:
        self.sessions = HttpSessions()
        super().__init__(*arguments)

    def refuse(self, request: socket.socket) -> None:
        request.sendall(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


class HttpConnection(BaseHTTPRequestHandler):
    """One connection, which may carry many requests."""

    protocol_version = "HTTP/1.1"
    server_version = "ClickHouse"
    sys_version = ""
    timeout = 60
    server: HttpListener

    def log_message(self, format: str, *arguments: Any) -> None:
        """URLs and bodies hold statements: nothing of them is logged."""

    def handle(self) -> None:
        try:
            super().handle()
        except (EOFError, OSError) as error:
            _LOG.debug("A client went: %s", error)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self._params = dict(parse_qsl(url.query, keep_blank_values=True))
        if url.path == "/ping" or (url.path == "/" and self.command == "GET" and "query" not in self._params):
            self._whole(200, b"Ok.\n")
        elif url.path != "/":
            self._whole(404, b"There is no such path; queries go to /.\n")
        else:
            self._request()

    do_POST = do_GET

    def _request(self) -> None:
        self._answering = False
        self._body = body(self.headers, cast(BinaryIO, self.rfile))
        try:
            user, password = credentials(self.headers, self._params)
            role = self.server.service.role(user, password)
            database = self._params.get("database") or self.headers.get("X-ClickHouse-Database") or ""
            make = partial(Session, self.server.service.engine, role, database)
            with self.server.sessions.use((user, self._params.get("session_id", "")), self._params, make) as session:
                self._run(session)
        except ServerError as error:
            self._fail(error)

    def _run(self, session: Session) -> None:
        sql = self._params.get("query", "")
        begun = b"" if sql else _first(self._body)
        insert = insert_head(sql) if sql else insert_head(begun.decode("latin-1"))
        if insert and (not sql or not sql[insert.data_at :].strip(" \t\r\n;")):
            if not sql:
                insert = insert_head(begun[: insert.data_at].decode("utf-8", "replace")) or insert
                begun = begun.decode("latin-1")[_data_at(begun) :].encode("latin-1")
            self._insert(session, insert, begun)
            return
        text = all_text(begun, self._body)
        self._query(session, f"{sql}\n{text}" if sql and text else sql or text)

    def _insert(self, session: Session, insert: Insert, begun: bytes) -> None:
        if self.command == "GET":
            raise _get_reads()
        with session.spool() as rows:
            for piece in chain((begun,), self._body):
                rows.append(piece)
            written = session.insert(insert, settings(self._params), insert.format, rows)
        self._begin("", {"written_rows": written.written_rows, "written_bytes": written.written_bytes})
        self._end(b"")

    def _query(self, session: Session, text: str) -> None:
        kind = session.kind(text)
        if self.command == "GET" and kind.startswith("MUTATING"):
            raise _get_reads()
        sql, named = without_format(text) if kind == "READ_ONLY" else (text, None)
        output = named or self._params.get("default_format") or self.headers.get("X-ClickHouse-Format") or "TabSeparated"
        with self._watching(session), closing(self._chunks(session, sql, output)) as chunks:
            first = next(chunks, NOTHING)
            self._begin(output, {"read_rows": first.read_rows, "read_bytes": first.read_bytes})
            piece, end = self._encoder
            for chunk in chain((first,), chunks):
                self._piece(piece(chunk.data) if chunk.data else b"")
            self._end(end())

    def _chunks(self, session: Session, sql: str, output: str) -> Generator[Chunk]:
        arguments = (sql, settings(self._params), output, query_params(self._params))
        if output == "Native":
            blocks = session.native(sql, settings(self._params), query_params(self._params))
            columns = next(blocks, NOTHING)
            yield from chain((next(blocks, columns),), blocks)  # the columns alone only when there are no rows
        elif output in STREAMED:
            yield from session.query(*arguments)
        else:
            yield session.document(*arguments)

    def _watching(self, session: Session) -> AbstractContextManager[None]:
        gone = partial(disconnected, self.connection)
        return self.server.service.watcher.watching(self.connection, gone, session.cancel)

    def _begin(self, output: str, summary: dict[str, int]) -> None:
        encoding, self._encoder = encoder(self.headers, self._params)
        self._answering = True
        self.send_response(200)
        if output:
            self.send_header("Content-Type", content_type(output))
            self.send_header("X-ClickHouse-Format", output)
        if encoding:
            self.send_header("Content-Encoding", encoding)
        engine = self.server.service.engine
        self.send_header("X-ClickHouse-Timezone", engine.timezone)
        self.send_header("X-ClickHouse-Server-Display-Name", "arrivals-embedded")
        self._tag = secrets.token_hex(8)
        self.send_header("X-ClickHouse-Exception-Tag", self._tag)
        self.send_header("X-ClickHouse-Query-Id", self._params.get("query_id") or str(uuid.uuid4()))
        self.send_header("X-ClickHouse-Summary", json.dumps({name: str(value) for name, value in summary.items()}))
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _piece(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%X\r\n%b\r\n" % (len(data), data))

    def _end(self, data: bytes) -> None:
        self._piece(data)
        self.wfile.write(b"0\r\n\r\n")

    def _fail(self, error: ServerError) -> None:
        text = error.message.encode() + b"\n"
        self.close_connection = True  # the rest of the body may still be under way
        if self._answering:
            piece, end = self._encoder
            self._piece(piece(_framed(text, self._tag)) + end())
        else:
            self._whole(status(error.code), text, {"X-ClickHouse-Exception-Code": str(error.code)})

    def _whole(self, code: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in {"Content-Type": "text/plain; charset=UTF-8", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)


def _first(pieces: Iterator[bytes]) -> bytes:
    """The beginning of a body, long enough to tell what statement it holds."""
    begun = b""
    for piece in pieces:
        begun += piece
        if len(begun) >= _HEAD_BYTES:
            break
    return begun


def _data_at(begun: bytes) -> int:
    """Where the rows begin behind the head of an INSERT: after blanks and one end of line."""
    text = begun.decode("latin-1")
    insert = insert_head(text)
    at = insert.data_at if insert else 0
    while text[at : at + 1] in (" ", "\t", "\r") and at < len(text):
        at += 1
    return at + 1 if text[at : at + 1] == "\n" else at


def _framed(text: bytes, tag: str) -> bytes:
    """An error behind the first part of a result, marked so that clients of today's servers find it."""
    mark, name = b"__exception__\r\n", tag.encode()
    return b"\r\n" + mark + name + b"\r\n" + text + b"%d " % len(text) + name + b"\r\n" + mark


def _get_reads() -> ServerError:
    return server_error(READONLY, "Cannot execute query in readonly mode: GET implies readonly; use POST to modify data.")
