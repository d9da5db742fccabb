"""The contacts of an arrival as they are told: one entry per person, the strongest tie first, others' people masked. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reference.snapshot import Snapshot
from schemas.contact_rules import STRENGTHS
from serving.arrival_json import plain_value
from serving.contact_ties import Rule, Tie, strongest, ties_between, traveller
from serving.names import place_name, site_name

#: Contacts told one by one; the counts go on.
MOST = 1_000
_WHERE = ("occurred_at", "kind", "site_id", "train", "coach", "seat", "vehicle_seat")
_CASE = ("event_id", "service_date", "risk", "name_masked", "unit", "county_code")
#: Told only where the asker sees the arrival itself.
_OWN = ("event_id", "document_last4", "phone_last4", "risk")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """An arrival, everybody who shares a key with it, and the rules by which that counts."""

    case: Row
    candidates: Sequence[Row]
    rules: Sequence[Rule]

    def told(self, snapshot: Snapshot) -> dict[str, Any]:
        """As the API answers it."""
        return told_contacts(self.case, self.candidates, self.rules, snapshot)

    def ties(self) -> list[tuple[Row, Tie]]:
        """One entry per person with the strongest tie, the strongest first."""
        return [(row, ties[0]) for row, ties in _people(self.case, self.candidates, self.rules)]


def told_contacts(case: Row, candidates: Sequence[Row], rules: Sequence[Rule], snapshot: Snapshot) -> dict[str, Any]:
    """The answer: the arrival, counts by strength and by responsible unit, and the contacts."""
    joined = _people(case, candidates, rules)
    names: dict[str, str] = {}

    def name(code: str) -> str:
        if code not in names:
            names[code] = place_name(snapshot, code)
        return names[code]

    units = Counter(row["unit"] for row, _ in joined)
    return {
        "arrival": _plain(case, _CASE + _WHERE) | {"unit_name": name(case["unit"]), "site_name": _site(case, snapshot)},
        "total": len(joined),
        "by_strength": {word: sum(ties[0].strength == word for _, ties in joined) for word in STRENGTHS},
        "units": [{"unit": unit, "unit_name": name(unit), "contacts": count} for unit, count in units.most_common()],
        "contacts": [
            _contact(row, ties) | {"unit_name": name(row["unit"]), "site_name": _site(row, snapshot)}
            for row, ties in joined[:MOST]
        ],
        "left_off": max(0, len(joined) - MOST),
    }


def _people(case: Row, candidates: Sequence[Row], rules: Sequence[Rule]) -> list[tuple[Row, tuple[Tie, ...]]]:
    """The arrivals joined to the case, of several of one person the one with the strongest tie, in order of strength."""
    one = traveller(case)
    found = [(row, ties) for row in candidates if (ties := ties_between(one, traveller(row), rules))]
    found.sort(key=lambda pair: (strongest(pair[1]), str(pair[0]["event_id"])))
    people: dict[str, tuple[Row, tuple[Tie, ...]]] = {}
    for row, ties in found:
        people.setdefault(row["person_key"], (row, ties))
    return list(people.values())


def _contact(row: Row, ties: tuple[Tie, ...]) -> dict[str, Any]:
    told = {"strength": ties[0].strength, "name_masked": row["name_masked"], "unit": row["unit"], "yours": bool(row["yours"])}
    told |= _plain(row, _WHERE)
    told |= _plain(row, _OWN) if row["yours"] else dict.fromkeys(_OWN)
    return told | {"ties": [_tie(tie) for tie in ties]}


def _tie(tie: Tie) -> dict[str, Any]:
    data = tie.rule.data
    told: dict[str, Any] = {"rule": data.rule, "rule_row": tie.rule.row_id, "means": data.means, "strength": tie.strength}
    told |= {"distance": tie.distance, "minutes": tie.minutes}
    return told | {name: getattr(data, name) for name in ("text_zh", "text_en", "source_zh", "source_en")}


def _plain(row: Row, names: Sequence[str]) -> dict[str, Any]:
    return {name: plain_value(row[name]) for name in names}


def _site(row: Row, snapshot: Snapshot) -> str:
    return site_name(snapshot, row["site_id"], row["occurred_at"])
