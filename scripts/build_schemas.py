"""Writes the JSON Schemas of the present versions into `schemas/versions`; `make schemas` runs it, a test compares."""

from __future__ import annotations

import json
from pathlib import Path

from schemas.catalogue import SHAPES, json_schema

FOLDER = Path(__file__).parent.parent / "schemas" / "versions"


def render(name: str) -> str:
    """The schema file's content."""
    return json.dumps(json_schema(name), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    """Writes every file."""
    for name, (version, _) in SHAPES.items():
        (FOLDER / f"{name}.v{version}.json").write_text(render(name), "utf-8")


if __name__ == "__main__":
    main()
