"""Which partition a key belongs to: Kafka's own rule (murmur2), without the work kafka-python repeats for every record. Pure."""

from __future__ import annotations

from struct import unpack_from
from typing import Any

from kafka.partitioner.abc import Partitioner

_SEED, _M, _MASK = 0x9747B28C, 0x5BD1E995, 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The hash of `org.apache.kafka.common.utils.Utils.murmur2`, as an unsigned 32-bit number."""
    size = len(data)
    words, tail = divmod(size, 4)
    h = _SEED ^ size
    for word in unpack_from(f"<{words}I", data):
        k = word * _M & _MASK
        h = (h * _M & _MASK) ^ ((k ^ k >> 24) * _M & _MASK)
    if tail:
        h = (h ^ int.from_bytes(data[-tail:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


class KeyPartitioner(Partitioner):  # type: ignore[misc]
    """The partition of Kafka's default partitioner for records with a key. Ours all have one."""

    def partition(self, topic: str, _key: Any, key: bytes, *rest: Any) -> int:
        """The partition number; `rest` is the value, twice, and the cluster. Partitions are numbered from 0 without gaps."""
        return (murmur2(key) & 0x7FFFFFFF) % len(rest[-1].partitions_for_topic(topic))
