"""Reads the hand-written corpus: addresses as travellers and clerks write them, labelled by place names rather than codes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.corpus.generate import Line
from reference.gazetteer import SHANGQIU, Gazetteer
from reference.naming import stem_of_village

FILE = Path(__file__).with_name("handwritten.tsv")


def handwritten(gazetteer: Gazetteer) -> Iterator[Line]:
    """Every line of the file. Raises KeyError for a place the gazetteer does not have."""
    for row in FILE.read_text("utf-8").splitlines():
        if row.startswith("#"):
            continue
        kind, text, status, places = row.split("\t")
        root = "" if status == "outside" else SHANGQIU
        codes = [_code(gazetteer, root, path.split("/")) for path in places.split("|") if path]
        several = frozenset(codes) if status == "ambiguous" else frozenset()
        yield Line(f"hand:{kind}", text, status, codes[0] if codes else SHANGQIU * (status == "city_only"), several)


def _code(gazetteer: Gazetteer, code: str, names: list[str]) -> str:
    """The code of a path of official names, the village by its stem."""
    for name in names:
        below = gazetteer.children(code) if code else tuple(a for a in gazetteer.areas.values() if a.level == "province")
        code = {(stem_of_village(a.name) if a.level == "village" else a.name): a.code for a in below}[name]
    return code
