"""Kafka's own hash of keys (murmur2), one by one and for many at once. Pure.

The partition of a key is `(murmur2(key) & 0x7FFFFFFF) % partitions`, in every client; kafka-python takes 10 µs a key.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from struct import unpack, unpack_from

_SEED, _M, _MASK = 0x9747B28C, 0x5BD1E995, 0xFFFFFFFF
_LANE = 8


def murmur2(data: bytes) -> int:
    """The hash of `org.apache.kafka.common.utils.Utils.murmur2`, as an unsigned 32-bit number."""
    size = len(data)
    words, tail = divmod(size, 4)
    h = _SEED ^ size
    for word in unpack_from(f"<{words}I", data):
        k = word * _M & _MASK
        h = (h * _M ^ (k ^ k >> 24) * _M) & _MASK
    if tail:
        h = (h ^ int.from_bytes(data[-tail:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


def murmur2_of_all(keys: Sequence[bytes]) -> list[int]:
    """`murmur2` of every key. Keys of one length that is a multiple of 4, as ours are, cost a twentieth each."""
    sizes = set(map(len, keys))
    size = sizes.pop() if len(sizes) == 1 else 0
    return _together(keys, size) if size and size % 4 == 0 else [murmur2(key) for key in keys]


def _together(keys: Sequence[bytes], size: int) -> list[int]:
    """One Python integer holds a number of every key, in a lane of 64 bits each: no product of 32-bit numbers overflows it."""
    count, words = len(keys), size // 4
    mixed = _number(array("Q", unpack(f"<{count * words}I", b"".join(keys))))
    every, mask = _lanes(count, 1), _lanes(count, _MASK)
    all_words = _lanes(count * words, _MASK)
    mixed = mixed * _M & all_words
    mixed = ((mixed ^ mixed >> 24) & all_words) * _M & all_words
    columns = _array(mixed, count * words)
    h = every * (_SEED ^ size)
    for word in range(words):
        h = (h * _M ^ _number(columns[word::words])) & mask
    h = ((h ^ h >> 13) & mask) * _M & mask
    return list(_array((h ^ h >> 15) & mask, count))


def _lanes(count: int, value: int) -> int:
    return int.from_bytes(value.to_bytes(_LANE, "little") * count, "little")


def _number(lanes: array[int]) -> int:
    return int.from_bytes(lanes.tobytes(), "little")


def _array(number: int, count: int) -> array[int]:
    return array("Q", number.to_bytes(count * _LANE, "little"))
