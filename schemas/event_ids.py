"""Event ids: UUID version 7 (RFC 9562, 5.7), made where the scan happens from the device's clock and random bytes.

Pure: time and randomness come from the caller, so a seeded simulator and an importer can make the same id twice on purpose.
"""

from __future__ import annotations

RANDOM_BYTES = 10
_LATEST_MS = 2**48


def uuid7(milliseconds: int, random_bytes: bytes) -> str:
    """The UUIDv7 of a moment in Unix milliseconds and ten random bytes, lower case with hyphens.

    Six of the 80 given bits make room for version and variant. Raises ValueError when the time or the length is out of range.
    """
    if len(random_bytes) != RANDOM_BYTES or not 0 <= milliseconds < _LATEST_MS:
        raise ValueError("uuid7 needs 0 <= milliseconds < 2**48 and exactly ten bytes")
    tail = int.from_bytes(random_bytes, "big")
    high = 0x7000 | (tail >> 68)
    low = 0x8000_0000_0000_0000 | (tail & 0x3FFF_FFFF_FFFF_FFFF)
    digits = f"{milliseconds:012x}{high:04x}{low:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def uuid7_time(event_id: str) -> int:
    """The Unix milliseconds inside a UUIDv7; raises ValueError when the text is no UUID of version 7."""
    digits = event_id.replace("-", "")
    if len(digits) != 32 or digits[12] != "7":  # noqa: PLR2004
        raise ValueError("not a UUID of version 7")
    return int(digits[:12], 16)
