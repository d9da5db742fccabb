"""A buffer that pulls bytes when more are needed, with the primitive values of ClickHouse's wire format on top."""

from __future__ import annotations

import struct
from collections.abc import Callable

from arrivals.embedded.clickhouse.errors import TOO_LARGE, server_error

_U64 = struct.Struct("<Q")
_MORE, _MOST_SHIFT = 0x80, 63
_SPILLED = 1 << 18


class Source:
    """Reads from `pull`, which blocks and returns the next bytes, or nothing at the end (then EOFError is raised).

    With `spill`, what was stepped over goes there in large pieces whenever more is pulled, so that little is held.
    """

    def __init__(self, pull: Callable[[], bytes]) -> None:
        self.buffer = bytearray()
        self.position = 0
        self.spill: Callable[[bytes], None] | None = None
        self._pull = pull

    @property
    def waiting(self) -> int:
        """How many bytes are here already and not yet read."""
        return len(self.buffer) - self.position

    def need(self, count: int) -> None:
        """Blocks until `count` unread bytes are here."""
        while len(self.buffer) - self.position < count:
            if self.spill is not None and self.position >= _SPILLED:
                self.spill(self.taken())
            more = self._pull()
            if not more:
                raise EOFError("the peer closed the connection")
            self.buffer += more

    def skip(self, count: int) -> None:
        self.need(count)
        self.position += count

    def read(self, count: int) -> bytes:
        self.need(count)
        start, self.position = self.position, self.position + count
        return bytes(self.buffer[start : self.position])

    def byte(self) -> int:
        self.need(1)
        self.position += 1
        return self.buffer[self.position - 1]

    def u64(self) -> int:
        number: int = _U64.unpack(self.read(8))[0]
        return number

    def varuint(self) -> int:
        number = shift = 0
        while (byte := self.byte()) & _MORE:
            number |= (byte & 0x7F) << shift
            shift += 7
            if shift > _MOST_SHIFT:
                raise server_error(TOO_LARGE, "A variable-length number is longer than 64 bits.")
        return number | byte << shift

    def text(self, limit: int = 1 << 20) -> str:
        """A length-prefixed string of at most `limit` bytes; bytes that are not UTF-8 are replaced."""
        length = self.varuint()
        if length > limit:
            raise server_error(TOO_LARGE, f"A string of {length} bytes is longer than the {limit} allowed here.")
        return self.read(length).decode("utf-8", "replace")

    def taken(self) -> bytes:
        """Everything read since the last call, which is dropped from the buffer."""
        part = bytes(self.buffer[: self.position])
        del self.buffer[: self.position]
        self.position = 0
        return part


def whole(data: bytes) -> Source:
    """A source over bytes that are complete already."""
    source = Source(lambda: b"")
    source.buffer += data
    return source


def varuint(number: int) -> bytes:
    out = bytearray()
    while number >= _MORE:
        out.append(number & 0x7F | _MORE)
        number >>= 7
    out.append(number)
    return bytes(out)


def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogateescape")
    return varuint(len(data)) + data
