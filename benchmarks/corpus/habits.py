"""A second seeded corpus: how people write in a hurry. Backwards, said twice, mistyped anywhere, mixed with talk.

As in `generate`, the truth comes from the gazetteer alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from benchmarks.corpus import phrases as say
from benchmarks.corpus.generate import Line, Truth, expected, one_edit
from reference.gazetteer import SHANGQIU, Area, Gazetteer

Make = Callable[[Truth, Area, Random], Line | None]


def _parts(t: Truth, v: Area) -> tuple[str, str, str]:
    """County, township without what the bureau puts before it, village with 村."""
    county, town, stem = t.names(v)
    return county, town.removeprefix(county).removeprefix("商丘市"), stem + "村"


def backwards(t: Truth, v: Area, r: Random) -> Line:
    """From the village to the province, as on an envelope abroad."""
    county, town, village = _parts(t, v)
    tail = r.choice(((), ("商丘市",), ("商丘市", "河南省")))
    return Line("backwards", r.choice(("", " ", "，", "-")).join((village, town, county, *tail)), "ok", v.code)


def county_behind(t: Truth, v: Area, r: Random) -> Line:
    """Township and village first, the county as an afterthought."""
    county, town, village = _parts(t, v)
    return Line(
        "county_behind", f"{town}{village}{r.choice(('，', '(', ' ', ''))}{r.choice(('', '商丘市'))}{county}", "ok", v.code
    )


def with_people(t: Truth, v: Area, r: Random) -> Line:
    """Names, telephone numbers and remarks around the address."""
    text = "".join(_parts(t, v))
    return Line("with_people", r.choice(say.PEOPLE) + text if r.random() < 0.5 else text + r.choice(say.BEHIND), "ok", v.code)


def in_talk(t: Truth, v: Area, r: Random) -> Line:
    """Inside a sentence."""
    return Line("in_talk", r.choice(say.TALK).format("".join(_parts(t, v))), "ok", v.code)


def words_between(t: Truth, v: Area, r: Random) -> Line:
    """Directions and distances between county and township."""
    county, town, village = _parts(t, v)
    return Line(
        "words_between", f"{county}{r.choice(say.BETWEEN)}{town}{r.choice(('', '的', '北边的', '下辖'))}{village}", "ok", v.code
    )


def said_twice(t: Truth, v: Area, r: Random) -> Line:
    """A part of the address written twice."""
    county, town, village = _parts(t, v)
    above = f"河南省商丘市{county}"
    forms = (
        f"{above}{above}{town}{village}",
        f"{above}{town}{town}{village}",
        f"{above}{town}{above}{town}{village}",
        f"{county}{town}{village}{above}{town}{village}",
        f"{county}{town}{village}{village[:-1]}",
        f"{county}{county}{town}{village}",
    )
    return Line("said_twice", r.choice(forms), "ok", v.code)


def _mistyped(t: Truth, text: str, r: Random) -> str:
    """The text with one slip of the keyboard: of the same sound, any other, left out, doubled, misplaced."""
    at, char = r.randrange(len(text)), ""
    kind = r.choice(("sound", "sound", "any", "left out", "doubled", "misplaced"))
    if kind == "left out":
        return text[:at] + text[at + 1 :]
    if kind == "doubled":
        return text[:at] + text[at] + text[at:]
    if kind == "misplaced":
        return text[:at] + text[at : at + 2][::-1] + text[at + 2 :]
    characters = t.gazetteer.characters
    sounds = characters.sounds.get(text[at], frozenset())
    alike = [c for c in sorted(characters.common) if kind == "any" or characters.sounds[c] & sounds]
    char = r.choice(alike or [text[at]])
    return text[:at] + char + text[at + 1 :]


def slip_in_township(t: Truth, v: Area, r: Random) -> Line | None:
    """One slip anywhere in the name or the kind of the township, which must not make another township's name."""
    county, town, village = _parts(t, v)
    if not town.endswith(("镇", "乡", "街道")):
        return None
    wrong = _mistyped(t, town, r)
    others = [o for o in t.townships if o.code[:6] == v.code[:6] and o.code != v.code[:9]]
    if any(one_edit(wrong, o.name) or o.name in wrong for o in others) or any(wrong.startswith(t.stem(o)) for o in others):
        return None
    taken = any(o.name in wrong for o in t.townships if o.code != v.code[:9])
    return None if taken else Line("slip_in_township", f"{county}{wrong}{village}", "ok", v.code)


def slip_in_county(t: Truth, v: Area, r: Random) -> Line | None:
    """One slip in the county; the city, the township and the village are right."""
    county, town, village = _parts(t, v)
    if len(county) != len("夏邑县"):
        return None
    twins = t.township_stems[SHANGQIU, town.rstrip("镇乡街道")]
    wrong = _mistyped(t, county[:-1], r) + county[-1]
    known = any(wrong.endswith(a.name) for a in t.gazetteer.areas.values() if a.level == "county" and a.name != county)
    return (
        None
        if known or len(twins) > 1 or len(wrong) < 3
        else Line("slip_in_county", f"商丘市{wrong}{town}{village}", "ok", v.code)
    )


def slip_in_kind(t: Truth, v: Area, r: Random) -> Line:
    """One slip in what follows the village's name."""
    county, town, village = _parts(t, v)
    return Line("slip_in_kind", f"{county}{town}{village[:-1]}{_mistyped(t, '村委会', r)}", "ok", v.code)


