"""Handling dead letters: show one, send its original bytes again, or discard it with a reason.

Guarantee: a replay first publishes the original bytes to the original topic and only then marks the letter; a crash
between the two leaves
the letter open, and replaying it again is harmless because everything downstream is idempotent by event id.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from arrivals.runtime.clickhouse_client import clickhouse_errors, connect
from arrivals.runtime.kafka_clients import Publisher, Record, make_producer
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.settings import Settings
from schemas.base import LOCAL
from schemas.dead_letter import DeadLetter
from schemas.errors import Refused, Rejected

_FIELDS = tuple(DeadLetter.model_fields)


class DeadLetters:
    """The dead letters of one installation, read from ClickHouse, changed through the topic."""

    def __init__(self, settings: Settings, keys: KeyStore) -> None:
        self._settings = settings
        self._keys = keys

    def find(
        self, *, reason: str | None = None, stage: str | None = None, state: str = "open", limit: int = 100
    ) -> list[DeadLetter]:
        """The newest letters that match, at most `limit`."""
        where, values = ["state = %(state)s"], {"state": state, "limit": limit}
        for name, value in (("reason", reason), ("stage", stage)):
            if value is not None:
                where.append(f"{name} = %({name})s")
                values[name] = value
        return self._select(" AND ".join(where) + " ORDER BY recorded_at DESC LIMIT %(limit)s", values)

    def get(self, letter_id: str) -> DeadLetter:
        """One letter, whatever its state; raises Refused (404) when there is none."""
        found = self._select("dead_letter_id = %(id)s", {"id": letter_id})
        if not found:
            raise Refused(
                "letter_unknown",
                f"There is no dead letter '{letter_id}'.",
                404,
                "See: arrivals dead-letters list",
            )
        return found[0]

    def open_payload(self, letter: DeadLetter) -> bytes:
        """The original bytes. Raises Rejected when the key of the letter's day was destroyed."""
        return self._keys.seal(letter.key_id, "payload").open(letter.payload_sealed, letter.dead_letter_id)

    def replay(self, letters: Sequence[DeadLetter], by: str, note: str) -> int:
        """Publishes the original bytes to the topics they came from, then marks the letters; returns how many.

        Raises Rejected (`letter_never_published`) for a refused post: it has to be corrected and posted again.
        """
        for letter in letters:
            if letter.topic is None:
                raise Rejected(
                    "letter_never_published",
                    f"{letter.dead_letter_id} was refused before any topic; post it corrected.",
                )
        originals = [
            Record(
                str(letter.topic),
                letter.dead_letter_id.encode(),
                self.open_payload(letter),
                (("replayed", b"1"),),
            )
            for letter in letters
        ]
        self._publish([*originals])
        self._mark(letters, "replayed", by, note)
        return len(letters)

    def discard(self, letters: Sequence[DeadLetter], by: str, note: str) -> int:
        """Marks the letters as of no use, with a reason; their bytes stay until their topic's and day key's end."""
        self._mark(letters, "discarded", by, note)
        return len(letters)

    def _mark(self, letters: Sequence[DeadLetter], state: str, by: str, note: str) -> None:
        change = {"state": state, "handled_by": by, "note": note, "handled_at": datetime.now(LOCAL)}
        marked = [letter.model_copy(update=change) for letter in letters]
        topic = self._settings.topic("dead-letters")
        self._publish(
            [
                Record(
                    topic,
                    m.dead_letter_id.encode(),
                    m.model_dump_json().encode(),
                    (("schema", b"dead-letter/1"),),
                )
                for m in marked
            ]
        )

    def _publish(self, records: Sequence[Record]) -> None:
        publisher = Publisher(make_producer(self._settings))
        try:
            publisher.publish(records, timeout_seconds=30)
        finally:
            publisher.close()

    def _select(self, where: str, values: dict[str, object]) -> list[DeadLetter]:
        columns = [name for name in _FIELDS if name != "version"]
        sql = f"SELECT {', '.join(columns)} FROM dead_letters FINAL WHERE {where}"
        with clickhouse_errors():
            client = connect(self._settings)
            try:
                rows = client.execute(sql, values)
            finally:
                client.disconnect()
        return [_letter(dict(zip(columns, row, strict=True))) for row in rows]


def _letter(values: dict[str, object]) -> DeadLetter:
    optional = ("topic", "event_id", "device_id", "site_id")
    empty = {name: None for name in optional if values.get(name) in ("", None)}
    return DeadLetter.model_validate({"version": 1} | values | empty)
