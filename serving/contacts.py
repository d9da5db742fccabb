"""Finds the contacts of an arrival in the database: the case, then everybody who shares a key with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from reference.snapshot import Snapshot
from serving.access import Restriction
from serving.contact_list import Found
from serving.contact_search import candidates_sql, case_sql, likely_days
from serving.contact_ties import rules_in_force
from serving.database import Database


class Contacts:
    """Asks for contacts within what a credential may see. Blocking; the API runs it in the database's threads."""

    def __init__(self, database: Database, snapshot: Callable[[], Snapshot]) -> None:
        self._database = database
        self._snapshot = snapshot

    def of(self, event_id: str, allowed: Restriction) -> dict[str, Any] | None:
        """The contacts of one arrival as `told_contacts` tells them; None when there is no such arrival among the allowed ones.

        Raises Unavailable.
        """
        found = self.find(event_id, allowed)
        return found.told(self._snapshot()) if found else None

    def find(self, event_id: str, allowed: Restriction, case_allowed: Restriction | None = None) -> Found | None:
        """The contacts of one arrival; None when there is no such arrival among the allowed ones. Raises Unavailable.

        `case_allowed` opens an arrival that came into the asker's hands otherwise than by its routing.
        """
        case = self._case(event_id, case_allowed or allowed) if _is_id(event_id) else None
        if case is None:
            return None
        rules = rules_in_force(self._snapshot(), case["occurred_at"])
        return Found(case, self._database.ask_now(*candidates_sql(case, rules, allowed)).records(), rules)

    def _case(self, event_id: str, allowed: Restriction) -> dict[str, Any] | None:
        """The arrival; looked for among all days only where the likely ones do not hold it."""
        for days in dict.fromkeys((likely_days(event_id), ())):
            if found := self._database.ask_now(*case_sql(event_id, days, allowed)).records():
                return found[0]
        return None


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
