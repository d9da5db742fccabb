"""The named queries: what an analyst may ask, as data. Pure.

`{arrivals}` in a query stands for `v_arrivals` restricted to the days asked for and to what the credential may see, `{checkins}`
in the same way for `v_checkins`; `render` alone puts it in, so no query can be asked without it. Every other value is bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.errors import Refused
from serving.access import Restriction
from serving.overview import DAY_SQL
from serving.parameters import ChoiceKind, CountKind, CountyKind, DayKind, Parameter

_FROM = Parameter("from", DayKind(), "first day", "开始日期")
_TO = Parameter("to", DayKind(), "last day", "结束日期")
_COUNTY = Parameter("county", CountyKind(), "responsible county", "责任县(市、区)", optional=True)
_DAYS = (_FROM, _TO, _COUNTY)
_LEVEL = Parameter(
    "level", ChoiceKind((("province", 2), ("city", 4), ("county", 6))), "level of the origin", "来源地级别", default="province"
)
_LIMIT = Parameter("limit", CountKind(5_000), "most rows", "最多行数", default="500")


@dataclass(frozen=True, slots=True)
class Source:
    """What stands in a query as `{name}`: a view, its column of days, and how many days before the first one are read as well.

    `newest` asks for the day that is answered where none is given. The view names the county of every row `county_code`.
    """

    name: str
    view: str
    day: str
    newest: str
    before: int = 0

    @property
    def word(self) -> str:
        """How a query names it."""
        return f"{{{self.name}}}"


#: By the gateway's clock, not by that of a device.
_NEWEST_CHECKIN = "SELECT toDate(max(received_at), 'Asia/Shanghai') AS day FROM checkins"
ARRIVALS = Source("arrivals", "v_arrivals", "arrived_on", DAY_SQL)
#: Expected to check in is who did on any of the seven days before.
CHECKINS = Source("checkins", "v_checkins", "checked_on", _NEWEST_CHECKIN, before=7)

#: The measures most queries share.
_MEASURES = """count() AS arrivals,
       countIf(kind = 'rail') AS by_rail,
       countIf(risk = 'high') AS high,
       countIf(risk = 'medium') AS medium,
       countIf(has(rules, 'fever')) AS fever,
       countIf(decision = 'turn_back') AS turned_back"""

#: A line per day, enterprise and employee who was expected or came; the latest check-in was `days_ago`, 0 on the day itself.
_EMPLOYEES = """(
    SELECT checked_on + back AS day, county_code, enterprise_code, person_key, min(back) AS days_ago, max(back) > 0 AS due,
           argMax(enterprise_name, made_at) AS enterprise, argMax(name_masked, made_at) AS name,
           argMax(document_last4, made_at) AS last4, maxIf(temperature_c, back = 0) AS highest_c,
           max(fever AND back = 0) AS feverish
    FROM (SELECT * FROM {checkins} AND kind = 'employee') ARRAY JOIN range(8) AS back
    GROUP BY day, county_code, enterprise_code, person_key HAVING day BETWEEN %(from)s AND %(to)s
)"""
#: Enough of the key to tell two people of one enterprise apart, too little to find somebody in other records.
_WHO = "day, county_code, enterprise_code, enterprise, substring(person_key, 1, 6) AS person, name, last4"


@dataclass(frozen=True, slots=True)
class Query:
    """A named query. `places` are the result columns that hold area or unit codes; the answer adds their names."""

    name: str
    title: str
    title_zh: str
    sql: str
    parameters: tuple[Parameter, ...] = _DAYS
    places: tuple[str, ...] = ()
    source: Source = ARRIVALS


QUERIES: tuple[Query, ...] = (
    Query(
        "flows-by-hour",
        "Arrivals by hour",
        "分时到达",
        f"SELECT toStartOfHour(occurred_at) AS hour,\n       {_MEASURES}\nFROM {{arrivals}}\nGROUP BY hour ORDER BY hour",
    ),
    Query(
        "flows-by-origin",
        "Arrivals by province, city or county of origin",
        "按来源地",
        f"SELECT substring(origin_code, 1, %(level)s) AS origin,\n       {_MEASURES}\nFROM {{arrivals}}\n"
        "GROUP BY origin ORDER BY arrivals DESC, origin LIMIT %(limit)s",
        (*_DAYS, _LEVEL, _LIMIT),
        ("origin",),
    ),
    Query(
        "flows-by-site",
        "Arrivals by checkpoint and station",
        "按卡点、车站",
        f"SELECT site_id, kind,\n       {_MEASURES},\n       countIf(isNull(temperature_c)) AS without_temperature\n"
        "FROM {arrivals}\nGROUP BY site_id, kind ORDER BY arrivals DESC, site_id, kind",
    ),
    Query(
        "flows-by-county",
        "Arrivals by responsible county",
        "按责任县(市、区)",
        f"SELECT county_code,\n       {_MEASURES},\n       countIf(desk_reason != '') AS at_desk\nFROM {{arrivals}}\n"
        "GROUP BY county_code ORDER BY county_code",
        places=("county_code",),
    ),
    Query(
        "flows-by-risk",
        "Arrivals by day and risk",
        "按风险等级",
        "SELECT arrived_on, risk, count() AS arrivals, uniqExact(person_key) AS people\nFROM {arrivals}\n"
        "GROUP BY arrived_on, risk ORDER BY arrived_on, risk",
    ),
    Query(
        "flows-by-decision",
        "Arrivals by decision and the rule that decided",
        "按处置",
        "SELECT decision, decided_by, count() AS arrivals, uniqExact(person_key) AS people\nFROM {arrivals}\n"
        "GROUP BY decision, decided_by ORDER BY arrivals DESC, decision, decided_by",
    ),
    Query(
        "flows-by-train",
        "Arrivals by train",
        "按车次",
        "SELECT service_date, train, to_station, count() AS arrivals, uniqExact(coach) AS coaches,\n"
        "       countIf(risk = 'high') AS high, countIf(has(rules, 'fever')) AS fever\n"
        "FROM {arrivals} AND train != ''\n"
        "GROUP BY service_date, train, to_station ORDER BY arrivals DESC, service_date, train, to_station LIMIT %(limit)s",
        (*_DAYS, _LIMIT),
    ),
    Query(
        "unit-load",
        "People per management unit",
        "管理单元负荷",
        "SELECT unit, unit_level, county_code, count() AS arrivals, countIf(risk = 'high') AS high,\n"
        "       countIf(decision = 'observe') AS to_observe, max(received_at) AS newest\n"
        "FROM {arrivals}\nGROUP BY unit, unit_level, county_code ORDER BY arrivals DESC, unit LIMIT %(limit)s",
        (*_DAYS, _LIMIT),
        ("unit", "county_code"),
    ),
    Query(
        "desk-queue",
        "Arrivals waiting at desks because their destination is unclear",
        "待核实去向",
        "SELECT county_code, desk_reason, count() AS arrivals, countIf(risk = 'high') AS high, min(received_at) AS oldest\n"
        "FROM {arrivals} AND desk_reason != ''\n"
        "GROUP BY county_code, desk_reason ORDER BY county_code, desk_reason",
        places=("county_code",),
    ),
    Query(
        "fever-by-site",
        "Temperatures taken and fevers found by day and site",
        "发热监测",
        "SELECT arrived_on, site_id, count() AS arrivals, countIf(isNotNull(temperature_c)) AS measured,\n"
        "       countIf(has(rules, 'fever')) AS fever, max(temperature_c) AS highest_c\n"
        "FROM {arrivals}\nGROUP BY arrived_on, site_id ORDER BY fever DESC, arrived_on, site_id",
    ),
    Query(
        "rule-counts",
        "How often each rule spoke, by county",
        "规则命中",
        "SELECT rule, county_code, count() AS arrivals\nFROM (SELECT county_code, rules FROM {arrivals})\n"
        "ARRAY JOIN rules AS rule\nGROUP BY rule, county_code ORDER BY rule, county_code",
        places=("county_code",),
    ),
    Query(
        "freshness",
        "How fresh the data are, by site",
        "数据时效",
        "SELECT site_id, count() AS arrivals, max(occurred_at) AS newest_scan, max(received_at) AS newest_receipt,\n"
        "       quantileExact(0.5)(dateDiff('second', occurred_at, received_at)) AS delay_p50_seconds,\n"
        "       quantileExact(0.99)(dateDiff('second', occurred_at, received_at)) AS delay_p99_seconds,\n"
        "       countIf(has(quality, 'late')) AS late\n"
        "FROM {arrivals}\nGROUP BY site_id ORDER BY newest_receipt, site_id",
    ),
    Query(
        "checkins-by-enterprise",
        "Employees expected, checked in, missing and with fever, by day and enterprise",
        "企业员工打卡",
        "SELECT day, county_code, enterprise_code, argMin(enterprise, days_ago) AS enterprise_name, countIf(due) AS expected,\n"
        "       countIf(days_ago = 0) AS reported, countIf(days_ago > 0) AS missing, countIf(feverish) AS fever\n"
        f"FROM {_EMPLOYEES}\nGROUP BY day, county_code, enterprise_code\n"
        "ORDER BY day, fever DESC, missing DESC, enterprise_code, county_code LIMIT %(limit)s",
        (*_DAYS, _LIMIT),
        ("county_code",),
        CHECKINS,
    ),
    Query(
        "checkins-by-unit",
        "Health forms, gates passed and fevers, by day and management unit",
        "管理单元健康登记与出入",
        "SELECT checked_on AS day, county_code, unit, countIf(kind = 'resident') AS forms,\n"
        "       countIf(kind = 'gate_in') AS gate_in, countIf(kind = 'gate_out') AS gate_out,\n"
        "       countIf(isNull(temperature_c)) AS without_temperature, countIf(fever) AS fevers\n"
        "FROM {checkins} AND unit != '' AND checked_on >= %(from)s\nGROUP BY day, county_code, unit\n"
        "ORDER BY day, fevers DESC, unit LIMIT %(limit)s",
        (*_DAYS, _LIMIT),
        ("county_code", "unit"),
        CHECKINS,
    ),
    Query(
        "checkins-missing",
        "Employees who checked in within the seven days before and not on the day",
        "缺卡员工",
        f"SELECT {_WHO}, day - days_ago AS last_checked_on\nFROM {_EMPLOYEES}\n"
        "WHERE days_ago > 0 ORDER BY day, enterprise_code, last_checked_on, person LIMIT %(limit)s",
        (*_DAYS, _LIMIT),
        ("county_code",),
        CHECKINS,
    ),
    Query(
        "checkins-fever",
        "Employees who checked in with fever",
        "发热员工",
        f"SELECT {_WHO}, highest_c\nFROM {_EMPLOYEES}\n"
        "WHERE feverish ORDER BY day, enterprise_code, highest_c DESC, person LIMIT %(limit)s",
        (*_DAYS, _LIMIT),
        ("county_code",),
        CHECKINS,
    ),
)
BY_NAME: dict[str, Query] = {query.name: query for query in QUERIES}


def find(name: str) -> Query:
    """The query of that name. Raises Refused (404)."""
    if name not in BY_NAME:
        raise Refused("query_unknown", "There is no query of that name.", 404, f"Known: {', '.join(BY_NAME)}.")
    return BY_NAME[name]


def render(query: Query, values: Mapping[str, Any], allowed: Restriction) -> tuple[str, dict[str, Any]]:
    """The SQL of a query and the values to bind, confined to the days and county asked for and to what is allowed."""
    source = query.source
    first = f"toDate(%(from)s) - {source.before}" if source.before else "%(from)s"
    conditions = [f"({allowed.sql})", f"{source.day} BETWEEN {first} AND %(to)s"]
    if "county" in values:
        conditions.append("county_code = %(county)s")
    confined = f"{source.view} WHERE {' AND '.join(conditions)}"
    return query.sql.replace(source.word, confined), {**values, **allowed.values}
