"""Writes an HTTP answer as ClickHouse's interface does: headers, formats, compression, errors."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from email.message import Message

import lz4.frame

from arrivals.embedded.clickhouse.errors import ACCESS_DENIED, READONLY, TOO_MANY, WRONG_PASSWORD
from arrivals.embedded.clickhouse.frames import compress

#: Formats whose pieces may simply be joined; all others have a head or a foot and are made in one piece.
STREAMED = frozenset(
    {
        *("Native", "RowBinary", "LineAsString", "RawBLOB", "CSV", "TSKV"),
        *("TabSeparated", "TSV", "TabSeparatedRaw", "TSVRaw", "Raw"),
        *("JSONEachRow", "JSONLines", "NDJSON", "JSONCompactEachRow", "JSONStringsEachRow"),
    }
)
_TYPES = (
    ("JSONEachRow", "application/x-ndjson; charset=UTF-8"),
    ("JSONCompactEachRow", "application/x-ndjson; charset=UTF-8"),
    ("JSON", "application/json; charset=UTF-8"),
    ("CSV", "text/csv; charset=UTF-8; header=absent"),
    ("TSV", "text/tab-separated-values; charset=UTF-8"),
    ("TabSeparated", "text/tab-separated-values; charset=UTF-8"),
    ("Native", "application/octet-stream"),
    ("RowBinary", "application/octet-stream"),
    ("Arrow", "application/octet-stream"),
    ("Parquet", "application/octet-stream"),
)
_STATUS = {
    WRONG_PASSWORD: 403,
    ACCESS_DENIED: 403,
    READONLY: 403,
    TOO_MANY: 503,
    159: 408,
    241: 507,
    243: 507,
    48: 501,
    373: 423,
}
_NOT_FOUND = frozenset({36, 46, 47, 60, 81, 372})
_BAD_REQUEST = frozenset(
    {
        6,
        16,
        20,
        26,
        27,
        33,
        38,
        41,
        43,
        53,
        62,
        69,
        70,
        72,
        115,
        117,
        130,
        131,
        164,
        349,
        386,
        407,
        452,
        456,
        457,
    }
)

Encoder = tuple[Callable[[bytes], bytes], Callable[[], bytes]]


def status(code: int) -> int:
    """The HTTP status of a server error."""
    if code in _STATUS:
        return _STATUS[code]
    return 404 if code in _NOT_FOUND else 400 if code in _BAD_REQUEST else 500


def content_type(name: str) -> str:
    return next((kind for prefix, kind in _TYPES if name.startswith(prefix)), "text/plain; charset=UTF-8")


def encoder(headers: Message, params: dict[str, str]) -> tuple[str, Encoder]:
    """The content encoding both sides agree on, as its name and two functions: for each piece, and for the end."""
    if params.get("compress") == "1":
        return "", (compress, lambda: b"")
    if params.get("enable_http_compression", "0").lower() in ("1", "true"):
        for accepted in headers.get("Accept-Encoding", "").split(","):
            name = accepted.split(";")[0].strip().lower()
            if name in _ENCODERS:
                return name, _ENCODERS[name]()
    return "", (lambda data: data, lambda: b"")


def _gzip() -> Encoder:
    deflater = zlib.compressobj(3, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return deflater.compress, deflater.flush


def _deflate() -> Encoder:
    deflater = zlib.compressobj(3)
    return deflater.compress, deflater.flush


def _lz4() -> Encoder:
    packer = lz4.frame.LZ4FrameCompressor()
    begun = False

    def piece(data: bytes) -> bytes:
        nonlocal begun
        head = b"" if begun else packer.begin()
        begun = True
        packed: bytes = head + packer.compress(data)
        return packed

    def end() -> bytes:
        tail: bytes = piece(b"") + packer.flush()
        return tail

    return piece, end


_ENCODERS = {"gzip": _gzip, "deflate": _deflate, "lz4": _lz4}
