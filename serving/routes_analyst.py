"""`/v1/flows`, `/v1/queries`, `/v1/reports/daily`: counts for analysts, as JSON, CSV, XLSX or Parquet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from schemas.errors import Reason, Rejected
from serving.access import ANALYSING
from serving.answers import Analyst, Answer
from serving.authentication import Allow
from serving.exports import FORMATS, file_name
from serving.queries import QUERIES
from serving.routes_units import answer as as_json
from serving.services import Services

#: What `/v1/flows?by=` stands for.
_FLOWS = {word: f"flows-by-{word}" for word in ("hour", "origin", "site", "county", "risk", "decision", "train")}
_PARAMETERS = "Further parameters are listed by `/v1/queries`; without days the newest day is answered."


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["analysts"], dependencies=[Depends(Allow(services, ANALYSING))])
    analyst = Analyst(services.database, services.snapshot)

    async def asked(request: Request, work: Callable[[dict[str, str]], Answer], apart: str) -> Response:
        given = _single(request)
        chosen = given.pop("format", "json")
        given.pop(apart, None)
        if chosen not in FORMATS:
            raise _wrong("format", tuple(FORMATS))
        # Writing a large file is work for a thread as much as the question is.
        name, body = await services.database.run(lambda: _written(work(given), chosen))
        headers = {"Content-Disposition": f'attachment; filename="{name}"'} if FORMATS[chosen].attachment else {}
        return Response(body, 200, headers, FORMATS[chosen].media_type)

    @routes.get("/queries", summary="The named queries and their parameters")
    async def queries() -> Response:
        return as_json({"queries": [_described(query) for query in QUERIES], "formats": list(FORMATS)})

    @routes.get("/queries/{name}", summary="The answer to a named query", description=_PARAMETERS)
    async def query(request: Request, name: str, format: str = Query("json")) -> Response:  # noqa: ARG001
        return await asked(request, lambda given: analyst.answer(name, given, request.state.who), "name")

    @routes.get("/flows", summary="Arrivals by hour, origin, site, county, risk, decision or train", description=_PARAMETERS)
    async def flows(request: Request, by: str = Query("hour"), format: str = Query("json")) -> Response:  # noqa: ARG001
        if by not in _FLOWS:
            raise _wrong("by", tuple(_FLOWS))
        return await asked(request, lambda given: analyst.answer(_FLOWS[by], given, request.state.who), "by")

    @routes.get("/reports/daily", summary="The 24:00 report, as known now or at `as_of`")
    async def daily(
        request: Request,
        county: str | None = Query(None, description="County code"),  # noqa: ARG001
        day: str | None = Query(None, description="YYYY-MM-DD"),  # noqa: ARG001
        as_of: str | None = Query(None, description="RFC 3339 with offset"),  # noqa: ARG001
        format: str = Query("json"),  # noqa: ARG001
    ) -> Response:
        return await asked(request, lambda given: analyst.report(given, request.state.who), "")

    return routes


def _written(answer: Answer, chosen: str) -> tuple[str, bytes]:
    return file_name(answer, chosen), FORMATS[chosen].write(answer)


def _single(request: Request) -> dict[str, str]:
    pairs = request.query_params.multi_items()
    given = dict(pairs)
    if len(given) != len(pairs):
        raise Rejected("parameters_invalid", "A parameter is given twice.")
    return given


def _described(query: Any) -> dict[str, Any]:
    return {
        "name": query.name,
        "title": query.title,
        "title_zh": query.title_zh,
        "parameters": [
            {"name": p.name, "title": p.title, "title_zh": p.title_zh, "hint": p.kind.hint, "default": p.default}
            for p in query.parameters
        ],
    }


def _wrong(field: str, options: tuple[str, ...]) -> Rejected:
    reason = Reason(field, "parameter_invalid", f"use one of: {', '.join(options)}", f"可选：{'、'.join(options)}")
    return Rejected("parameters_invalid", "A parameter is wrong.", (reason,))
