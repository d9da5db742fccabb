"""The resolver against its labelled corpus, the traps that broke others, and what must hold for any address."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.corpus.generate import generate
from benchmarks.corpus.habits import habits
from benchmarks.corpus.handwritten import handwritten
from benchmarks.corpus.judge import judge, report
from benchmarks.resolver import totals
from reference.gazetteer import Area, Gazetteer, load_gazetteer
from reference.resolver import CustomUnit, Resolver, resolve_lines

CITY = "4114"


@cache
def gazetteer() -> Gazetteer:
    return load_gazetteer()


@cache
def resolver() -> Resolver:
    return Resolver(gazetteer())


@cache
def villages() -> tuple[Area, ...]:
    return tuple(gazetteer().below(CITY, "village"))


def test_the_gazetteer_is_complete() -> None:
    assert len(gazetteer().children(CITY)) == 11
    assert len(tuple(gazetteer().below(CITY, "township"))) == 197
    assert len(villages()) == 4_830
    assert gazetteer().area_name("411402001004") == "福逯社区居委会"


def test_the_corpora_are_resolved_as_well_as_promised() -> None:
    lines = [*generate(gazetteer()), *habits(gazetteer()), *handwritten(gazetteer())]
    assert len(lines) >= 3_000
    tallies = judge((line, resolver().resolve(line.text)) for line in lines)
    reached = totals(tallies)
    told = report(tallies)
    assert reached["county_right"] >= 0.995, told
    assert reached["township_right"] >= 0.985, told
    assert reached["village_right"] >= 0.95, told
    assert reached["confident_wrong"] <= 0.001, told
    weak = {kind for kind, tally in tallies.items() if tally.lines >= 50 and tally.right / tally.lines < 0.95}
    assert not weak, told


@pytest.mark.parametrize("text", ["假县", "同上", "无", "null", "", "   ", "某地", "123", "县", "村", "睢阳大道", "北京路12号"])
def test_what_names_no_place_routes_nobody(text: str) -> None:
    answer = resolver().resolve(text)
    assert answer.status in ("unresolved", "ambiguous")
    assert answer.unit is None or len(answer.unit) <= len(CITY)


@pytest.mark.parametrize("text", ["北京市朝阳区", "江苏省徐州市丰县", "安徽省亳州市谯城区", "湖北省武汉市江汉区"])
def test_a_place_elsewhere_is_outside(text: str) -> None:
    assert resolver().resolve(text).status == "outside"


def test_a_named_township_wins_over_a_village_that_lies_elsewhere() -> None:
    answer = resolver().resolve("夏邑县车站镇火店村")
    assert answer.street_code is not None
    assert gazetteer().area_name(answer.street_code) == "车站镇"
    assert answer.village_code is None
    assert answer.mismatch is not None


@settings(max_examples=200, deadline=None)
@given(index=st.integers(0, 4_829), prefix=st.sampled_from(["河南省", "河南省商丘市", "商丘市", "河南商丘", "中国河南省商丘市"]))
def test_a_province_or_city_in_front_changes_nothing(index: int, prefix: str) -> None:
    chain = gazetteer().chain(villages()[index].code)
    text = "".join(area.name for area in chain if len(area.code) > len(CITY))
    assert resolver().resolve(prefix + text).unit == resolver().resolve(text).unit


LEVELS = st.integers(0, 4_829).map(lambda index: [area.name for area in gazetteer().chain(villages()[index].code)[2:]])


@settings(max_examples=200, deadline=None)
@given(names=LEVELS)
def test_a_more_exact_text_never_routes_to_a_worse_level(names: list[str]) -> None:
    county, town, village = names
    units = [resolver().resolve(text).unit or "" for text in (county, county + town, county + town + village)]
    assert [len(unit) for unit in units] == [6, 9, 12]
    assert units[2].startswith(units[1])
    assert units[1].startswith(units[0])


@settings(max_examples=200, deadline=None)
@given(names=LEVELS, noise=st.text(alphabet="。，、 -（）/\u3000·“”:;\t\u200b", min_size=1, max_size=3))
def test_punctuation_and_blanks_change_nothing(names: list[str], noise: str) -> None:
    assert resolver().resolve(noise.join(names)).unit == resolver().resolve("".join(names)).unit


@settings(max_examples=200, deadline=None)
@given(names=LEVELS, county=st.sampled_from(["假县", "某县", "丙丁市", "子虚区"]))
def test_a_county_nobody_knows_is_never_ours(names: list[str], county: str) -> None:
    """Not even with a township and a village of ours behind it: they are candidates."""
    town = names[1].removeprefix(names[0]).removeprefix("商丘市")
    assert resolver().resolve(county + town + names[2]).status in ("ambiguous", "unresolved")
    assert resolver().resolve(county).unit is None


@settings(max_examples=200, deadline=None)
@given(text=st.one_of(st.text(max_size=40), st.text(alphabet="县镇乡村庄李张夏邑永城商丘市东西假", max_size=9)))
def test_an_unknown_place_is_visible_to_nobody_below_the_city(text: str) -> None:
    """Where nothing firm is said no unit is named that the text does not hold; the desk of the site's county gets it."""
    answer = resolver().resolve(text)
    if answer.status in ("unresolved", "outside"):
        assert (answer.unit, answer.county_code, answer.street_code, answer.village_code) == (None, None, None, None)
    if answer.status == "ambiguous":
        assert answer.candidates


def test_custom_units_are_found_below_what_was_read() -> None:
    village = "411426110209"
    own = CustomUnit(f"{village}-1", village, "小赵庄")
    compound = CustomUnit("411426100-7", "411426100", "金色家园小区", ("金色家园",))
    custom = Resolver(gazetteer(), (own, compound))
    assert custom.resolve("夏邑县火店镇前赵庄村小赵庄").unit == own.unit
    assert custom.resolve("夏邑县金色家园3号楼2单元").unit == compound.unit
    assert custom.resolve("武汉市江汉区金色家园3号楼").unit is None


def test_lines_are_answered_one_by_one_in_the_form_of_the_command() -> None:
    first, empty = resolve_lines(resolver(), ["夏邑县车站镇杏园村\r\n", "\n"])
    assert list(first) == ["text", "status", "county_code", "street_code", "village_code", "unit", "score", "candidates"]
    assert (first["text"], first["status"], first["street_code"]) == ("夏邑县车站镇杏园村", "ok", "411426105")
    assert (empty["text"], empty["status"], empty["unit"]) == ("", "unresolved", None)


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_is_answered_and_what_is_answered_exists(text: str) -> None:
    answer = resolver().resolve(text)
    assert 0 <= answer.score <= 1
    assert answer.unit is None or gazetteer().known(answer.unit)
