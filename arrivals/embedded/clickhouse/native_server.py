"""ClickHouse's native TCP protocol on top of sessions.

Delivery: an insert is stored when EndOfStream is sent, and not at all when its client goes before the last block
(except parts of more than a
million rows the engine has written meanwhile, as in any ClickHouse). A repeated deduplication token is dropped by the
table's window.
"""

from __future__ import annotations

import logging
import socket
import socketserver
from collections.abc import Callable
from contextlib import AbstractContextManager, closing

from arrivals.embedded.clickhouse import packets
from arrivals.embedded.clickhouse.blocks import block
from arrivals.embedded.clickhouse.errors import (
    CANCELLED,
    NOT_IMPLEMENTED,
    TOO_MANY,
    UNEXPECTED_PACKET,
    UNKNOWN_PACKET,
    ServerError,
    server_error,
)
from arrivals.embedded.clickhouse.frames import compress, decompressed
from arrivals.embedded.clickhouse.listeners import Listener
from arrivals.embedded.clickhouse.session import Session
from arrivals.embedded.clickhouse.source import Source
from arrivals.embedded.clickhouse.statements import Insert, insert_head, without_format
from arrivals.embedded.clickhouse.watch import peeked

_LOG = logging.getLogger(__name__)
_HELLO_SECONDS, _RECEIVE_BYTES = 10.0, 1 << 18
_CANCEL = bytes([packets.CANCEL])


class NativeListener(Listener):
    """Serves the native protocol."""

    def refuse(self, request: socket.socket) -> None:
        request.sendall(packets.exception(server_error(TOO_MANY, "Too many connections.")))


class NativeConnection(socketserver.BaseRequestHandler):
    """One client, from hello to its end."""

    request: socket.socket
    server: NativeListener

    def setup(self) -> None:
        self._source = Source(lambda: self.request.recv(_RECEIVE_BYTES))
        self._cancelled = False
        self._compressed = False
        self._in_step = True

    def handle(self) -> None:
        try:
            session = self._greet()
            if session is None:
                return
            try:
                while not self.server.stopping and self._packet(session):
                    self._source.taken()
            finally:
                session.close()
        except (EOFError, OSError) as error:
            _LOG.debug("A client went: %s", error)

    def _send(self, data: bytes) -> None:
        self.request.sendall(data)

    def _greet(self) -> Session | None:
        self.request.settimeout(_HELLO_SECONDS)
        try:
            if self._source.varuint() != packets.HELLO:
                raise server_error(UNEXPECTED_PACKET, "A client has to say hello first; is this the HTTP port you want?")
            hello = packets.read_hello(self._source)
            service = self.server.service
            session = Session(service.engine, service.role(hello.user, hello.password), hello.database)
        except ServerError as error:
            self._send(packets.exception(error))
            return None
        self.request.settimeout(None)
        self._revision = min(hello.revision, packets.REVISION)
        engine = service.engine
        self._send(packets.hello(self._revision, engine.version, engine.timezone, "arrivals-embedded"))
        self._source.taken()
        return session

    def _packet(self, session: Session) -> bool:
        """Serves one packet; False when the stream cannot be followed any further."""
        kind = self._source.varuint()
        if kind == packets.PING:
            self._send(packets.PONG)
        elif kind == packets.QUERY:
            return self._query(session)
        elif kind == packets.DATA:  # what was under way when an insert failed
            return self._dropped_block()
        elif kind != packets.CANCEL:
            self._send(packets.exception(server_error(UNKNOWN_PACKET, f"Unknown packet {kind} from client.")))
            return False
        return True

    def _dropped_block(self) -> bool:
        try:
            self._block()
        except ServerError:  # the insert's own error has been told already
            return False
        return True

    def _query(self, session: Session) -> bool:
        try:
            query = packets.read_query(self._source, self._revision, self.server.service.engine.setting_kind)
            self._compressed = query.compressed
            self._external_tables()
        except ServerError as error:
            self._send(packets.exception(error))
            return False
        self._source.taken()
        self._cancelled = False
        try:
            insert = insert_head(query.sql)
            if insert and not query.sql[insert.data_at :].strip(" \t\r\n;"):
                self._insert(session, insert, query)
            else:
                self._select(session, query)
        except ServerError as error:
            if not (self._cancelled and error.code == CANCELLED):
                self._send(packets.exception(error))
                return self._in_step
        self._send(packets.END_OF_STREAM)
        return True

    def _external_tables(self) -> None:
        """The empty block behind every query; anything before it would be an external table."""
        if self._source.varuint() != packets.DATA:
            raise server_error(UNEXPECTED_PACKET, "The end of external tables was expected behind the query.")
        if self._block()[1]:
            raise server_error(NOT_IMPLEMENTED, "External tables are not supported by the embedded server.")

    def _block(self, spill: Callable[[bytes], None] | None = None) -> tuple[bytes, int]:
        """The rest of a Data packet: its block in the Native format and how many rows that has.

        Of a large block only the end is returned; what came before it went to `spill`.
        """
        self._in_step = False
        outer = self._source
        outer.text(1024)  # the name of an external table
        outer.taken()
        source = Source(lambda: decompressed(outer)) if self._compressed else outer
        packets.skip_block_info(source, self._revision)
        source.taken()
        source.spill = spill
        rows = block(source).rows
        source.spill = None
        if self._compressed and source.waiting:
            raise server_error(UNEXPECTED_PACKET, "Bytes are left behind the block of a compressed Data packet.")
        self._in_step = True
        return source.taken(), rows

    def _select(self, session: Session, query: packets.Query) -> None:
        sql = without_format(query.sql)[0] if session.kind(query.sql) == "READ_ONLY" else query.sql
        with self._watching(session), closing(session.native(sql, query.settings)) as blocks:
            for part in blocks:
                self._send_block(part.data)
                self._send(packets.progress(packets.Counts(part.read_rows, part.read_bytes), self._revision))
                if self._cancelled:
                    return

    def _watching(self, session: Session) -> AbstractContextManager[None]:
        self._cancelled = self._source.buffer[self._source.position :][:1] == _CANCEL
        return self.server.service.watcher.watching(self.request, self._gave_up, session.cancel)

    def _gave_up(self) -> bool:
        """Whether the client sent Cancel or closed its side (called by the watcher while this thread is busy)."""
        self._cancelled = peeked(self.request) in (b"", _CANCEL)
        return self._cancelled

    def _send_block(self, data: bytes) -> None:
        body = packets.block_body(data, self._revision)
        self._send(packets.data_head() + (compress(body) if self._compressed else body))

    def _insert(self, session: Session, insert: Insert, query: packets.Query) -> None:
        with session.spool() as rows:
            self._send_block(session.sample(insert))
            while block := self._next_rows(rows.append):
                rows.append(block)
            written = session.insert(insert, query.settings, "Native", rows)
        if self._revision >= packets.WRITE_INFO:
            counts = packets.Counts(0, 0, written.written_rows, written.written_bytes)
            self._send(packets.progress(counts, self._revision))

    def _next_rows(self, spill: Callable[[bytes], None]) -> bytes:
        """The next block of an insert, or its end where the rest went to `spill`; empty behind the last."""
        kind = self._source.varuint()
        if kind == packets.CANCEL:
            raise server_error(CANCELLED, "Query was cancelled.")
        if kind != packets.DATA:
            self._in_step = False
            raise server_error(UNEXPECTED_PACKET, f"Unexpected packet {kind} in the middle of an insert.")
        data, rows = self._block(spill)
        self._source.taken()
        return data if rows else b""
