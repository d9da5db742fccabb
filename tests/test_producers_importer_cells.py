"""Single cells as people and spreadsheet programs write them: read, or refused with a reason, never made up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.importer.cells import Cell, read_day, read_moment, read_number, read_temperature, show
from producers.importer.columns import COLUMNS, LAYOUTS, plain_heading, recognise
from producers.importer.faults import FAULTS
from producers.importer.rejects import protect, unprotect
from producers.importer.words import guess_document, symptoms
from schemas.base import LOCAL
from schemas.errors import Reason, Rejected


def code_of(call: Any, *arguments: Any) -> str:
    with pytest.raises(Rejected) as error:
        call(*arguments)
    assert error.value.reasons[0].code in FAULTS
    return error.value.reasons[0].code


@pytest.mark.parametrize(
    ("cell", "degrees"),
    [
        *((36.5, 36.5), ("36.5℃", 36.5), ("36,5", 36.5), ("36.5°C", 36.5), ("３６．５", 36.5), ("36.5 度", 36.5), (37, 37.0)),
        *(("", None), ("无", None), ("未测", None), ("/", None), ("N/A", None), ("0", 0.0), ("365", 365.0), ("98.6", 98.6)),
    ],
)
def test_temperatures(cell: Cell, degrees: float | None) -> None:
    assert read_temperature(cell, "temperature_c") == degrees


@pytest.mark.parametrize("cell", ["三十六度五", "36.5.1", "高", True, "36.5F", "#N/A"])
def test_what_is_no_temperature_becomes_a_reason_and_never_a_number(cell: Cell) -> None:
    assert code_of(read_temperature, cell, "temperature_c") in ("temperature_unreadable", "formula_error")


@pytest.mark.parametrize("cell", [4.11426199001e17, 411426199001011234, "4.11426E+17", "4.11E+17", "411426199001011000"])
def test_id_numbers_that_lost_digits_are_refused(cell: Cell) -> None:
    assert code_of(read_number, cell, "document_number") == "number_rounded"


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        *(("411426196501011235", "411426196501011235"), (411426650101123, "411426650101123"), (13800138000.0, "13800138000")),
        *(("13800138000.0", "13800138000"), (" E12345678 ", "E12345678"), ("41142619650101123x", "41142619650101123x")),
    ],
)
def test_numbers(cell: Cell, number: str) -> None:
    assert read_number(cell, "document_number") == number


@pytest.mark.parametrize(
    "cell",
    [
        *("2020-02-18", "2020/2/18", "2020.2.18", "2020年2月18日", "20200218", "２０２０－０２－１８", 43879, 43879.0, "43879"),
        *(date(2020, 2, 18), datetime(2020, 2, 18, 9, 12)),  # noqa: DTZ001
    ],
)
def test_days(cell: Cell) -> None:
    assert read_day(cell, "service_date") == date(2020, 2, 18)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        *(("2月18日", "date_without_year"), ("02-18", "date_without_year"), ("昨天", "date_unreadable")),
        *(("2020-02-30", "date_unreadable"), ("18", "date_unreadable"), ("99999", "date_unreadable"), (1, "date_unreadable")),
    ],
)
def test_a_day_is_never_guessed(cell: Cell, code: str) -> None:
    assert code_of(read_day, cell, "service_date") == code


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        *(("2020-02-18 08:30", None), ("2020年2月18日 8时30分", None), ("2020/2/18 8:30:00", None), (43879.354166667, None)),
        *(("2020-02-18T08:30:00+08:00", None), ("2020-02-18T00:30:00Z", None), (datetime(2020, 2, 18, 8, 30), None)),  # noqa: DTZ001
        *((time(8, 30), date(2020, 2, 18)), ("8:30", date(2020, 2, 18)), (timedelta(hours=8.5), date(2020, 2, 18))),
    ],
)
def test_moments(cell: Cell, day: date | None) -> None:
    moment = read_moment(cell, day, "arrived_at")
    assert moment is not None
    assert abs(moment - datetime(2020, 2, 18, 8, 30, tzinfo=LOCAL)) < timedelta(seconds=1)


@pytest.mark.parametrize("cell", ["8:30", time(8, 30), "2020-02-18", timedelta(hours=8)])
def test_a_moment_without_day_or_time_is_missing(cell: Cell) -> None:
    assert read_moment(cell, None, "arrived_at") is None


@pytest.mark.parametrize("cell", ["2020-02-18 25:00", "2020-02-18 八点", "2020-02-18T99:00", timedelta(hours=30), timedelta(-1)])
def test_times_that_are_none(cell: Cell) -> None:
    assert code_of(read_moment, cell, date(2020, 2, 18), "arrived_at") == "time_unreadable"


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.dates(), st.datetimes(), st.timedeltas(), st.times()))
def test_no_cell_breaks_a_reader(cell: Cell) -> None:
    for read in (read_temperature, read_day, read_number, lambda c, f: read_moment(c, date(2020, 2, 18), f)):
        assert reasons_of(read, cell) != (), "a refused cell says why"


def reasons_of(read: Callable[[Cell, str], object], cell: Cell) -> tuple[Reason, ...] | None:
    """Why a reader refuses a cell; None when it does not. Anything but Rejected goes through and fails the test."""
    try:
        read(cell, "field")
    except Rejected as error:
        return error.reasons
    return None


@given(st.text(max_size=20))
def test_protection_against_formulas_is_taken_off_again(text: str) -> None:
    assert unprotect(protect(text)) == text
    assert not protect(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        *(("姓 名", "name"), ("证件号码*", "document_number"), ("体温(℃)", "temperature_c"), ("体温(℃)", "temperature_c")),
        *(("联系电话:", "phone"), ("ID Number", "document_number"), ("现住址", "destination"), ("来源地", "origin")),
    ],
)
def test_headings(heading: str, field: str) -> None:
    assert recognise([heading], "checkpoint") == {0: field}


def test_a_heading_means_one_field_in_each_kind_of_list() -> None:
    for kind, layout in LAYOUTS.items():
        names: dict[str, str] = {}
        for field in layout.columns:
            for name in (COLUMNS[field].heading, *COLUMNS[field].synonyms.split()):
                assert names.setdefault(plain_heading(name), field) == field, (kind, name)
    assert recognise(["日期"], "rail-manifest") == {0: "service_date"}
    assert recognise(["日期"], "checkpoint") == {0: "arrived_on"}


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        *(("411426196501011235", "resident_id"), ("41142619650101123x", "resident_id"), ("411426650101123", "resident_id")),
        *(("H12345678", "hk_macao_permit"), ("12345678", "taiwan_permit"), ("E12345678", "passport"), ("军字第001号", "other")),
    ],
)
def test_documents_are_told_by_their_number(number: str, kind: str) -> None:
    assert guess_document(number) == kind


def test_symptoms() -> None:
    assert symptoms("发烧、咳嗽") == ["cough", "fever"]
    assert symptoms("无") == []
    assert code_of(symptoms, "头疼欲裂") == "word_unknown"


def test_numbers_are_shown_as_people_see_them() -> None:
    assert show(13800138000.0) == "13800138000"
    assert show(36.5) == "36.5"
    assert "E+17" in show(4.11426199001e17)
