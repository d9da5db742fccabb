"""What the command view shows of a day: counters, hours, counties and the latest alerts, folded from one small cube. Pure.

One query per tick serves the whole city and every county; each credential is shown its part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

RISKS = ("high", "medium", "unknown", "low")
COUNTERS = ("arrivals", "high", "medium", "fever", "turned_back", "at_desk", "by_rail")
_BY_RISK = ("high", "medium")
HOURS = 24
SHOWN_ALERTS = 12
SHOWN_LEADING = 6

#: The day of the newest receipt; versions of one arrival share it, so the unmerged table gives the same answer at once.
DAY_SQL = "SELECT toDate(max(received_at), 'Asia/Shanghai') AS day FROM arrivals_latest"
CUBE_SQL = """SELECT county_code, toUInt8(toHour(occurred_at)) AS hour, risk, count() AS arrivals,
       countIf(has(rules, 'fever')) AS fever, countIf(decision = 'turn_back') AS turned_back,
       countIf(desk_reason != '') AS at_desk, countIf(kind = 'rail') AS by_rail
FROM v_arrivals WHERE arrived_on = %(day)s
GROUP BY county_code, hour, risk"""
ORIGINS_SQL = """SELECT county_code, substring(origin_code, 1, 2) AS code, count() AS arrivals, countIf(risk = 'high') AS high
FROM v_arrivals WHERE arrived_on = %(day)s GROUP BY county_code, code"""
SITES_SQL = """SELECT county_code, site_id AS code, count() AS arrivals, countIf(risk = 'high') AS high
FROM v_arrivals WHERE arrived_on = %(day)s GROUP BY county_code, code"""
ALERTS_SQL = """SELECT event_id, revision, received_at, occurred_at, site_id, origin_code, unit, county_code, name_masked, risk,
       decision, desk_reason, findings
FROM v_arrivals WHERE arrived_on = %(day)s AND risk = 'high'
ORDER BY received_at DESC, event_id DESC LIMIT 12 BY county_code"""


@dataclass(frozen=True, slots=True)
class Cube:
    """The day's counts by county, hour and risk, by county and origin or site, and its latest alerts, newest first."""

    day: date
    cells: Sequence[Mapping[str, Any]]
    origins: Sequence[Mapping[str, Any]]
    sites: Sequence[Mapping[str, Any]]
    alerts: Sequence[Mapping[str, Any]]


def fold(cube: Cube, county: str | None, counties: Sequence[str]) -> dict[str, Any]:
    """The overview of one county, or of the whole city: sections that can be sent alone when only they changed."""
    cells = [c for c in cube.cells if county is None or c["county_code"] == county]
    return {
        "day": cube.day.isoformat(),
        "counters": _counts(cells),
        "hours": _hours(cells),
        "counties": [_county(cells, code) for code in counties if county in (None, code)],
        "origins": _leading(cube.origins, county),
        "sites": _leading(cube.sites, county),
        "alerts": [a for a in cube.alerts if county is None or a["county_code"] == county][:SHOWN_ALERTS],
    }


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The sections of an overview that differ from the one before."""
    return {name: section for name, section in after.items() if before.get(name) != section}


def classes(values: Iterable[int], steps: int = 5) -> Callable[[int], int]:
    """Sorts counts into 0 (none) to `steps` for the map, by equal shares of the largest."""
    most = max(values, default=0)
    return lambda value: 0 if value <= 0 else min(steps, 1 + (steps * value - 1) // max(most, 1))


def _county(cells: Sequence[Mapping[str, Any]], code: str) -> dict[str, Any]:
    own = [c for c in cells if c["county_code"] == code]
    return {"code": code, **_counts(own)}


def _leading(rows: Sequence[Mapping[str, Any]], county: str | None) -> list[dict[str, Any]]:
    """The places with the most arrivals, summed over the counties that may be seen."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if county is None or row["county_code"] == county:
            place = found.setdefault(row["code"], {"code": row["code"], "name": row["name"], "arrivals": 0, "high": 0})
            place["arrivals"] += row["arrivals"]
            place["high"] += row["high"]
    return sorted(found.values(), key=lambda place: (-place["arrivals"], place["code"]))[:SHOWN_LEADING]


def _hours(cells: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    """Per hour of the day the counts by risk, in the order of `RISKS`."""
    hours = [[0] * len(RISKS) for _ in range(HOURS)]
    for cell in cells:
        hours[cell["hour"]][RISKS.index(cell["risk"])] += cell["arrivals"]
    return hours


def _counts(cells: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    counts = {name: sum(c[name] for c in cells) for name in COUNTERS if name not in _BY_RISK}
    return counts | {risk: sum(c["arrivals"] for c in cells if c["risk"] == risk) for risk in _BY_RISK}
