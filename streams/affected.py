"""Which arrivals a row of the reference may change: once as SQL for those stored, once in code for those on their way. Pure.

A row may change what was decided before it was known: arrivals scanned while it is valid that touch it. Both answers may name
too many (an arrival whose decision stays the same gets no new version), never too few.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reference.snapshot import Snapshot
from reference.succession import made_of
from schemas.areas import SuccessionData
from schemas.base import format_instant
from schemas.reference_rows import CorrectionData, GradeData, ReferenceRow
from schemas.rules import PassData, PassTypeData, PassUseData, RuleData

#: A grade reaches its origin, its stays, and those who go there (rules differ by the grade of the destination's county).
_IN_AREA = (
    "(startsWith(origin_code, %(area)s) OR arrayExists(code -> startsWith(code, %(area)s), stay_codes)"
    " OR startsWith(destination_county, %(area)s) OR startsWith(destination_outside, %(area)s))"
)
#: What became of a unit reaches the grades of all these, and who answers for those who go there.
_OF_UNIT = (
    _IN_AREA.replace("%(area)s", "%(unit)s").removesuffix(")")
    + " OR startsWith(destination_street, %(unit)s) OR startsWith(destination_village, %(unit)s))"
)
#: The oldest scan a gateway takes; who answers for it depends on when it is received.
_OLDEST = timedelta(days=45)
_IN_SCOPE = "(" + " OR ".join(
    f"startsWith({name}, %(scope)s)"
    for name in ("destination_village", "destination_street", "destination_county", "destination_outside", "site_county")
) + ")"  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reach:
    """The arrivals a row may change: scanned in `[since, until)`, and touching what is named."""

    since: datetime | None = None
    until: datetime | None = None
    areas: tuple[str, ...] = ()
    unit: str | None = None
    scope: str | None = None
    #: A pass; '' is every pass.
    pass_id: str | None = None
    event_id: str | None = None
    but_not: str | None = None

    def sql(self) -> tuple[str, dict[str, Any]]:
        """The condition over the columns of `arrivals_latest`, and its values."""
        parts, values = ["1"], dict[str, Any]()
        for at, sign, name in ((self.since, ">=", "since"), (self.until, "<", "until")):
            if at is not None:
                parts.append(f"occurred_at {sign} fromUnixTimestamp64Milli(%({name})s, 'Asia/Shanghai')")
                parts.append(f"arrived_on {sign.rstrip('=')}= toDate(fromUnixTimestamp64Milli(%({name})s, 'Asia/Shanghai'))")
                values[name] = round(at.timestamp() * 1000)
        if self.areas:
            parts.append("(" + " OR ".join(_IN_AREA.replace("(area)", f"(area_{n})") for n in range(len(self.areas))) + ")")
            values |= {f"area_{n}": area for n, area in enumerate(self.areas)}
        named = {
            "unit": _OF_UNIT,
            "scope": _IN_SCOPE,
            "pass_id": "pass_id = %(pass_id)s" if self.pass_id else "pass_id != ''",
            "event_id": "event_id = toUUID(%(event_id)s)",
            "but_not": "event_id != toUUID(%(but_not)s)",
        }
        for name, condition in named.items():
            if (value := getattr(self, name)) is not None:
                parts.append(condition)
                values[name] = value
        return " AND ".join(parts), values

    def touches(self, arrival: Mapping[str, Any]) -> bool:
        """The same of an arrival as it stands on the topic."""
        at = arrival["occurred_at"]
        if (self.since and at < format_instant(self.since)) or (self.until and at >= format_instant(self.until)):
            return False
        if self.event_id not in (None, arrival["event_id"]) or self.but_not == arrival["event_id"]:
            return False
        place = arrival["destination"]
        home, outside = place.get("county_code"), place.get("outside_code")
        deep = place.get("village_code"), place.get("street_code")
        places = (arrival.get("origin_code"), home, outside, *(stay.get("code") for stay in arrival["stays"]))
        if self.areas and not any(_any_in(area, *places) for area in self.areas):
            return False
        if self.unit is not None and not _any_in(self.unit, *places, *deep):
            return False
        if self.scope is not None and not _any_in(self.scope, *deep, home, outside, arrival.get("site_county")):
            return False
        if self.pass_id is None:
            return True
        shown = (arrival.get("vehicle") or {}).get("pass_id")
        return bool(shown) and self.pass_id in ("", shown)


def _any_in(area: str, *codes: str | None) -> bool:
    return any(code is not None and code.startswith(area) for code in codes)


def reach_of(row: ReferenceRow, snapshot: Snapshot) -> Reach | None:
    """The reach of a row; None for rows that never change a decision already made (units, sites, rights, case counts).

    `snapshot` ends with the row: a grade reaches what its area was made of as well.
    """
    data, since, until = row.data, row.valid_from, row.valid_to
    if isinstance(data, GradeData):
        return Reach(since, until, areas=(data.area, *made_of(snapshot.successions, data.area)))
    if isinstance(data, SuccessionData):
        return Reach(since - _OLDEST, until, unit=data.unit.partition("-")[0])
    if isinstance(data, RuleData):
        return Reach(since, until, scope=data.scope) if data.conditions else None
    if isinstance(data, PassData):
        return Reach(since, until, pass_id=data.pass_id)
    if isinstance(data, PassTypeData):
        return Reach(since, until, pass_id="")
    if isinstance(data, PassUseData):
        return Reach(since=data.at, pass_id=data.pass_id, but_not=data.event_id)
    return Reach(event_id=data.event_id) if isinstance(data, CorrectionData) else None
