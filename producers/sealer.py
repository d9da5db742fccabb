"""Turns prepared scans and check-ins, and refused posts, into records for Kafka, sealing what only few may read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import orjson

from arrivals.runtime.kafka_clients import Record
from arrivals.runtime.keys import KeyStore
from producers.devices import Device
from producers.intake import Prepared
from producers.kinds import KINDS, EventKind
from schemas.base import format_instant
from schemas.dead_letter import DeadLetter
from schemas.errors import Reason, Rejected, Unavailable
from schemas.sealing import NONCE_BYTES, KeyedHash, Purpose, Seal

_SCHEMA_DUPLICATE = (("schema", b"duplicate/1"),)
_SCHEMA_LETTER = (("schema", b"dead-letter/1"),)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something refused: its bytes as they came, why, and the event id it claims where that is one."""

    payload: bytes
    why: Reason
    event_id: str | None = None


class _Day(NamedTuple):
    """A local day and the seals of its key."""

    name: str
    identity: Seal
    address: Seal


class Sealer:
    """Makes the gateway's records. `random` gives fresh bytes; `topic` maps a topic's name to its full name.

    Raises Unavailable when the key of the day cannot be made or was destroyed: nothing may leave unsealed.
    """

    def __init__(self, keys: KeyStore, topic: Callable[[str], str], random: Callable[[int], bytes]) -> None:
        self._keys = keys
        self._random = random
        #: The keyed hash of persons and plates.
        self.keyed = KeyedHash(keys.linking_secret)
        self._duplicates, self._letters = topic("duplicates"), topic("dead-letters")
        self._rests = {kind.topic: (topic(kind.topic), ("schema", kind.schema)) for kind in KINDS}

    def accepted(
        self, kind: EventKind, prepared: Sequence[Prepared], digests: Sequence[str], received: Sequence[datetime]
    ) -> list[Record]:
        """The records of accepted events, each received at its time and sealed with the key of that local day."""
        nonces = self._random(2 * NONCE_BYTES * len(prepared))
        days = {at: self._day(at.date().isoformat()) for at in set(received)}
        rests = self._rests[kind.topic]
        return [
            _sealed(one, digest, days[at], nonces[start : start + 2 * NONCE_BYTES], rests)
            for one, digest, at, start in zip(prepared, digests, received, range(0, len(nonces), 2 * NONCE_BYTES), strict=True)
        ]

    def _day(self, day: str) -> _Day:
        return _Day(day, self._seal(day, "identity"), self._seal(day, "address"))

    def duplicate(self, event_id: str, person_key: bytes | None, device: Device, received_at: datetime) -> Record:
        """The trace of a repeated post."""
        value = {
            "version": 1,
            "event_id": event_id,
            "device_id": device.device_id,
            "recorded_at": format_instant(received_at),
        }
        return Record(self._duplicates, person_key, orjson.dumps(value), _SCHEMA_DUPLICATE)

    def refused(self, refusal: Refusal, device: Device, received_at: datetime) -> Record:
        """The dead letter of a refused scan or body: whole, under seal, with fields and codes only in clear."""
        letter_id, day, why = f"gateway:{self._random(16).hex()}", received_at.date().isoformat(), refusal.why
        letter = DeadLetter(
            version=1,
            dead_letter_id=letter_id,
            stage="gateway",
            reason=why.code,
            detail=f"{why.field}: {why.message}" if why.field else why.message,
            recorded_at=received_at,
            event_id=refusal.event_id,
            device_id=device.device_id,
            site_id=device.site_id,
            key_id=day,
            payload_sealed=self._seal(day, "payload").close(refusal.payload, letter_id, self._random(NONCE_BYTES)),
            payload_bytes=len(refusal.payload),
        )
        return Record(self._letters, letter_id.encode(), letter.model_dump_json().encode(), _SCHEMA_LETTER)

    def _seal(self, day: str, purpose: Purpose) -> Seal:
        try:
            return self._keys.seal_for_writing(day, purpose)
        except Rejected as error:
            raise Unavailable(error.code, f"Nothing can be sealed for {day}.", 60) from error
        except OSError as error:
            raise Unavailable("keys_unwritable", "The key of the day cannot be written.", 60) from error


def _sealed(one: Prepared, digest: str, day: _Day, nonces: bytes, rests: tuple[str, tuple[str, bytes]]) -> Record:
    """The record of an event; `rests` are the topic it goes to and the header that says its shape."""
    event_id, key, record, identity, address, _ = one
    record["sealed"] = {
        "key_id": day.name,
        "identity": day.identity.close(identity, event_id, nonces[:NONCE_BYTES]),
        "address": None if address is None else day.address.close(address, event_id, nonces[NONCE_BYTES:]),
    }
    topic, schema = rests
    headers = (("event_id", event_id.encode()), schema, ("digest", digest.encode()))
    return Record(topic, key.encode(), orjson.dumps(record), headers)
