"""Names: kept verbatim elsewhere; here the display form, the mask and the flags (T50)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.names import display_name, mask_name, name_flags, read_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("张三", "张三"),
        ("𠮷野", "𠮷野"),
        ("\u202e张三\u202c", "张三"),
        ("张\u200b三", "张三"),
        ("葛\U000e0100城", "葛城"),
        ("Ａｌｉｃｅ", "Alice"),
        ("Mary\t\n Major", "Mary Major"),
        ("\x1b[31m张三", "[31m张三"),
        ("阿卜杜・热合曼", "阿卜杜·热合曼"),
        ("阿卜杜‧热合曼", "阿卜杜·热合曼"),
        ("\ufeff", ""),
    ],
)
def test_display_form(name: str, shown: str) -> None:
    assert display_name(name) == shown


@pytest.mark.parametrize(
    ("name", "mask"),
    [("张三", "张*"), ("欧阳建国", "欧***"), ("Mary Major", "M***"), ("张", "张*"), ("\u200b", "*"), ("𠮷野家", "𠮷**")],
)
def test_mask(name: str, mask: str) -> None:
    assert mask_name(name) == mask


@pytest.mark.parametrize(
    "name",
    [
        "张三".encode().decode("gbk"),
        "李建国".encode().decode("gbk", "replace"),
        "李建国".encode().decode("gbk", "replace").replace("\ufffd", "?"),
        "张三".encode().decode("latin-1"),
        "张三".encode("gbk").decode("latin-1"),
        "锟斤拷",
        "张\ufffd",
    ],
)
def test_broken_encodings_are_flagged(name: str) -> None:
    assert "name_mojibake" in name_flags(name)


@pytest.mark.parametrize(
    "name", ["张三", "璐瑾", "璐冰", "Müller", "Zoë", "José Ángel", "Анна", "Ελένη", "阿卜杜·热合曼", "𠮷野", "👪"]
)
def test_honest_names_have_no_flag(name: str) -> None:
    assert name_flags(name) == ()


@pytest.mark.parametrize("name", ["M\u0430ry", "\u0410三", "\u039ca"])
def test_letters_of_another_alphabet_among_ours_are_flagged(name: str) -> None:
    assert name_flags(name) == ("name_confusable",)


@pytest.mark.parametrize("name", ["无", "null", "NULL", " 未知 ", "同上", "-", "\u200b", "   "])
def test_placeholders_are_flagged(name: str) -> None:
    assert name_flags(name) == ("name_placeholder",)


@given(st.text(min_size=1, max_size=200))
def test_whatever_is_written_shows_nothing_hidden(name: str) -> None:
    shown = display_name(name)
    assert not any(unicodedata.category(c) in ("Cc", "Cf") for c in shown)
    assert len(mask_name(name)) <= 4
    name_flags(name)


@given(st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=2, max_size=4))
def test_every_chinese_name_read_as_gbk_is_noticed(name: str) -> None:
    """What two even counts of bytes survive: names of two and four characters."""
    try:
        wrong = name.encode().decode("gbk")
    except UnicodeError:
        return
    assert "name_mojibake" in name_flags(wrong)


_HANZI = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)
_TELLING = st.sampled_from(["寮犱笁", "锟斤拷", "无名", "测试"])


@given(st.text(_HANZI, min_size=1, max_size=12) | _TELLING | st.text(min_size=1, max_size=12))
def test_the_short_way_for_usual_names_finds_what_the_long_one_does(name: str) -> None:
    assert read_name(name) == (display_name(name), mask_name(name), name_flags(name))
