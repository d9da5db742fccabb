"""Errors as problem details (RFC 9457): what happened, what to do, a stable code; in the reader's language. Never a
value somebody wrote.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from schemas.errors import ArrivalsError, Reason, Refused, Rejected, Unavailable
from serving.desk.words import REFUSALS_ZH
from serving.pages import Pages

MEDIA_TYPE = "application/problem+json"
_ZH = {
    400: "请求有误",
    401: "需要访问码",
    403: "无权进行此操作",
    404: "没有找到",
    405: "不支持此操作",
    422: "请求有误",
    429: "请求过于频繁",
    503: "系统暂时不可用",
}


#: Statuses that have words of their own on a page.
_PAGES = frozenset({400, 403, 404, 503})
Answer = Callable[[Request, Exception], Awaitable[Response]]


def not_found() -> Refused:
    """What everything answers that does not exist, or does not exist for the one who asks: always the same words."""
    return Refused("not_found", "There is nothing here.", 404)


def problem(status: int, code: str, detail: str, **more: Any) -> Response:
    """A problem details response."""
    phrase = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": phrase, "title_zh": _ZH.get(status, phrase), "status": status, "code": code}
    headers = {"Cache-Control": "no-store"}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if "retry_after" in more:
        headers["Retry-After"] = str(more.pop("retry_after"))
    return Response(orjson.dumps({**body, "detail": detail, **more}), status, headers, MEDIA_TYPE)


def install(app: FastAPI, pages: Pages) -> None:
    """Answers our error families, and the framework's own errors, as problems; to people looking at pages, as a page."""
    answers: dict[type[Exception], Answer] = {ArrivalsError: _ours, HTTPException: _http, RequestValidationError: _validation}

    def for_people(answer: Answer) -> Answer:
        async def handle(request: Request, error: Exception) -> Response:
            response = await answer(request, error)
            wants_page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1")
            return _page(pages, request, response) if wants_page else response

        return handle

    for family, answer in answers.items():
        app.add_exception_handler(family, for_people(answer))


def _page(pages: Pages, request: Request, response: Response) -> Response:
    status = response.status_code
    message = f"error_{status if status in _PAGES else 400}"
    code = orjson.loads(bytes(response.body))["code"]
    return pages.render(request, "error.html", {"message": message, "code": code}, status)


async def _ours(_: Request, error: Exception) -> Response:
    if isinstance(error, Rejected):
        return problem(400, error.code, str(error), errors=[_reason(reason) for reason in error.reasons])
    if isinstance(error, Refused):
        zh = {"detail_zh": REFUSALS_ZH[error.code]} if error.code in REFUSALS_ZH else {}
        return problem(error.status, error.code, str(error), **zh)
    if isinstance(error, Unavailable):
        return problem(503, error.code, str(error), retry_after=error.retry_after_seconds)
    assert isinstance(error, ArrivalsError)  # noqa: S101
    return problem(503, error.code, "A part of the system is not set up correctly.", retry_after=30)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == HTTPStatus.NOT_FOUND:
        return await _ours(_, not_found())
    return problem(error.status_code, HTTPStatus(error.status_code).name.lower(), HTTPStatus(error.status_code).phrase)


async def _validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = [{"field": ".".join(str(part) for part in e["loc"][1:]), "code": e["type"]} for e in error.errors()]
    return problem(400, "parameters_invalid", "A parameter is wrong.", errors=found)


def _reason(reason: Reason) -> dict[str, str]:
    return {"field": reason.field, "code": reason.code, "message": reason.message, "message_zh": reason.message_zh}
