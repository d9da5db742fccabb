"""Appends rows to the `reference` topic: the only way a grade, a site, a pass, a rule or a right ever changes.

Delivery: `append` returns after all in-sync replicas have the rows; the offsets it returns are their reference
versions. Rows are never
changed; a repeated append is a new row that says the same.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

from arrivals.runtime.kafka_clients import Publisher, Record, make_producer
from arrivals.runtime.settings import Settings
from reference.rows import make_row
from schemas.reference_rows import CredentialData, ReferenceRow, Role


def append(settings: Settings, rows: Sequence[ReferenceRow]) -> list[int]:
    """Appends the rows in order; returns their offsets. Raises Unavailable when Kafka does not confirm."""
    publisher = Publisher(make_producer(settings, max_in_flight_requests_per_connection=1))
    try:
        records = [record_of(settings, row) for row in rows]
        return [metadata.offset for metadata in publisher.publish(records, timeout_seconds=30)]
    finally:
        publisher.close()


def record_of(settings: Settings, row: ReferenceRow) -> Record:
    """The record of a row on the topic."""
    headers = (("schema", b"reference/1"),)
    return Record(settings.topic("reference"), row.row_id.encode(), row.model_dump_json().encode(), headers)


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
