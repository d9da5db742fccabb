"""Finds the later names of townships and villages, and which place of our edition each one was."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from rapidfuzz.distance import Levenshtein

from reference.naming import stem_of_township, stem_of_village

#: A later township counts as a former one when at least this share of its villages came from it.
SHARE = 0.6
Names = Mapping[str, str]


def later_lines(streets: Names, villages: Names, later_streets: Names, later_villages: Names) -> Iterator[str]:
    """`code<TAB>later name`: the code is the township or village it was, or the county where no single one was."""
    for code, name in sorted(later_streets.items()):
        if streets.get(code) != name:
            yield f"{_former(code, name, streets, villages, later_villages)}\t{name}"
    taken = {(code[:9], stem_of_village(name)) for code, name in villages.items()}
    for code, name in sorted(later_villages.items()):
        then, now = stem_of_village(villages.get(code, "")), stem_of_village(name)
        if then and then != now and (code[:9], now) not in taken and _related(then, now):
            yield f"{code}\t{name}"


def _former(code: str, name: str, streets: Names, villages: Names, later_villages: Names) -> str:
    """The township of our edition a later one was: the same stem in its county, or where most of its villages were."""
    stem = stem_of_township(name)
    same = [old for old, n in streets.items() if old[:6] == code[:6] and stem_of_township(n) == stem]
    if len(same) == 1:
        return same[0]
    homes: dict[str, set[str]] = defaultdict(set)
    for old, n in villages.items():
        if old[:6] == code[:6]:
            homes[stem_of_village(n)].add(old[:9])
    members = [stem_of_village(n) for c, n in later_villages.items() if c[:9] == code]
    origins = Counter(home for member in members for home in homes[member])
    best, count = origins.most_common(1)[0] if origins else ("", 0)
    return best if count >= SHARE * len(members) else code[:6]


def _related(then: str, now: str) -> bool:
    """Whether two names of one code are spellings of one name: the bureau also gives a free code to another village."""
    return Levenshtein.distance(then, now) <= 1 and len(set(then) & set(now)) > 0 and max(len(then), len(now)) > 1
