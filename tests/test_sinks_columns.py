"""The check of records: what fits goes on as it came, every misfit is set apart, never a neighbour with it."""

from __future__ import annotations

from typing import Any, get_args, get_origin

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from schemas.arrival import Alert, Arrival
from schemas.dead_letter import DeadLetter
from schemas.duplicate import Duplicate
from schemas.unit_action import UnitAction
from sinks.columns import Columns, Raw
from sinks.tables import ALERTS, ARRIVALS, DEAD_LETTERS, DUPLICATES, UNIT_ACTIONS, Column, Sink
from tests.sinks_kit import COLUMNS, arrivals, raw

MODELS: list[tuple[Sink, type[BaseModel]]] = [
    (ARRIVALS, Arrival),
    (ALERTS, Alert),
    (DEAD_LETTERS, DeadLetter),
    (DUPLICATES, Duplicate),
    (UNIT_ACTIONS, UnitAction),
]


def test_a_record_goes_on_as_it_came() -> None:
    records = [raw(document, n, 2) for n, document in enumerate(arrivals(30))]
    made = COLUMNS.batch(records)
    assert (made.partitions, made.offsets) == ([2] * 30, list(range(30)))
    assert made.values == [record[3] for record in records]
    assert (made.rows, made.poison) == (30, [])


def without(document: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != field}


GOOD = arrivals(1)[0]
BAD: dict[str, bytes | None] = {
    "empty": None,
    "no json": b"{",
    "a list": b"[]",
    "null": b"null",
    "no version": orjson.dumps(without(GOOD, "version")),
    "later version": orjson.dumps(GOOD | {"version": 2}),
    "no unit": orjson.dumps(without(GOOD, "unit")),
    "no person": orjson.dumps(without(GOOD, "person")),
    "no person key": orjson.dumps(GOOD | {"person": without(GOOD["person"], "key")}),
    "person is text": orjson.dumps(GOOD | {"person": "x"}),
    "risk is a number": orjson.dumps(GOOD | {"risk": 5}),
    "unit is null": orjson.dumps(GOOD | {"unit": None}),
    "negative revision": orjson.dumps(GOOD | {"revision": -1}),
    "boolean revision": orjson.dumps(GOOD | {"revision": True}),
    "temperature is text": orjson.dumps(GOOD | {"temperature_c": "36.5"}),
    "impossible temperature": orjson.dumps(GOOD | {"temperature_c": 1e9}),
    "naive time": orjson.dumps(GOOD | {"occurred_at": "2020-02-18T08:30:15.250"}),
    "hour 25": orjson.dumps(GOOD | {"occurred_at": "2020-02-18T25:30:15.250+08:00"}),
    "second 61": orjson.dumps(GOOD | {"occurred_at": "2020-02-18T08:30:61.250+08:00"}),
    "day as number": orjson.dumps(GOOD | {"arrived_on": 20200218}),
    "day the driver writes as 1970": orjson.dumps(GOOD | {"arrived_on": "2200-01-01"}),
    "no uuid": orjson.dumps(GOOD | {"event_id": "x" * 36}),
    "two uuids": orjson.dumps(GOOD | {"event_id": GOOD["event_id"] * 2}),
    "stays is null": orjson.dumps(GOOD | {"stays": None}),
    "stay without days": orjson.dumps(GOOD | {"stays": [{"code": "420100"}]}),
    "symptoms is text": orjson.dumps(GOOD | {"symptoms": "cough"}),
    "symptom is a number": orjson.dumps(GOOD | {"symptoms": [1]}),
    "score beyond its column": orjson.dumps(GOOD | {"destination": GOOD["destination"] | {"score": 1e300}}),
    "year the engine clamps": orjson.dumps(GOOD | {"occurred_at": "1066-10-14T09:00:00.000+00:00"}),
    "bytes that are no text": orjson.dumps(GOOD | {"unit": "x"}).replace(b'"x"', b'"\xff"'),
    "half a surrogate": orjson.dumps(GOOD | {"unit": "x"}).replace(b'"x"', b'"\\ud800"'),
    "birth year too large": orjson.dumps(GOOD | {"person": GOOD["person"] | {"birth_year": 70_000}}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_misfit_stands_alone_between_its_neighbours(name: str) -> None:
    records: list[Raw] = [raw(document, n) for n, document in enumerate(arrivals(40))]
    records[23] = (0, 23, 0, BAD[name])
    made = COLUMNS.batch(records)
    assert [misfit.record[1] for misfit in made.poison] == [23]
    assert made.offsets == [n for n in range(40) if n != 23]
    assert len(made.values) == len(made.partitions) == 39


@pytest.mark.parametrize(
    ("document", "reason", "detail"),
    [
        (GOOD | {"person": GOOD["person"] | {"name_masked": 4711}}, "field_type", "person.name_masked"),
        (GOOD | {"event_id": "4711"}, "field_type", "event_id"),
        (GOOD | {"revision": -4711}, "field_type", "revision"),
        (GOOD | {"arrived_on": "2171-01-01"}, "field_type", "arrived_on"),
        (GOOD | {"stays": [{"code": "420100", "from_day": "4711", "to_day": "2020-02-17"}]}, "field_type", "stays[0].from_day"),
        (GOOD | {"person": without(GOOD["person"], "key")}, "field_missing", "person.key"),
        (without(GOOD, "unit"), "field_missing", "The field unit"),
        (without(GOOD, "unit") | {"version": 4711}, "unknown_version", "version 1"),
    ],
)
def test_a_misfit_is_described_without_its_values(document: dict[str, Any], reason: str, detail: str) -> None:
    misfit = COLUMNS.batch([raw(document)]).poison[0]
    assert misfit.reason == reason
    assert detail in misfit.detail
    assert "4711" not in misfit.detail


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 299)), st.sampled_from(sorted(set(BAD) - {"empty"})))
def test_rows_and_misfits_add_up(bad: set[int], kind: str) -> None:
    good = orjson.dumps(GOOD)
    made = COLUMNS.batch([(0, n, 0, BAD[kind] if n in bad else good) for n in range(300)])
    assert sorted(misfit.record[1] for misfit in made.poison) == sorted(bad)
    assert made.offsets == [n for n in range(300) if n not in bad]


