"""A seeded corpus of addresses as people write them, each with the class of its difficulty and where it truly is.

What a text holds is worked out from the gazetteer alone, not with the resolver: a class names how the text was made,
`code` the deepest
place it tells, and `candidates` what it may be where it tells no single one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from reference.gazetteer import SHANGQIU, Area, Gazetteer
from reference.naming import stem_of_township, stem_of_village

KINDS = ("村", "村委会", "村民委员会", "行政村")
HOUSES = ("", "", "", "12号", "3组", "第二村民组", "东头", "5号楼2单元301", "一队", "幸福小区3号楼", "建设路18号")
OUTSIDE_TAILS = ("", "", "城关镇张庄村", "王集镇", "李集镇刘楼村", "商丘路12号", "人民路8号", "张庄", "城郊乡")


@dataclass(frozen=True, slots=True)
class Line:
    """One labelled text. `code` is the deepest place the text tells ('' for none); `candidates` are for `ambiguous`."""

    kind: str
    text: str
    status: str
    code: str = ""
    candidates: frozenset[str] = frozenset()


class Truth:
    """The gazetteer turned round: which villages bear a stem, in a township, a county, the city."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self.gazetteer = gazetteer
        self.villages = tuple(gazetteer.below(SHANGQIU, "village"))
        self.townships = tuple(gazetteer.below(SHANGQIU, "township"))
        self.by_stem: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.stems_in: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.township_stems: dict[tuple[str, str], set[str]] = defaultdict(set)
        for village in self.villages:
            for area in (village.code[:9], village.code[:6], SHANGQIU):
                stem = stem_of_village(village.name)
                self.by_stem[area, stem].add(village.code)
                self.stems_in[area][stem].add(village.code)
        for township in self.townships:
            for area in (township.code[:6], SHANGQIU):
                self.township_stems[area, self.stem(township)].add(township.code)

    def stem(self, township: Area) -> str:
        """`城关` for `柘城县城关镇` and for `城关回族镇`."""
        county = self.gazetteer.area_name(township.code[:6]) or ""
        return stem_of_township(township.name).removeprefix(county).removeprefix("商丘市")

    def names(self, village: Area) -> tuple[str, str, str]:
        """County, township and village stem."""
        g = self.gazetteer
        return g.areas[village.code[:6]].name, g.areas[village.code[:9]].name, stem_of_village(village.name)


def one_edit(said: str, name: str) -> bool:
    """Whether at most one character was replaced, added or left out between two names."""
    if len(said) == len(name):
        return sum(a != b for a, b in zip(said, name, strict=True)) <= 1
    longer, shorter = (said, name) if len(said) > len(name) else (name, said)
    return len(longer) == len(shorter) + 1 and any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))


def expected(kind: str, text: str, truth: str, possible: set[str]) -> Line:
    """`ok` where only one village can be meant, otherwise `ambiguous`."""
    if len(possible) == 1:
        return Line(kind, text, "ok", truth)
    return Line(kind, text, "ambiguous", truth, frozenset(possible))


def full(t: Truth, v: Area, r: Random) -> Line:
    """Province to house."""
    county, town, stem = t.names(v)
    return Line("full", f"河南省商丘市{county}{town}{stem}{r.choice(KINDS)}{r.choice(HOUSES)}", "ok", v.code)


def county_first(t: Truth, v: Area, r: Random) -> Line:
    """No province, no city."""
    county, town, stem = t.names(v)
    return Line("county_first", f"{county}{town}{stem}{r.choice(('村', '', '村委会'))}{r.choice(HOUSES[:8])}", "ok", v.code)


def abbreviated(t: Truth, v: Area, r: Random) -> Line:
    """County, township and village without their kinds."""
    county, _, stem = t.names(v)
    short = county if len(county) == 2 else "示范区" if len(county) > 3 else county[:-1]
    township = next(a for a in t.townships if a.code == v.code[:9])
    text = f"{r.choice(('', '商丘', '河南商丘'))}{short}{t.stem(township)}{stem}{r.choice(('', '村'))}"
    return Line("abbreviated", text, "ok", v.code)


def separated(t: Truth, v: Area, r: Random) -> Line:
    """Blanks, commas, dashes, full-width digits."""
    county, town, stem = t.names(v)
    sep = r.choice((" ", "，", ",", "-", "　", "、", "/", " - "))
    return Line("separated", sep.join(("河南省", "商丘市", county, town, stem + "村", "１２号")), "ok", v.code)