def slip_of_length(t: Truth, v: Area, r: Random) -> Line | None:
    """A character of the village doubled or misplaced; the text is left out where that makes it near to other villages."""
    county, town, village = _parts(t, v)
    stem, at = village[:-1], r.randrange(len(village) - 1)
    wrong = stem[: at + 1] + stem[at:] if r.random() < 0.5 else stem[:at] + stem[at : at + 2][::-1] + stem[at + 2 :]
    others = (name for name in t.stems_in[v.code[:9]] if name != stem)
    clear = (
        wrong != stem
        and len(stem) > len("李庄")
        and not t.by_stem.get((SHANGQIU, wrong))
        and not any(one_edit(wrong, n) for n in others)
    )
    return Line("slip_of_length", f"{county}{town}{wrong}村", "ok", v.code) if clear else None


def odd_head(t: Truth, v: Area, r: Random) -> Line:
    """The city mistyped or repeated."""
    return Line("odd_head", r.choice(say.HEADS) + "".join(_parts(t, v)), "ok", v.code)


def wrong_city(t: Truth, v: Area, r: Random) -> Line:
    """The county of ours under another city: it is the county that counts."""
    return Line("wrong_city", r.choice(say.OTHER_CITIES) + "".join(_parts(t, v)), "ok", v.code)


def journey(t: Truth, v: Area, r: Random) -> Line:
    """Two addresses, the other one outside or in Shangqiu; the words tell which is the destination."""
    away = r.choice([o for o in t.villages if o.code[:6] != v.code[:6]])
    origin = r.choice(say.ELSEWHERE) if r.random() < 0.6 else "".join(_parts(t, away))
    return Line("journey", r.choice(say.JOURNEYS).format(o=origin, h="".join(_parts(t, v))), "ok", v.code)


def undecided(t: Truth, v: Area, r: Random) -> Line:
    """Two addresses and no word that tells which."""
    away = r.choice([o for o in t.villages if o.code[:6] != v.code[:6]])
    text = r.choice(("{}，{}", "{} {}", "{}或{}", "{}、{}")).format("".join(_parts(t, away)), "".join(_parts(t, v)))
    return Line("undecided", text, "ambiguous", SHANGQIU, frozenset({v.code, away.code}))


def named_like_ours(t: Truth, _v: Area, r: Random) -> Line:
    """Elsewhere, at a road or a shop that bears one of our names."""
    cities = [
        a for a in t.gazetteer.areas.values() if a.level in ("city", "county") and a.code[:4] != SHANGQIU and len(a.name) > 2
    ]
    area = r.choice([a for a in cities if "直辖" not in a.name and a.name != "市辖区"])
    return Line("named_like_ours", t.gazetteer.full_name(area.code) + r.choice(say.ROADS), "outside", area.code)


def traditional(t: Truth, v: Area, _r: Random) -> Line:
    """Traditional characters."""
    return Line("traditional", "".join(_parts(t, v)).translate(say.TRADITIONAL), "ok", v.code)


def in_a_zone(t: Truth, v: Area, r: Random) -> Line | None:
    """The villages of the two zones under every name the zones have."""
    if v.code[:6] not in ("411471", "411472"):
        return None
    zone = r.choice(
        ("示范区", "商丘市城乡一体化示范区", "商丘新区", "商丘市新区", "开发区", "商丘市经济开发区", "梁园区", "商丘市睢阳区")
    )
    return Line("in_a_zone", zone + "".join(_parts(t, v)[1:]), "ok", v.code)


def bare_pair(t: Truth, v: Area, r: Random) -> Line:
    """Township and village, the township without its kind, no county."""
    _, _, stem = t.names(v)
    township = t.stem(next(a for a in t.townships if a.code == v.code[:9]))
    possible = {c for street in t.township_stems[SHANGQIU, township] for c in t.by_stem[street, stem]}
    return expected("bare_pair", f"{r.choice(('', '商丘'))}{township}{stem}村", v.code, possible)


def nothing(_t: Truth, _v: Area, r: Random) -> Line:
    """Words that name no place; a bare name borne by many is as good as none."""
    text = r.choice(say.NOTHING)
    return Line("nothing_said", text, "ambiguous" if text == "东关" else "unresolved")


MAKERS: tuple[tuple[Make, int], ...] = (
    (backwards, 150), (county_behind, 150), (with_people, 200), (in_talk, 150), (words_between, 150), (said_twice, 150),
    (slip_in_township, 250), (slip_in_county, 150), (slip_in_kind, 100), (slip_of_length, 150), (odd_head, 100),
    (wrong_city, 100),
    (journey, 250), (undecided, 60), (named_like_ours, 150), (traditional, 80), (in_a_zone, 80), (bare_pair, 150), (nothing, 40),
)  # fmt: skip


def habits(gazetteer: Gazetteer, seed: int = 11) -> Iterator[Line]:
    """About 2,600 lines; the same seed gives the same lines."""
    random, truth = Random(seed), Truth(gazetteer)
    for make, count in MAKERS:
        made = 0
        while made < count:
            line = make(truth, random.choice(truth.villages), random)
            if line is not None:
                made += 1
                yield line
