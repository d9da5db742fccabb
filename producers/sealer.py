"""Turns prepared scans and refused posts into records for Kafka, sealing what only few may read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import orjson

from arrivals.runtime.keys import KeyStore
from arrivals.runtime.kafka_clients import Record
from producers.intake import Prepared
from schemas.base import format_instant
from schemas.dead_letter import DeadLetter
from schemas.errors import Reason
from schemas.sealing import NONCE_BYTES, keyed_hash


class Sealer:
    """Makes the gateway's records. `random` gives fresh bytes; `topic` maps a topic's name to its full name."""

    def __init__(self, keys: KeyStore, topic: Callable[[str], str], random: Callable[[int], bytes]) -> None:
        self._keys = keys
        self._random = random
        self._scans, self._duplicates, self._letters = topic("scans"), topic("duplicates"), topic("dead-letters")

    def keyed(self, *parts: str) -> str:
        """The keyed hash of persons and plates."""
        return keyed_hash(self._keys.linking_secret, *parts)

    def scan(self, prepared: Prepared, day: str, digest: str) -> Record:
        """The record of an accepted scan; `day` is the local day it was received."""
        sealed = {"key_id": day, "identity": self._close(day, "identity", prepared.identity, prepared.event_id), "address": None}
        if prepared.address is not None:
            sealed["address"] = self._close(day, "address", prepared.address, prepared.event_id)
        value = orjson.dumps({**prepared.record, "sealed": sealed})
        headers = (("event_id", prepared.event_id.encode()), ("schema", b"scan/1"), ("digest", digest.encode()))
        return Record(self._scans, prepared.person_key.encode(), value, headers)

    def duplicate(self, event_id: str, device_id: str, received_at: datetime) -> Record:
        """The trace of a repeated post."""
        value = {"version": 1, "event_id": event_id, "device_id": device_id, "recorded_at": format_instant(received_at)}
        return Record(self._duplicates, event_id.encode(), orjson.dumps(value), (("schema", b"duplicate/1"),))

    def refused(self, payload: bytes, why: Reason, device_id: str, site_id: str, received_at: datetime) -> Record:
        """The dead letter of a refused scan or body: whole, under seal, with fields and codes only in clear."""
        letter_id, day = f"gateway:{self._random(16).hex()}", received_at.date().isoformat()
        letter = DeadLetter(
            version=1,
            dead_letter_id=letter_id,
            stage="gateway",
            reason=why.code,
            detail=f"{why.field}: {why.message}" if why.field else why.message,
            recorded_at=received_at,
            device_id=device_id,
            site_id=site_id,
            key_id=day,
            payload_sealed=self._close(day, "payload", payload, letter_id),
            payload_bytes=len(payload),
        )
        return Record(self._letters, letter_id.encode(), letter.model_dump_json().encode(), (("schema", b"dead-letter/1"),))

    def _close(self, day: str, purpose: str, plaintext: bytes, bound_to: str) -> str:
        seal = self._keys.seal_for_writing(day, purpose)  # type: ignore[arg-type]
        return seal.close(plaintext, bound_to, self._random(NONCE_BYTES))
