"""Records of a topic -> the columns of an insert, with the records that do not fit set apart. Pure.

A record is inserted as it came, beside its coordinates: the engine decodes it (`sinks.feeds`), many times cheaper than Python
makes columns of it. The engine is lenient, so every record is decoded here first by its strict type, for the check alone.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from sinks.record_types import record_type
from sinks.tables import Sink

#: (partition, offset, timestamp in ms, value) of one Kafka record.
Raw = tuple[int, int, int, bytes | None]
#: Names of the columns of every insert.
NAMES = ("kafka_partition", "kafka_offset", "record")
_PLACE = re.compile(r"`\$\.?([\w.\[\]]*)`$")
_FIELD = re.compile(r"`(\w+)`")


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that does not fit its table: `reason` is a stable word, `detail` names the field but no value."""

    record: Raw
    reason: str
    detail: str


@dataclass(slots=True)
class Batch:
    """The columns `NAMES`, and the records that did not fit."""

    partitions: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    poison: list[Poison] = field(default_factory=list)
    newest_ms: int = 0

    @property
    def rows(self) -> int:
        """Rows in the columns."""
        return len(self.values)


class Columns:
    """The check of one sink's records."""

    def __init__(self, sink: Sink) -> None:
        self._decode = msgspec.json.Decoder(record_type(sink)).decode

    def add(self, batch: Batch, records: Sequence[Raw]) -> None:
        """Appends the records to the batch; those that do not fit go to `poison`, in order."""
        if not records:
            return
        partitions, offsets, times, values = zip(*records, strict=True)
        try:
            deque(map(self._decode, values), maxlen=0)
        except (msgspec.MsgspecError, UnicodeDecodeError, TypeError):
            if len(records) == 1:
                batch.poison.append(self._poison(records[0]))
                return
            for record in records:
                self.add(batch, (record,))
            return
        batch.partitions += partitions
        batch.offsets += offsets
        batch.values += values
        batch.newest_ms = max(batch.newest_ms, times[-1])

    def batch(self, records: Sequence[Raw]) -> Batch:
        """The batch of the records."""
        made = Batch()
        self.add(made, records)
        return made

    def _poison(self, record: Raw) -> Poison:
        if record[3] is None:
            return Poison(record, "empty_record", "The record has no value.")
        if (version := _version(record[3])) is None:
            return Poison(record, "not_json", "The record is not JSON.")
        if version != 1:
            return Poison(record, "unknown_version", "The record is not an object of version 1.")
        try:
            self._decode(record[3])
        except msgspec.ValidationError as error:
            return Poison(record, *_explained(str(error)))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return Poison(record, "not_json", "The record is not JSON.")
        raise AssertionError("a record was refused and then taken")


class _Versioned(msgspec.Struct):
    version: int = 0


def _version(value: bytes) -> int | None:
    """The version a record says it has; 0 for none, None when it is not JSON."""
    try:
        return msgspec.json.decode(value, type=_Versioned).version
    except msgspec.ValidationError:
        return 0
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _explained(error: str) -> tuple[str, str]:
    """Reason and detail of what msgspec says: only the place is kept, for the text may hold the pattern or the bound."""
    place = found[1] if (found := _PLACE.search(error)) else ""
    missing = "missing required field" in error
    if (missing or "out of range" in error) and (named := _FIELD.search(error)):
        place = f"{place}.{named[1]}".removeprefix(".")
    if missing:
        return "field_missing", f"The field {place} is missing."
    return "field_type", f"The value of {place or 'the record'} does not fit its column."
