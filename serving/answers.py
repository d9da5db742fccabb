"""Answers the named queries and the daily report: reads parameters, applies the credential's scope, asks, adds names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from reference.snapshot import Snapshot
from serving.access import EVERYTHING, Principal, query_restriction
from serving.database import Database, Table
from serving.names import place_name
from serving.parameters import read_values
from serving.queries import ARRIVALS, Query, Source, find, render
from serving.reports import PARAMETERS, report_sql

#: Who asks from the command line of the machine itself.
OPERATOR = Principal("administrator", "operator", EVERYTHING, "")
MOST_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer ready to be written out: a name for files, titles, the parameters in force, and the table."""

    name: str
    title: str
    title_zh: str
    parameters: Mapping[str, Any]
    table: Table


class Analyst:
    """Asks on behalf of a principal. Blocking; the API runs it in the database's threads."""

    def __init__(self, database: Database, snapshot: Callable[[], Snapshot]) -> None:
        self._database = database
        self._snapshot = snapshot

    def answer(self, name: str, given: Mapping[str, str], who: Principal = OPERATOR) -> Answer:
        """The answer to a named query; without days it is about the newest one. Raises Refused, Rejected, Unavailable."""
        query = find(name)
        allowed = query_restriction(who)
        values = read_values(query.parameters, {**self._days(query, given), **given})
        sql, bound = render(query, values, allowed)
        table = self._database.ask_now(sql, bound, MOST_ROWS)
        return Answer(query.name, query.title, query.title_zh, values, self._named(table, query.places))

    def newest_day(self, source: Source = ARRIVALS) -> date:
        """The newest local day there is something about; 1970-01-01 before the first."""
        day: date = self._database.ask_now(source.newest, {}).rows[0][0]
        return day

    def _days(self, query: Query, given: Mapping[str, str]) -> dict[str, str]:
        wanted = {parameter.name for parameter in query.parameters} & {"from", "to"} - given.keys()
        if not wanted:
            return {}
        other = next((given[name] for name in ("from", "to") if name in given), None)
        return dict.fromkeys(wanted, other or self.newest_day(query.source).isoformat())

    def _named(self, table: Table, places: tuple[str, ...]) -> Table:
        if not places:
            return table
        snapshot = self._snapshot()
        columns, types = list(table.columns), list(table.types)
        rows = [list(row) for row in table.rows]
        for place in places:
            at = columns.index(place) + 1
            columns.insert(at, f"{place.removesuffix('_code')}_name")
            types.insert(at, "String")
            for row in rows:
                row.insert(at, place_name(snapshot, row[at - 1]))
        return Table(tuple(columns), tuple(types), [tuple(row) for row in rows])

    def report(self, given: Mapping[str, str], who: Principal = OPERATOR) -> Answer:
        """The daily report; without a day the newest one, without `as_of` as known now. Raises Refused, Rejected, Unavailable."""
        allowed = query_restriction(who)
        wanted = given if "day" in given else {**given, "day": self.newest_day().isoformat()}
        values = read_values(PARAMETERS, wanted)
        sql, bound = report_sql(values, allowed)
        table = self._named(self._database.ask_now(sql, bound, MOST_ROWS), ("county_code", "township"))
        return Answer("daily-report", "Daily report", "每日报告", values, table)
