"""Records to columns: every value where the declaration says, every misfit set apart, never a neighbour with it."""

from __future__ import annotations

from datetime import date
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


def column(batch_columns: list[list[Any]], name: str) -> list[Any]:
    return batch_columns[COLUMNS.names.index(name)]


def test_values_land_in_their_columns() -> None:
    document = arrivals(1)[0] | {
        "occurred_at": "2020-02-18T08:30:15.250+08:00",
        "temperature_c": 37.3,
        "vehicle": None,
        "rail": {"train": "K1235", "train_pair": "K1234", "service_date": "2020-02-17", "coach": "3", "seat": None},
        "stays": [{"code": None, "from_day": "2020-02-05", "to_day": "2020-02-17"}],
        "findings": [{"rule": "fever", "evidence": {"limit": 37.3}}],
    }
    made = COLUMNS.batch([raw(document, 41, 2)])
    expected = {
        "event_id": document["event_id"],
        "occurred_at": 1_581_985_815_250,
        "temperature_c": 37.3,
        "plate_region": "",
        "train": "K1235",
        "seat": "",
        "from_station": "",
        "service_date": date(2020, 2, 17),
        "stay_codes": [""],
        "stay_from": [date(2020, 2, 5)],
        "rules": ["fever"],
        "findings": '[{"rule":"fever","evidence":{"limit":37.3}}]',
        "kafka_partition": 2,
        "kafka_offset": 41,
    }
    assert {name: column(made.columns, name)[0] for name in expected} == expected
    assert made.poison == []


def test_a_missing_temperature_stays_missing() -> None:
    documents = [document | {"temperature_c": None} for document in arrivals(2)]
    del documents[1]["temperature_c"]
    assert column(COLUMNS.batch([raw(d) for d in documents]).columns, "temperature_c") == [None, None]


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2020-02-18T08:30:15.250+08:00", 1_581_985_815_250),
        ("2020-02-18T00:30:15.250+00:00", 1_581_985_815_250),
        ("2020-02-18T00:30:15.25Z", 1_581_985_815_250),
        ("2020-02-18T08:30:15+08:00", 1_581_985_815_000),
    ],
)
def test_an_instant_is_milliseconds_however_it_is_written(text: str, milliseconds: int) -> None:
    made = COLUMNS.batch([raw(arrivals(1)[0] | {"occurred_at": text})])
    assert column(made.columns, "occurred_at") == [milliseconds]


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
    "birth year too large": orjson.dumps(GOOD | {"person": GOOD["person"] | {"birth_year": 70_000}}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_misfit_stands_alone_between_its_neighbours(name: str) -> None:
    records: list[Raw] = [raw(document, n) for n, document in enumerate(arrivals(40))]
    records[23] = (0, 23, 0, BAD[name])
    made = COLUMNS.batch(records)
    assert [misfit.record[1] for misfit in made.poison] == [23]
    assert column(made.columns, "kafka_offset") == [n for n in range(40) if n != 23]
    assert {len(values) for values in made.columns} == {39}


def test_a_misfit_is_described_without_its_values() -> None:
    made = COLUMNS.batch([raw(GOOD | {"person": GOOD["person"] | {"name_masked": 4711}})])
    assert (made.poison[0].reason, "4711" in made.poison[0].detail) == ("field_type", False)
    assert "person.name_masked" in made.poison[0].detail


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 299)), st.sampled_from(sorted(set(BAD) - {"empty"})))
def test_rows_and_misfits_add_up(bad: set[int], kind: str) -> None:
    good = orjson.dumps(GOOD)
    made = COLUMNS.batch([(0, n, 0, BAD[kind] if n in bad else good) for n in range(300)])
    assert sorted(misfit.record[1] for misfit in made.poison) == sorted(bad)
    assert column(made.columns, "kafka_offset") == [n for n in range(300) if n not in bad]


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
