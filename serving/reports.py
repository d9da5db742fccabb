"""The 24:00 report of a county: a day's arrivals by township, as known now or as known at any moment. Pure.

"As known then" takes, of every arrival, the newest version recorded by that moment; one that was recorded later did
not exist yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serving.access import Restriction
from serving.parameters import CountyKind, DayKind, InstantKind, Parameter

PARAMETERS = (
    Parameter("county", CountyKind(), "county", "县(市、区)", optional=True),
    Parameter("day", DayKind(), "day", "日期"),
    Parameter("as_of", InstantKind(), "as known at", "截至时间", optional=True),
)
#: The measures of the report: column, title, title in Chinese, SQL.
MEASURES: tuple[tuple[str, str, str, str], ...] = (
    ("arrivals", "Arrivals", "到达人数", "count()"),
    ("by_road", "By road", "公路卡点", "countIf(kind = 'checkpoint')"),
    ("by_rail", "By rail", "铁路车站", "countIf(kind = 'rail')"),
    ("high", "High risk", "高风险", "countIf(risk = 'high')"),
    ("medium", "Medium risk", "中风险", "countIf(risk = 'medium')"),
    ("unknown", "Unknown risk", "风险待核", "countIf(risk = 'unknown')"),
    ("low", "Low risk", "低风险", "countIf(risk = 'low')"),
    ("fever", "Fever", "发热", "countIf(has(rules, 'fever'))"),
    ("without_temperature", "Temperature missing", "未测温", "countIf(isNull(temperature_c))"),
    ("turned_back", "Turned back", "劝返", "countIf(decision = 'turn_back')"),
    ("to_observe", "To be observed", "医学观察", "countIf(decision = 'observe')"),
    ("at_desk", "At the desk", "去向待核", "countIf(desk_reason != '')"),
)
_READ = "event_id, county_code, unit, kind, risk, rules, temperature_c, decision, desk_reason"


def report_sql(values: Mapping[str, Any], allowed: Restriction) -> tuple[str, dict[str, Any]]:
    """The SQL of the report and its values: one row per county and township (the county's own desk has the county's code)."""
    bound: dict[str, Any] = {"day": values["day"], **allowed.values}
    if "as_of" in values:
        bound["as_of_ms"] = round(values["as_of"].timestamp() * 1000)
        source = (
            f"(SELECT {_READ} FROM v_arrival_history WHERE arrived_on = %(day)s"
            " AND recorded_at <= fromUnixTimestamp64Milli(%(as_of_ms)s, 'Asia/Shanghai')"
            " ORDER BY revision DESC LIMIT 1 BY event_id)"
        )
    else:
        source = f"(SELECT {_READ} FROM v_arrivals WHERE arrived_on = %(day)s)"
    where = f"({allowed.sql})"
    if "county" in values:
        bound["county"] = values["county"]
        where += " AND county_code = %(county)s"
    measures = ", ".join(f"{sql} AS {name}" for name, _, _, sql in MEASURES)
    return (
        f"SELECT county_code, substring(unit, 1, 9) AS township, {measures}\nFROM {source}\nWHERE {where}\n"
        "GROUP BY county_code, township ORDER BY county_code, township",
        bound,
    )


def totals(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The sums of the report's measures."""
    return {name: sum(row[name] for row in rows) for name, *_ in MEASURES}
