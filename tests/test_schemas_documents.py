"""Identity documents: what is normalised, what is flagged, and that nothing is ever refused (T49)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_11_2

from schemas.documents import _checksum_flags, normalise_number, read_document

TODAY = date(2020, 2, 18)
KINDS = ("resident_id", "hk_macao_permit", "taiwan_permit", "residence_permit", "foreign_permanent", "passport", "other")


def with_check(digits: str) -> str:
    return digits + str(mod_11_2.calc_check_digit(digits))


def test_one_number_in_many_spellings() -> None:
    spellings = [
        "41142619900101123x",
        "４１１４２６１９９００１０１１２３Ｘ",
        " 411426 1990-0101·123X ",
        "\u202a41142619900101\u200b123X\u202c",
    ]
    assert {normalise_number(text) for text in spellings} == {"41142619900101123X"}


@pytest.mark.parametrize(
    ("number", "flags", "year"),
    [
        (with_check("41142619900101001"), (), 1990),
        (with_check("41232719650203004"), (), 1965),  # 412327, the prefecture of before 1997
        ("411426199001010010"[:-1] + "9", ("id_invalid",), 1990),
        ("411426650203001", ("id_old_style",), 1965),
        ("411426651303001", ("id_invalid",), None),
        (with_check("41142619900230001"), ("id_invalid",), None),
        (with_check("41142618991231001"), ("id_invalid",), None),
        (with_check("41142620200219001"), ("id_invalid",), None),
        (with_check("99142619900101001"), ("id_unknown_prefix",), 1990),
        ("1" * 18, ("id_invalid",), None),
        ("٤١١٤٢٦١٩٩٠٠١٠١٠٠١٠", ("id_invalid",), None),
        ("411426", ("id_invalid",), None),
        ("---", ("id_invalid",), None),
    ],
)
def test_a_resident_number_is_checked_not_refused(number: str, flags: tuple[str, ...], year: int | None) -> None:
    document = read_document("resident_id", number, TODAY)
    assert (document.flags, document.birth_year) == (flags, year)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("hk_macao_permit", "H12345678", "X12345678"),
        ("hk_macao_permit", "M1234567800", "M123456780"),
        ("taiwan_permit", "12345678", "1234567"),
        ("taiwan_permit", "1234567890A", "1234567890"),
        ("residence_permit", with_check("81000019900101001"), "810000199001010018"),
        ("foreign_permanent", "CAN110012345678", "CA1100123456789"),
        ("passport", "e12345678", "E1"),
        ("other", "ABC-123", "无"),
    ],
)
def test_other_documents_by_their_pattern(kind: str, good: str, bad: str) -> None:
    assert read_document(kind, good, TODAY).flags == ()
    assert read_document(kind, bad, TODAY).flags == ("id_invalid",)


@pytest.mark.parametrize("text", ["无", "0000", "", "**", "xx"])
def test_a_placeholder_number_is_flagged_since_it_would_make_many_people_one(text: str) -> None:
    assert "id_invalid" in read_document("other", text, TODAY).flags


def test_a_short_number_shows_nothing_of_itself() -> None:
    assert read_document("passport", "E12345", TODAY).last4 == ""
    assert read_document("passport", "E1234567", TODAY).last4 == "4567"


@given(st.sampled_from(KINDS), st.text(max_size=40))
def test_whatever_is_typed_gives_a_document(kind: str, text: str) -> None:
    document = read_document(kind, text, TODAY)
    assert normalise_number(document.number) == document.number
    assert document.birth_year is None or 1900 <= document.birth_year <= TODAY.year
    assert len(document.last4) in (0, 4)


@given(st.dates(date(1900, 1, 1), TODAY), st.integers(0, 999))
def test_every_valid_number_passes(born: date, order: int) -> None:
    number = with_check(f"411426{born:%Y%m%d}{order:03d}")
    assert read_document("resident_id", number, TODAY).flags == ()


@given(st.text("0123456789", min_size=17, max_size=17), st.sampled_from("0123456789X"))
def test_the_check_digit_is_that_of_iso_7064(digits: str, check: str) -> None:
    assert _checksum_flags(digits + check) == (() if mod_11_2.is_valid(digits + check) else ("id_invalid",))