def no_county(t: Truth, v: Area, r: Random) -> Line:
    """Township and village only."""
    _, town, stem = t.names(v)
    township = next(a for a in t.townships if a.code == v.code[:9])
    twins = t.township_stems[SHANGQIU, t.stem(township)]
    possible = {c for street in twins for c in t.by_stem[street, stem]}
    return expected("no_county", f"{r.choice(('', '商丘市', '河南省商丘市'))}{town}{stem}{r.choice(KINDS)}", v.code, possible)


def no_township(t: Truth, v: Area, r: Random) -> Line:
    """County and village only."""
    county, _, stem = t.names(v)
    return expected("no_township", f"{r.choice(('', '商丘市'))}{county}{stem}村", v.code, t.by_stem[v.code[:6], stem])


def village_only(t: Truth, v: Area, r: Random) -> Line:
    """A village and nothing else."""
    stem = t.names(v)[2]
    return expected("village_only", f"{stem}{r.choice(('村', '村委会'))}", v.code, t.by_stem[SHANGQIU, stem])


def swapped_kind(t: Truth, v: Area, r: Random) -> Line:
    """乡, 镇 and 街道 mixed up."""
    county, town, stem = t.names(v)
    township = next(a for a in t.townships if a.code == v.code[:9])
    kind = r.choice([k for k in ("乡", "镇", "街道", "办事处") if not town.endswith(k)])
    return Line("swapped_kind", f"{r.choice(('', '商丘市'))}{county}{t.stem(township)}{kind}{stem}村", "ok", v.code)


def township_only(t: Truth, v: Area, r: Random) -> Line:
    """County and township."""
    county, town, _ = t.names(v)
    return Line(
        "township_only", f"{r.choice(('', '河南省商丘市'))}{county}{town}{r.choice(('', '人民路12号', '街上'))}", "ok", v.code[:9]
    )


def county_only(t: Truth, v: Area, r: Random) -> Line:
    """A county, perhaps with a street nobody can place."""
    county = t.names(v)[0]
    tail = r.choice(("", "", "睢阳大道18号", "北京路", "建设路与文化路交叉口", "幸福小区", "县医院"))
    return Line("county_only", f"{r.choice(('', '商丘市', '河南商丘'))}{county}{tail}", "county_only", v.code[:6])


def _typo(t: Truth, r: Random, stem: str, area: str, replace: Callable[[str], str]) -> tuple[str, set[str]] | None:
    """The stem with one character replaced, and the villages of the area that are as near to it; None where it became
    another name.
    """
    at = r.randrange(len(stem))
    wrong = stem[:at] + replace(stem[at]) + stem[at + 1 :]
    if wrong == stem or t.by_stem.get((SHANGQIU, wrong)):
        return None
    return wrong, {code for name, codes in t.stems_in[area].items() if one_edit(wrong, name) for code in codes}


def typo_sound(t: Truth, v: Area, r: Random) -> Line | None:
    """One character of the village written with another of the same sound."""
    county, town, stem = t.names(v)
    sounds = t.gazetteer.characters.sounds
    common = [c for c in sounds if sounds[c]]

    def replace(char: str) -> str:
        return r.choice([c for c in common if sounds[c] & sounds.get(char, frozenset())] or [char])

    made = _typo(t, r, stem, v.code[:9], replace)
    if made is None or len(stem) < 2:
        return None
    rivals = {c for c in made[1] if _alike(t, made[0], stem_of_village(t.gazetteer.areas[c].name))}
    return expected("typo_village_sound", f"{county}{town}{made[0]}村", v.code, rivals | {v.code})


def _alike(t: Truth, wrong: str, name: str) -> bool:
    sounds = t.gazetteer.characters.sounds
    return len(wrong) == len(name) and all(
        a == b or sounds.get(a, frozenset()) & sounds.get(b, frozenset()) for a, b in zip(wrong, name, strict=True)
    )


def typo_any(t: Truth, v: Area, r: Random) -> Line | None:
    """One character of the village replaced by any other; where several villages are as near the text does not tell."""
    county, town, stem = t.names(v)
    everything = list(t.gazetteer.characters.sounds)
    made = _typo(t, r, stem, v.code[:9], lambda _: r.choice(everything))
    if made is None or len(stem) < 2 or any(_alike(t, made[0], stem_of_village(t.gazetteer.areas[c].name)) for c in made[1]):
        return None
    return expected("typo_village_any", f"{county}{town}{made[0]}村", v.code, made[1])


