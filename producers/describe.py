"""The gateway's OpenAPI: made from the models and the examples, with a documentation page that needs no other server."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from producers.kinds import CHECKINS, SCANS
from producers.reasons import REASONS
from schemas.checkin import CHECKIN
from schemas.scan import SCAN

DESCRIPTION = (
    "Devices post scans and health check-ins here. 202 means: on Kafka, acknowledged by all in-sync replicas; the device may "
    "delete it. Every other answer means: keep it, and repeat it with the same event_id. People in examples are synthetic."
)
#: Path of a post -> its name in the documentation, its shape, the folder of its examples, and its summary.
_POSTS: dict[str, tuple[str, TypeAdapter[Any], str, str]] = {
    SCANS.path: ("Scan", SCAN, "scan-post", "Post one scan or up to 500"),
    CHECKINS.path: ("Checkin", CHECKIN, "checkin-post", "Post one health check-in or up to 500"),
}
_REF = "#/components/schemas/{model}"


def document(app: FastAPI) -> None:
    """Gives the app its OpenAPI and `/docs`."""
    definitions: dict[str, Any] = {}
    for name, adapter, _, _ in _POSTS.values():
        schema = adapter.json_schema(ref_template=_REF)
        definitions |= schema.pop("$defs", {}) | {name: schema}

    def openapi() -> dict[str, Any]:
        return {
            "openapi": "3.1.0",
            "info": {"title": app.title, "version": "1", "description": DESCRIPTION},
            "paths": {path: {"post": _operation(name, folder, summary)} for path, (name, _, folder, summary) in _POSTS.items()},
            "components": {
                "schemas": {**definitions, "Answer": _ANSWER, "Problem": _PROBLEM},
                "securitySchemes": {"device": {"type": "http", "scheme": "bearer"}},
            },
        }

    app.openapi = openapi  # type: ignore[method-assign]

    async def docs(_: Request) -> Response:
        page = files("producers").joinpath("docs.html").read_text("utf-8")
        rows = "".join(f"<tr><td><code>{c}</code></td><td>{zh}</td><td>{en}</td></tr>" for c, (en, zh) in REASONS.items())
        return HTMLResponse(page.replace("{{reasons}}", rows).replace("{{examples}}", _examples_html()))

    app.router.add_route("/docs", docs, methods=["GET"])


def _examples(folder: str) -> dict[str, Any]:
    found = files("schemas").joinpath("examples", folder, "v1").iterdir()
    return {file.name.removesuffix(".json"): json.loads(file.read_text("utf-8")) for file in found if file.is_file()}


def _examples_html() -> str:
    shown = (
        json.dumps(v, ensure_ascii=False, indent=2) for _, _, folder, _ in _POSTS.values() for v in _examples(folder).values()
    )
    return "".join(f"<pre>{text}</pre>" for text in shown)


def _operation(model: str, folder: str, summary: str) -> dict[str, Any]:
    one, examples = {"$ref": _REF.format(model=model)}, {name: {"value": value} for name, value in _examples(folder).items()}
    body = {"oneOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": 500}]}
    failures = {
        "400": "no usable JSON",
        "401": "no valid token",
        "403": "another site, enterprise, unit or role",
        "408": "the body came too slowly",
    }
    failures |= {"409": "event_id already used", "413": "too large", "415": "other type or encoding", "422": "wrong field"}
    failures |= {"429": "too many posts; Retry-After", "503": "Kafka does not confirm; Retry-After, keep what was posted"}
    problems = {s: _content(d, "application/problem+json", "Problem") for s, d in failures.items()}
    return {
        "summary": summary,
        "security": [{"device": []}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body, "examples": examples}}},
        "responses": {"202": _content("confirmed by Kafka; one result for each", "application/json", "Answer"), **problems},
    }


def _content(description: str, media: str, model: str) -> dict[str, Any]:
    return {"description": description, "content": {media: {"schema": {"$ref": _REF.format(model=model)}}}}


_TEXT = {"type": "string"}
_REASONS = {
    "type": "array",
    "items": {"type": "object", "properties": {"field": _TEXT, "code": _TEXT, "message": _TEXT, "message_zh": _TEXT}},
}
_RESULT = {
    "type": "object",
    "properties": {
        "event_id": {"type": ["string", "null"]},
        "status": {"enum": ["accepted", "duplicate", "rejected"]},
        "flags": {"type": "array", "items": _TEXT},
        "reasons": _REASONS,
    },
}
_ANSWER = {"type": "object", "properties": {"server_time": _TEXT, "results": {"type": "array", "items": _RESULT}}}
_PROBLEM = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("type", "title", "code", "detail", "server_time"), _TEXT),
        "status": {"type": "integer"},
        "reasons": _REASONS,
    },
}
