"""Every versioned shape we publish or accept, by name: what JSON Schemas, examples and compatibility are checked over."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from schemas.checkin import CHECKIN
from schemas.scan import SCAN
from schemas.topics import TOPICS

#: The present version of every shape. Those named `-post` are what devices post, the others record values of topics.
SHAPES: dict[str, tuple[int, TypeAdapter[Any]]] = {
    "scan-post": (1, SCAN),
    "checkin-post": (1, CHECKIN),
    **{topic.name: (1, topic.model) for topic in TOPICS},
}


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a shape as it is on the wire."""
    version, adapter = SHAPES[name]
    schema = adapter.json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:checkpoint-arrivals:{name}:{version}",
        "title": f"{name} version {version}",
        **{key: value for key, value in schema.items() if key != "title"},
    }
