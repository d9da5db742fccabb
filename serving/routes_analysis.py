"""`/analysis`: the named queries as a page. A form per query, made from its parameters; the answer as a table and as files."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from schemas.errors import Refused, Rejected
from serving.access import ANALYSING, CITY
from serving.answers import Analyst, Answer
from serving.arrival_json import plain_value
from serving.authentication import identify
from serving.names import counties, place_name
from serving.pages import Pages
from serving.parameters import ChoiceKind, CountyKind, DayKind
from serving.queries import QUERIES, Query, find
from serving.services import Services
from serving.texts import Language, catalogue

#: Rows shown on the page; the files hold all.
_SHOWN = 500
_NUMBERS = ("UInt", "Int", "Float", "Nullable(Decimal", "Decimal")


def router(services: Services, pages: Pages) -> APIRouter:
    """The route."""
    routes = APIRouter(include_in_schema=False)
    analyst = Analyst(services.database, services.snapshot)

    @routes.get("/analysis")
    async def analysis(request: Request) -> Response:
        who = await identify(services, request)
        if who is None:
            return RedirectResponse("/login", 303)
        if who.role not in ANALYSING:
            raise Refused("role_not_allowed", "This access code may not ask the analysts' queries.", 403)
        given = {name: text for name, text in request.query_params.items() if text and name != "lang"}
        query = find(given.pop("query", QUERIES[0].name))
        wrong: dict[str, str] = {}
        answer = None
        language = pages.language(request)
        try:
            answer = await services.database.run(lambda: analyst.answer(query.name, given, who))
        except Rejected as error:
            wrong = {r.field: r.message_zh if language == "zh" else r.message for r in error.reasons}
        context = _view(query, given, answer, wrong, language) | {"options": _options(query, services, language)}
        return pages.render(request, "analysis.html", context, 400 if wrong else 200)

    return routes


def _view(
    query: Query, given: dict[str, str], answer: Answer | None, wrong: dict[str, str], language: Language
) -> dict[str, Any]:
    values = {name: plain_value(value) for name, value in answer.parameters.items()} if answer else {}
    fields = [
        {
            "name": p.name,
            "title": p.title_zh if language == "zh" else p.title,
            "optional": p.optional,
            "type": "date" if isinstance(p.kind, DayKind) else "text",
            "value": given.get(p.name) or p.default or values.get(p.name, ""),
            "wrong": wrong.get(p.name, ""),
        }
        for p in query.parameters
    ]
    link = urlencode([(str(f["name"]), str(f["value"])) for f in fields if f["value"]])
    return {"queries": QUERIES, "chosen": query, "fields": fields, "link": link, "table": _table(answer)}


def _options(query: Query, services: Services, language: Language) -> dict[str, list[tuple[str, str]]]:
    """Of the parameters with a few possible values: the values with their titles."""
    found = {p.name: [(word, word) for word, _ in p.kind.options] for p in query.parameters if isinstance(p.kind, ChoiceKind)}
    if any(isinstance(p.kind, CountyKind) for p in query.parameters):
        snapshot = services.snapshot()
        areas = [code for code in counties(snapshot) if code != CITY]
        whole = ("", catalogue(language)["whole_city"])
        found["county"] = [whole, *((code, place_name(snapshot, code)) for code in areas)]
    return found


def _table(answer: Answer | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    rows = [[_cell(value) for value in row] for row in answer.table.rows[:_SHOWN]]
    columns = [(n, k.startswith(_NUMBERS)) for n, k in zip(answer.table.columns, answer.table.types, strict=True)]
    return {"columns": columns, "rows": rows, "count": len(answer.table.rows)}


def _cell(value: Any) -> Any:
    plain = plain_value(value)
    is_time = isinstance(plain, str) and plain.endswith("+08:00")
    return plain[:19].replace("T", " ") if is_time else plain
