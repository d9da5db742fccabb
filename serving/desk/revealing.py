"""Shows who a person is: only to the unit that has the arrival (and to the health desk it was alerted to), and never untold.

Guarantee: the line of the audit trail is committed before anything is opened. No other part of the API opens an identity.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import orjson

from arrivals.runtime.keys import KeyStore
from schemas.base import LOCAL
from schemas.errors import Refused, Rejected, Unavailable
from serving.access import Principal
from serving.database import Database
from serving.desk.store import DeskStore
from serving.duties.duty import Duty
from serving.duties.rights import parts
from serving.duties.situation import Situation

#: Why somebody looks: a closed list, so that nobody writes a person into the trail.
RevealReason = Literal["call", "visit", "register", "report", "health", "correct"]
REASONS: tuple[str, ...] = get_args(RevealReason)
#: What a clerk needs; the rest of the sealed record stays sealed.
_SHOWN = ("name", "document_type", "document_number", "phone", "plate")
_SQL = """SELECT key_id, sealed_identity, sealed_address FROM arrival_versions
WHERE event_id = toUUID(%(event_id)s) AND toDate(received_at) = %(day)s ORDER BY revision DESC LIMIT 1"""


class Revealing:
    """Opens sealed identities. Blocking."""

    def __init__(self, store: DeskStore, database: Database, keys: KeyStore) -> None:
        self._store = store
        self._database = database
        self._keys = keys

    def reveal(self, event_id: str, reason: str, who: Principal, now: Situation) -> dict[str, Any]:
        """Name, document, phone and address. Raises Refused (404 strangers, 403, 410 erased), Unavailable (not stored yet)."""
        duty = self._store.find([event_id]).get(event_id)
        found = parts(who, duty, now.now) if duty else frozenset()
        if duty is None or not found - {"author"}:
            raise Refused("not_found", "There is nothing here.", 404)
        if "holder" not in found and not ("health" in found and duty.health is not None):
            raise Refused("reveal_not_allowed", "Only the responsible unit may see who this is.", 403)
        line = self._store.reveal(duty, reason, who, now.now)
        return self._opened(duty) | {"event_id": event_id, "trail_line": line}

    def _opened(self, duty: Duty) -> dict[str, Any]:
        day = duty.facts.received_at.astimezone(LOCAL).date()
        rows = self._database.ask_now(_SQL, {"event_id": duty.event_id, "day": day}).rows
        if not rows:
            raise Unavailable("not_stored_yet", "The record is not stored yet.", 2)
        key_id, identity, address = rows[0]
        try:
            opened = orjson.loads(self._keys.seal(key_id, "identity").open(identity, duty.event_id))
            places = orjson.loads(self._keys.seal(key_id, "address").open(address, duty.event_id)) if address else {}
        except Rejected:
            raise Refused("identity_erased", "The key of that day was destroyed, or the record was damaged.", 410) from None
        return {name: opened.get(name) for name in _SHOWN} | {"address": places.get("destination")}
