"""The SQL behind contacts: one arrival by its id, and everybody who shares a key with it. Pure.

`contact_keys` answers by its primary key alone, so a question costs the rows it finds and not the rows there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from schemas.base import LOCAL
from schemas.contact_rules import Means
from schemas.seats import coach_number
from serving.access import Restriction
from serving.contact_ties import FIELDS, Rule

#: What is read of a contact: what ties are made of, and what a desk is shown.
COLUMNS = (
    "event_id", "revision", *FIELDS, "name_masked", "document_last4", "phone_last4", "unit", "county_code", "risk", "train",
)  # fmt: skip
_SCOPE = ("site_county", "symptoms")
_TEN_MINUTES = 600
_EARLIEST_MS, _LATEST_MS = 946_684_800_000, 4_102_416_000_000
_READ = ", ".join((*COLUMNS, *_SCOPE))


def case_sql(event_id: str, days: Sequence[date], allowed: Restriction) -> tuple[str, dict[str, Any]]:
    """The SQL of the present version of one arrival, if it is among the allowed ones; with days, received on one of them."""
    values: dict[str, Any] = {**allowed.values, "event_id": event_id}
    where = "event_id = toUUID(%(event_id)s)"
    if days:
        values |= {f"day{n}": day for n, day in enumerate(days)}
        where = (
            f"(toDate(received_at), event_id) IN ({', '.join(f'(%(day{n})s, toUUID(%(event_id)s))' for n in range(len(days)))})"
        )
    return f"SELECT {', '.join(COLUMNS)} FROM v_arrivals WHERE {where} AND ({allowed.sql}) LIMIT 1", values


def likely_days(event_id: str) -> tuple[date, ...]:
    """The days on which an event was most probably received: from the time in its id (UUIDv7) on; none for another kind of id.

    The device's clock made it, so this is where to look first and never where to look only.
    """
    made_ms = UUID(event_id).int >> 80
    if not _EARLIEST_MS < made_ms < _LATEST_MS:
        return ()
    made = datetime.fromtimestamp(made_ms / 1000, LOCAL).date()
    return tuple(made + timedelta(days=later) for later in range(-1, 3))


def candidates_sql(case: Mapping[str, Any], rules: Sequence[Rule], allowed: Restriction) -> tuple[str, dict[str, Any]]:
    """The SQL of the present version of every arrival that shares a key with the case; `yours` says which are allowed ones.

    A row older than a correction of its arrival is left out: the corrected one stands under its own keys.
    """
    conditions, values = _conditions(case, rules)
    found = (
        # Key and slot first: a key is looked for in a piece of every part, and most of these hold nothing of it.
        f"SELECT {_READ} FROM contact_keys PREWHERE {' OR '.join(conditions) or '0'} WHERE person_key != %(person_key)s\n"
        "ORDER BY revision DESC LIMIT 1 BY event_id"
    )
    corrected = "SELECT event_id, max(revision) AS corrected FROM contact_corrections GROUP BY event_id"
    sql = (
        f"SELECT {', '.join(COLUMNS)}, toBool({allowed.sql}) AS yours FROM (\n{found}) AS found\n"
        f"LEFT JOIN (\n{corrected}) AS corrections USING (event_id)\nWHERE revision >= corrected"
    )
    return sql, {**allowed.values, **values, "person_key": case["person_key"]}


def _conditions(case: Mapping[str, Any], rules: Sequence[Rule]) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    values: dict[str, Any] = {}
    for name, (key, first, last) in _keys(case, _windows(rules)).items():
        conditions.append(f"(key = %({name})s AND slot BETWEEN %({name}_first)s AND %({name}_last)s)")
        values |= {name: key, f"{name}_first": first, f"{name}_last": last}
    if "train" in values and (carriage := coach_number(case["coach"])):
        conditions[0] = "(key = %(train)s AND slot IN (0, %(carriage)s))"
        values["carriage"] = carriage
    return conditions, values


def _windows(rules: Sequence[Rule]) -> dict[Means, int]:
    """The longest time, in minutes, over which any rule joins by each means; 0 for trains, whose journey is named."""
    windows: dict[Means, int] = {}
    for rule in rules:
        windows[rule.data.means] = max(windows.get(rule.data.means, 0), rule.data.within_minutes or 0)
    return windows


def _keys(case: Mapping[str, Any], windows: Mapping[Means, int]) -> dict[str, tuple[str, int, int]]:
    """Key, first and last slot by a name; trains come first and whole."""
    at = int(case["occurred_at"].timestamp())
    site, party, vehicle = case["site_id"], case["party_id"], case["vehicle_key"]

    def around(key: str, *means: Means) -> tuple[str, int, int]:
        seconds = 60 * max(windows[one] for one in means if one in windows)
        return key, max(0, at - seconds) // _TEN_MINUTES, (at + seconds) // _TEN_MINUTES

    keys: dict[str, tuple[str, int, int]] = {}
    if "train" in windows and case["train_pair"] and case["service_date"]:
        keys["train"] = f"train/{case['train_pair']}/{case['service_date'].isoformat()}", 0, 2**32 - 1
    if windows.keys() & {"vehicle", "coach"} and vehicle:
        keys["vehicle"] = around(f"vehicle/{vehicle}", "vehicle", "coach")
    if "party" in windows and party:
        keys["party"] = around(f"party/{site}/{party}", "party")
    if "site" in windows and case["kind"] == "checkpoint":
        keys["site"] = around(f"site/{site}", "site")
    return keys
