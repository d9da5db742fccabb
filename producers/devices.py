"""Who posts: the device behind a bearer token, or the reason why there is none. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NamedTuple

from reference.snapshot import Snapshot
from schemas.errors import Refused

_UNAUTHORIZED, _FORBIDDEN = 401, 403
_ADVICE = "Ask the administrator for a new token."
EVERY_SITE = "*"


class Device(NamedTuple):
    """A device by name, and the site it is registered for (`*` for an importer that serves every site)."""

    device_id: str
    site_id: str


def authenticate(authorization: str, snapshot: Snapshot, now: datetime) -> Device:
    """The device that holds the token of an `Authorization` header.

    Raises Refused: 401 `token_missing`, `token_unknown`, `token_revoked`, `token_expired`, `token_early`; 403 `role_forbidden`.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        advice = "Send Authorization: Bearer <device token>."
        raise Refused("token_missing", "No device token was sent.", _UNAUTHORIZED, advice)
    digest = hashlib.sha256(token.strip().encode()).hexdigest()
    credential = snapshot.credential(digest, now)
    if credential is None:
        raise _invalid(snapshot, digest, now)
    if credential.role != "device":
        raise Refused("role_forbidden", "This token may not post scans.", _FORBIDDEN, "Use the token of the device.")
    return Device(credential.subject, credential.scope)


def _invalid(snapshot: Snapshot, digest: str, now: datetime) -> Refused:
    rows = snapshot.credentials.history(digest)
    if not rows:
        return Refused("token_unknown", "This token was never valid.", _UNAUTHORIZED, _ADVICE)
    if any(row.withdrawn and row.holds(now) for row in rows):
        return Refused("token_revoked", "This token was revoked.", _UNAUTHORIZED, _ADVICE)
    if all(now < row.valid_from for row in rows):
        return Refused("token_early", "This token is not valid yet.", _UNAUTHORIZED, "Check the clock of the server.")
    return Refused("token_expired", "This token is no longer valid.", _UNAUTHORIZED, _ADVICE)