def typo_township(t: Truth, v: Area, r: Random) -> Line | None:
    """One character of the township replaced by one of the same sound, the village right."""
    county, town, stem = t.names(v)
    sounds = t.gazetteer.characters.sounds
    township = next(a for a in t.townships if a.code == v.code[:9])
    name = t.stem(township)
    at = r.randrange(len(name))
    alike = [c for c in sounds if sounds[c] & sounds.get(name[at], frozenset()) and c != name[at]]
    if not alike:
        return None
    wrong = name[:at] + r.choice(alike) + name[at + 1 :]
    kind = town.removeprefix(county).removeprefix("商丘市")[len(name) :]
    return Line("typo_township", f"{county}{wrong}{kind}{stem}村", "ok", v.code) if kind else None


def contradiction(t: Truth, v: Area, r: Random) -> Line | None:
    """A village of another township of the county: the township named counts."""
    county, town, _ = t.names(v)
    other = r.choice([o for o in t.villages if o.code[:6] == v.code[:6] and o.code[:9] != v.code[:9]])
    stem = stem_of_village(other.name)
    own = [s for (area, s) in t.by_stem if area == v.code[:9]]
    if len(stem) < 2 or any(stem.startswith(s) or s.startswith(stem) for s in own):
        return None
    return Line("contradiction", f"{county}{town}{stem}村", "ok", v.code[:9])


def outside(t: Truth, _: Area, r: Random) -> Line:
    """Another city, with names that places of Shangqiu bear too."""
    g = t.gazetteer
    county = r.choice([a for a in g.areas.values() if a.level == "county" and not a.code.startswith(SHANGQIU)])
    names = [a.name for a in g.chain(county.code)]
    head = "".join(names) if r.random() < 0.7 else "".join(names[-2:])
    return Line("outside", head + r.choice(OUTSIDE_TAILS), "outside", county.code)


def outside_village(t: Truth, v: Area, r: Random) -> Line:
    """Another city's address down to a village that Shangqiu has as well."""
    _, town, stem = t.names(v)
    made = outside(t, v, r)
    head = t.gazetteer.full_name(made.code)
    return Line("outside_lookalike", f"{head}{town.removeprefix('柘城县').removeprefix('商丘市')}{stem}村", "outside", made.code)


def two_places(t: Truth, v: Area, r: Random) -> Line:
    """From somewhere to here, the words telling which is which."""
    county, town, stem = t.names(v)
    form = r.choice(("从{o}到{h}", "{o}返乡到{h}", "从{o}回{h}", "户籍{o}现住{h}", "{h}（从{o}返回）", "来自{o}，目的地{h}"))
    origin = r.choice(("武汉", "湖北武汉", "武汉市江汉区", "浙江温州", "广东省深圳市", "郑州市金水区", "北京市"))
    return Line("two_places", form.format(o=origin, h=f"{county}{town}{stem}村"), "ok", v.code)


def nonsense(_t: Truth, _v: Area, r: Random) -> Line:
    """No place of anywhere."""
    words = (
        "同上",
        "无",
        "null",
        "假县",
        "不知道",
        "回家",
        "务工",
        "123456",
        "",
        "—",
        "老家",
        "本地",
        "朋友家",
        "测试",
        "某某县",
        "亲戚家里",
        "N/A",
        "???",
    )
    return Line("nothing", r.choice(words), "unresolved")


MAKERS: tuple[tuple[Callable[[Truth, Area, Random], Line | None], int], ...] = (
    (full, 300), (county_first, 300), (abbreviated, 350), (separated, 150), (no_county, 350),
    (no_township, 350), (village_only, 150), (swapped_kind, 200), (township_only, 150), (county_only, 100),
    (typo_sound, 250), (typo_any, 250), (typo_township, 150), (contradiction, 100), (outside, 200),
    (outside_village, 150), (two_places, 150), (nonsense, 40),
)  # fmt: skip


def generate(gazetteer: Gazetteer, seed: int = 7) -> Iterator[Line]:
    """About 3,700 lines; the same seed gives the same lines."""
    random, truth = Random(seed), Truth(gazetteer)
    for make, count in MAKERS:
        made = 0
        while made < count:
            line = make(truth, random.choice(truth.villages), random)
            if line is not None:
                made += 1
                yield line
