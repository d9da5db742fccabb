"""Shows who a person is: only to the unit that has the arrival (and to the health desk it was alerted to), and never untold.
Notes are opened here as well, for whoever may write one.

Guarantee: the line of the audit trail is committed before anything is opened. No other part of the API opens what is sealed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, get_args

import orjson

from arrivals.runtime.keys import KeyStore
from schemas.base import LOCAL
from schemas.errors import Refused, Rejected, Unavailable
from serving.access import Principal
from serving.database import Database
from serving.desk.store import DeskStore
from serving.duties.duty import Duty
from serving.duties.rights import Part, allows, parts
from serving.duties.situation import Situation

#: Why somebody looks: a closed list, so that nobody writes a person into the trail.
RevealReason = Literal["call", "visit", "register", "report", "health", "correct"]
REASONS: tuple[str, ...] = get_args(RevealReason)
#: What a clerk needs; the rest of the sealed record stays sealed.
_SHOWN = ("name", "document_type", "document_number", "phone", "plate")
_SQL = """SELECT event_id, key_id, sealed_identity, sealed_address FROM arrival_versions
WHERE event_id IN %(ids)s AND toDate(received_at) IN %(days)s ORDER BY revision DESC LIMIT 1 BY event_id"""


def may_reveal(duty: Duty, found: frozenset[Part]) -> bool:
    """Whether these parts may see who the person is: the unit that has him, and the health desk it was alerted to."""
    return "holder" in found or ("health" in found and duty.health is not None)


class Revealing:
    """Opens sealed identities. Blocking."""

    def __init__(self, store: DeskStore, database: Database, keys: KeyStore) -> None:
        self._store = store
        self._database = database
        self._keys = keys

    def reveal(self, event_id: str, reason: str, who: Principal, now: Situation) -> dict[str, Any]:
        """Name, document, phone and address. Raises Refused (404 strangers, 403, 410 erased), Unavailable (not stored yet)."""
        duty, found = self._known(event_id, who, now)
        if not may_reveal(duty, found):
            raise Refused("reveal_not_allowed", "Only the responsible unit may see who this is.", 403)
        line = self._store.reveal(duty, reason, who, now.now)
        rows = self._sealed([duty])
        if not rows:
            raise Unavailable("not_stored_yet", "The record is not stored yet.", 2)
        return self._opened(duty, rows[duty.event_id]) | {"event_id": event_id, "trail_line": line}

    def roster(
        self, duties: Sequence[Duty], detail: Mapping[str, Any], who: Principal, now: Situation
    ) -> tuple[int, dict[str, dict[str, Any]]]:
        """Who is who on a roster: the line of the trail, and by event id what `reveal` shows, of those the caller may reveal.

        People whose key was destroyed, or who are not stored yet, are left out. The line names every arrival that is opened.
        """
        own = [duty for duty in duties if may_reveal(duty, parts(who, duty, now.now))]
        named = {"count": len(own), "arrivals": [duty.event_id for duty in own]}
        line = self._store.looked("roster", "", dict(detail) | named, who, now.now)
        rows, opened = self._sealed(own), {}
        for duty in own:
            with suppress(Refused):
                if duty.event_id in rows:
                    opened[duty.event_id] = self._opened(duty, rows[duty.event_id])
        return line, opened

    def notes(self, event_id: str, reason: str, who: Principal, now: Situation) -> dict[str, Any]:
        """The notes of an arrival, oldest first, for whoever may write one. Raises Refused (404 strangers, 403, 410 erased)."""
        duty, found = self._known(event_id, who, now)
        if not allows(found, "note"):
            raise Refused("action_not_allowed", "This access code may not do this with the arrival.", 403)
        sealed = self._store.notes(event_id)
        seen = {"reason": reason, "unit": duty.unit, "count": len(sealed)}
        line = self._store.looked("notes", event_id, seen, who, now.now)
        try:
            told = [self._note(note) for note in sealed]
        except Rejected:
            raise _erased() from None
        return {"event_id": event_id, "trail_line": line, "notes": told}

    def _note(self, note: Mapping[str, Any]) -> dict[str, Any]:
        text = self._keys.seal(note["key_id"], "note").open(note["sealed"], note["event_id"])
        return {name: note[name] for name in ("version", "author", "unit", "written_at")} | {"text": text.decode()}

    def _known(self, event_id: str, who: Principal, now: Situation) -> tuple[Duty, frozenset[Part]]:
        duty = self._store.find([event_id]).get(event_id)
        found = parts(who, duty, now.now) if duty else frozenset()
        if duty is None or not found - {"author"}:
            raise Refused("not_found", "There is nothing here.", 404)
        return duty, found

    def _sealed(self, duties: Sequence[Duty]) -> dict[str, tuple[str, str, str]]:
        if not duties:
            return {}
        days = tuple({duty.facts.received_at.astimezone(LOCAL).date() for duty in duties})
        asked = {"ids": tuple(duty.event_id for duty in duties), "days": days}
        return {
            str(event_id): (key, identity, address)
            for event_id, key, identity, address in self._database.ask_now(_SQL, asked).rows
        }

    def _opened(self, duty: Duty, sealed: tuple[str, str, str]) -> dict[str, Any]:
        key_id, identity, address = sealed
        try:
            opened = orjson.loads(self._keys.seal(key_id, "identity").open(identity, duty.event_id))
            places = orjson.loads(self._keys.seal(key_id, "address").open(address, duty.event_id)) if address else {}
        except Rejected:
            raise _erased() from None
        return {name: opened.get(name) for name in _SHOWN} | {"address": places.get("destination")}


def _erased() -> Refused:
    return Refused("identity_erased", "The key of that day was destroyed, or the record was damaged.", 410)
