"""Errors as problem details (RFC 9457): what happened, what to do, a stable code; in the reader's language. Never a value somebody wrote."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from schemas.errors import ArrivalsError, Reason, Refused, Rejected, Unavailable

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


def install(app: FastAPI) -> None:
    """Answers our error families, and the framework's own errors, as problems."""
    app.add_exception_handler(ArrivalsError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)


async def _ours(_: Request, error: Exception) -> Response:
    if isinstance(error, Rejected):
        return problem(400, error.code, str(error), errors=[_reason(reason) for reason in error.reasons])
    if isinstance(error, Refused):
        return problem(error.status, error.code, str(error))
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
