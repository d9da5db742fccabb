"""The resolver against its labelled corpus, the traps that broke others, and what must hold for any address."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.corpus.generate import generate
from benchmarks.corpus.handwritten import handwritten
from benchmarks.corpus.judge import judge, report
from benchmarks.resolver import totals
from reference.gazetteer import Area, Gazetteer, load_gazetteer
from reference.resolver import Resolver

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


def test_the_corpus_is_resolved_as_well_as_promised() -> None:
    lines = [*generate(gazetteer()), *handwritten(gazetteer())]
    assert len(lines) >= 3_000
    tallies = judge((line, resolver().resolve(line.text)) for line in lines)
    reached = totals(tallies)
    told = report(tallies)
    assert reached["county_right"] >= 0.995, told
    assert reached["township_right"] >= 0.985, told
    assert reached["village_right"] >= 0.95, told
    assert reached["confident_wrong"] <= 0.001, told


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


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_is_answered_and_what_is_answered_exists(text: str) -> None:
    answer = resolver().resolve(text)
    assert 0 <= answer.score <= 1
    assert answer.unit is None or gazetteer().known(answer.unit)
