"""Appends rows to the `reference` topic: the only way a grade, a site, a pass, a rule or a right ever changes.

Delivery: `append` returns after all in-sync replicas have the rows; the offsets it returns are their reference versions. Rows are never
changed; a repeated append is a new row that says the same.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

from arrivals.runtime.kafka_clients import Publisher, Record, make_producer
from arrivals.runtime.settings import Settings
from schemas.base import LOCAL
from schemas.reference_rows import CredentialData, Data, ReferenceRow, Role

BEGINNING = datetime(2020, 1, 1, tzinfo=LOCAL)


def new_row_id(kind: str) -> str:
    """A row id that was never used: the kind and 96 random bits."""
    return f"{kind}-{secrets.token_hex(12)}"


def make_row(
    data: Data,
    *,
    key: str,
    author: str,
    reason: str,
    valid_from: datetime = BEGINNING,
    valid_to: datetime | None = None,
    known_from: datetime | None = None,
    withdrawn: bool = False,
) -> ReferenceRow:
    """A row ready to append; `known_from` defaults to `valid_from`."""
    return ReferenceRow(
        version=1,
        row_id=new_row_id(data.kind),
        key=key,
        valid_from=valid_from,
        valid_to=valid_to,
        known_from=known_from or valid_from,
        author=author,
        reason=reason,
        withdrawn=withdrawn,
        data=data,
    )


def append(settings: Settings, rows: Sequence[ReferenceRow]) -> list[int]:
    """Appends the rows in order; returns their offsets. Raises Unavailable when Kafka does not confirm."""
    publisher = Publisher(make_producer(settings, max_in_flight_requests_per_connection=1))
    try:
        topic = settings.topic("reference")
        records = [
            Record(topic, row.row_id.encode(), row.model_dump_json().encode(), (("schema", b"reference/1"),))
            for row in rows
        ]
        return [metadata.offset for metadata in publisher.publish(records, timeout_seconds=30)]
    finally:
        publisher.close()


def new_token(role: Role) -> str:
    """A bearer token with 256 random bits; the prefix lets scanners find one that leaked."""
    return f"sq_{role}_{secrets.token_urlsafe(32)}"


def token_digest(token: str) -> str:
    """What is kept of a token: its SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def credential_row(token: str, role: Role, subject: str, scope: str, author: str) -> ReferenceRow:
    """The row that makes a token valid from the beginning of the records on."""
    digest = token_digest(token)
    data = CredentialData(kind="credential", token_sha256=digest, role=role, subject=subject, scope=scope)
    return make_row(data, key=digest, author=author, reason="issued")
