"""Compressed frames of the native protocol: checksum (CityHash128 v1.0.2), method, sizes, payload."""

from __future__ import annotations

import struct

from clickhouse_cityhash.cityhash import CityHash128
from lz4 import block as lz4

from arrivals.embedded.clickhouse.errors import CHECKSUM, TOO_LARGE, UNKNOWN_METHOD, server_error
from arrivals.embedded.clickhouse.source import Source

_HEADER = struct.Struct("<BII")
_CHECKSUM = struct.Struct("<QQ")
_PLAIN, _LZ4 = 0x02, 0x82
_FRAME_BYTES, _LARGEST_BYTES = 1 << 20, 1 << 30


def compress(data: bytes) -> bytes:
    """`data` as LZ4 frames of at most 1 MiB each, as the server sends them."""
    return b"".join(_frame(data[start : start + _FRAME_BYTES]) for start in range(0, len(data), _FRAME_BYTES))


def _frame(data: bytes) -> bytes:
    packed: bytes = lz4.compress(data, store_size=False)
    body = _HEADER.pack(_LZ4, _HEADER.size + len(packed), len(data)) + packed
    return _checksum(body) + body


def _checksum(body: bytes) -> bytes:
    number: int = CityHash128(body)
    return _CHECKSUM.pack(number >> 64, number & (1 << 64) - 1)


def decompressed(source: Source) -> bytes:
    """The content of the next frame. Raises ServerError 40 on a wrong checksum, 89 on a method other than LZ4 or none."""
    source.taken()
    checksum = source.read(_CHECKSUM.size)
    method, size, plain_size = _HEADER.unpack(source.read(_HEADER.size))
    if not _HEADER.size <= size <= _LARGEST_BYTES or plain_size > _LARGEST_BYTES:
        raise server_error(TOO_LARGE, f"A compressed frame of {size} bytes for {plain_size} is not plausible.")
    source.skip(size - _HEADER.size)
    body = source.taken()[_CHECKSUM.size :]
    if _checksum(body) != checksum:
        raise server_error(CHECKSUM, "Checksum doesn't match: corrupted data.")
    if method == _PLAIN:
        return body[_HEADER.size :]
    if method != _LZ4:
        raise server_error(UNKNOWN_METHOD, f"Compression method {method:#x} is not supported here; use lz4.")
    try:
        plain: bytes = lz4.decompress(body[_HEADER.size :], uncompressed_size=plain_size)
    except lz4.LZ4BlockError:
        raise server_error(CHECKSUM, "A compressed frame cannot be decompressed.") from None
    return plain