@pytest.mark.parametrize(("sink", "model"), MODELS, ids=lambda value: getattr(value, "topic", ""))
def test_every_declared_field_exists_in_the_model_and_is_optional_where_it_may_be_null(
    sink: Sink, model: type[BaseModel]
) -> None:
    for declared in sink.columns:
        if not declared.field.startswith("@"):
            annotation, nullable = _resolve(model, declared)
            assert annotation is not None, f"{declared.field} is not a field of {model.__name__}"
            assert declared.optional or not nullable, f"{declared.field} may be null but {declared.name} is not optional"


@pytest.mark.parametrize(("sink", "model"), MODELS, ids=lambda value: getattr(value, "topic", ""))
def test_every_field_of_the_model_has_a_column(sink: Sink, model: type[BaseModel]) -> None:
    roots = {column.field.partition(".")[0].removesuffix("[]") for column in sink.columns}
    assert set(model.model_fields) - roots == {"version"}


def test_records_of_every_sink_convert() -> None:
    letter = {
        "version": 1,
        "dead_letter_id": "x",
        "stage": "sink",
        "reason": "r",
        "detail": "d",
        "recorded_at": "2020-02-18T00:00:00.000+08:00",
    }
    letter |= {"key_id": "2020-02-18", "payload_sealed": "s", "payload_bytes": 3}
    made = Columns(DEAD_LETTERS).batch([raw(letter)])
    assert (made.rows, made.poison) == (1, [])


def _resolve(model: type[BaseModel], declared: Column) -> tuple[Any, bool]:
    """The annotation of a declared field, and whether it or an object above it may be null."""
    annotation: Any = model
    nullable = False
    for name in declared.field.replace("[]", "").split("."):
        models = [part for part in _parts(annotation) if isinstance(part, type) and issubclass(part, BaseModel)]
        if not models or name not in models[0].model_fields:
            return None, False
        annotation = models[0].model_fields[name].annotation
        nullable = nullable or type(None) in get_args(annotation)
    return annotation, nullable


def _parts(annotation: Any) -> list[Any]:
    if get_origin(annotation) is None:
        return [annotation]
    return [part for inner in get_args(annotation) for part in _parts(inner)]
