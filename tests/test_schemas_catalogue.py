"""The published shapes: examples decode and come back equal, JSON Schemas are the models', old versions stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.catalogue import SHAPES
from scripts.build_schemas import FOLDER, render

EXAMPLES = Path(__file__).parent.parent / "schemas" / "examples"
FILES = sorted(EXAMPLES.glob("*/v*/*.json"))
BAD = sorted(EXAMPLES.glob("*/v*/bad/*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parts[-3]}-{f.stem}")
def test_example_decodes_and_encodes_to_an_equal_value(file: Path) -> None:
    _, adapter = SHAPES[file.parts[-3]]
    once = adapter.validate_json(file.read_bytes())
    again = adapter.validate_json(adapter.dump_json(once))
    assert again == once


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_has_an_example_and_the_schema_file_is_current(name: str) -> None:
    version, _ = SHAPES[name]
    assert any(file.parts[-3] == name for file in FILES)
    assert (FOLDER / f"{name}.v{version}.json").read_text("utf-8") == render(name), "run: make schemas"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parts[-3]}-{f.stem}")
def test_example_without_any_one_required_field_is_refused(file: Path) -> None:
    name = file.parts[-3]
    _, adapter = SHAPES[name]
    whole: dict[str, Any] = json.loads(file.read_text("utf-8"))
    schema = json.loads((FOLDER / f"{name}.v1.json").read_text("utf-8"))
    required = schema.get("required") or sorted(set.intersection(*(set(d["required"]) for d in _variants(schema))))
    for field in required:
        with pytest.raises(ValidationError):
            adapter.validate_python({k: v for k, v in whole.items() if k != field})


@pytest.mark.parametrize("name", [name for name in SHAPES if not name.endswith("-post")])
def test_a_newer_writers_field_is_ignored_by_our_readers(name: str) -> None:
    _, adapter = SHAPES[name]
    file = next(file for file in FILES if file.parts[-3] == name)
    whole = json.loads(file.read_text("utf-8"))
    assert adapter.validate_python(whole | {"field_of_version_2": 1}) == adapter.validate_python(whole)


@pytest.mark.parametrize("file", BAD, ids=lambda f: f"{f.parts[-4]}-{f.stem}")
def test_a_bad_example_is_refused_for_what_it_is_named_after(file: Path) -> None:
    _, adapter = SHAPES[file.parts[-4]]
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python(json.loads(file.read_text("utf-8")))
    assert [error["type"] for error in refused.value.errors()] == [file.stem]


def _variants(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [schema["$defs"][variant["$ref"].rpartition("/")[2]] for variant in schema["oneOf"]]
