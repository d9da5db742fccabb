"""The named queries and the report for the command line: the same answers as over HTTP, asked by the operator of the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from arrivals.runtime.desk_engine import make_engine
from arrivals.runtime.reference_feed import read_snapshot
from arrivals.runtime.settings import Settings
from reference.gazetteer import load_gazetteer
from reference.snapshot import Snapshot
from schemas.base import LOCAL
from schemas.errors import Reason, Rejected
from serving.access import CITY, EVERYONE
from serving.answers import OPERATOR, Analyst, Answer
from serving.arrival_json import plain_value
from serving.contact_list import Found
from serving.contact_tasks import Tasks, order_of, tied, told_tasks
from serving.contacts import Contacts
from serving.database import Database
from serving.desk.schema import check_desk
from serving.desk.store import DeskStore
from serving.duties.situation import situation
from serving.explanation import explain, explanation_sql
from serving.explanation_text import as_lines
from serving.exports import FORMATS
from serving.names import place_name
from serving.queries import QUERIES
from serving.texts import LANGUAGES
from serving.versions import versions_sql

#: What a table on a terminal is made of: headers and rows.
Rows = tuple[tuple[str, ...], list[tuple[Any, ...]]]


def list_queries() -> list[tuple[str, str, str]]:
    """Name, title and parameters of every named query."""
    return [(query.name, query.title, " ".join(p.name for p in query.parameters)) for query in QUERIES]


def run_query(settings: Settings, name: str, given: Sequence[str], format: str) -> bytes | Rows | Any:
    """The answer to a named query; `given` are texts `k=v`. Raises Refused, Rejected, Unavailable."""
    pairs = dict(_pair(text) for text in given)
    return _asked(settings, lambda analyst: analyst.answer(name, pairs), format)


def run_report(settings: Settings, county: str, day: str, as_of: str | None, format: str) -> bytes | Rows | Any:
    """The daily report of a county, or of the whole city for 4114. Raises Rejected, Unavailable."""
    given = {"day": day} | ({} if county == CITY else {"county": county}) | ({"as_of": as_of} if as_of else {})
    return _asked(settings, lambda analyst: analyst.report(given), format)


def run_explain(settings: Settings, event_id: str) -> tuple[Any, dict[str, list[str]]]:
    """The explanation of an arrival, and its lines by language. Raises Rejected when there is no such arrival, Unavailable."""
    snapshot = _snapshot(settings)
    with _database(settings) as database:
        found = database.ask_now(*explanation_sql(_event_id(event_id), EVERYONE)).records()
        if not found:
            raise Rejected("arrival_unknown", "No arrival with this id is stored.")
        now = snapshot()
        told = explain(found[0], now, database.ask_now(*versions_sql(event_id)).records())
    return told, {language: as_lines(told, lambda code: place_name(now, code), language) for language in LANGUAGES}


def run_contacts(settings: Settings, event_id: str) -> Any:
    """The contacts of an arrival; a line of the audit trail. Raises Rejected when there is no such arrival, Unavailable."""
    with _contacts(settings, event_id) as (found, store, snapshot):
        told = found.told(snapshot)
        store.looked("contacts", event_id, {"found": told["total"]}, OPERATOR, datetime.now(LOCAL))
    return told


def run_contact_tasks(settings: Settings, event_id: str, tasks: Tasks) -> Any:
    """Makes tasks of the contacts of a case; the API's answer. Raises Rejected when there is no such arrival, Unavailable."""
    with _contacts(settings, event_id) as (found, store, snapshot):
        order, now = order_of(event_id, tasks), situation(snapshot, datetime.now(LOCAL))
        return told_tasks(store.trace(order, tied(found, order, OPERATOR, now), OPERATOR, now), snapshot)


def _event_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise Rejected("event_id_invalid", "An event id is a UUID such as 01705656-c5a0-7001-8000-000000000001.") from None


def _asked(settings: Settings, ask: Callable[[Analyst], Answer], format: str) -> bytes | Rows | Any:
    if format != "table" and format not in FORMATS:
        raise Rejected("format_unknown", f"There is no format of that name; there are table, {', '.join(FORMATS)}.")
    snapshot = _snapshot(settings)
    with _database(settings) as database:
        answer = ask(Analyst(database, snapshot))
    if format == "table":
        return answer.table.columns, [tuple(plain_value(value) for value in row) for row in answer.table.rows]
    if format == "json":
        return [{name: plain_value(value) for name, value in record.items()} for record in answer.table.records()]
    return FORMATS[format].write(answer)


def _snapshot(settings: Settings) -> Callable[[], Snapshot]:
    """The reference as of now: names of custom units are in the topic."""
    snapshot = read_snapshot(settings, load_gazetteer())
    return lambda: snapshot


@contextmanager
def _contacts(settings: Settings, event_id: str) -> Iterator[tuple[Found, DeskStore, Snapshot]]:
    engine = make_engine(settings)
    try:
        snapshot = _snapshot(settings)
        with _database(settings) as database:
            found = Contacts(database, snapshot).find(_event_id(event_id), EVERYONE)
            if found is None:
                raise Rejected("arrival_unknown", "No arrival with this id is stored.")
            check_desk(engine)
            yield found, DeskStore(engine), snapshot()
    finally:
        engine.dispose()


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    database = Database(settings)
    try:
        yield database
    finally:
        database.close()


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        reason = Reason("param", "parameter_invalid", "write parameters as name=value", "参数写作 名称=值")
        raise Rejected("parameters_invalid", "A parameter is wrong.", (reason,))
    return name, value
