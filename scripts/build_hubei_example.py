"""Writes the example of Hubei's grades and of the merger of its city districts into `reference/data/examples`.

Real are the dates, the number of units and how many bore which grade (28 Feb 2020: 103 units, 11 low, 34 medium, 58 high;
3 Mar: 76 units, 22/17/37, the districts of a city merged; 15 Mar: 76 units, 71/4/1). Which unit bore which grade was not
found: that part is SYNTHETIC, made by a hash, and every row says so.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable
from pathlib import Path

from reference.criteria import is_urban_district
from reference.gazetteer import Gazetteer, load_gazetteer

FOLDER = Path(__file__).parent.parent / "reference" / "data" / "examples"
AUTHOR = "synthetic example"
SERIES = (("2020-02-28", 58, 34, 11), ("2020-03-03", 37, 17, 22), ("2020-03-15", 1, 4, 71))
MERGED = "2020-03-03"
HOUR = "T20:00:00+08:00"
#: Statistical zones of the edition that are no county-level divisions.
_ZONES = frozenset({"421071", "421171"})


def districts(gazetteer: Gazetteer) -> list[str]:
    """The 39 city districts of Hubei."""
    return [code for code in units(gazetteer) if is_urban_district(code, gazetteer)]


def units(gazetteer: Gazetteer) -> list[str]:
    """The 103 county-level divisions of Hubei."""
    return [area.code for area in gazetteer.below("42", "county") if area.code not in _ZONES]


def urban_unit(district: str) -> str:
    """The code of a city's districts together, as GB/T 2260 writes 市辖区."""
    return f"{district[:4]}01"


def _rank(code: str) -> tuple[bool, str]:
    return not code.startswith("4201"), hashlib.sha256(code.encode()).hexdigest()


def grade_rows(gazetteer: Gazetteer) -> Iterable[dict[str, str]]:
    """The grades of the three dates."""
    apart = set(districts(gazetteer))
    merged = sorted({urban_unit(code) if code in apart else code for code in units(gazetteer)})
    for day, high, medium, low in SERIES:
        ranked = sorted(units(gazetteer) if day < MERGED else merged, key=_rank)
        reason = f"SYNTHETIC assignment; only the counts of {day} are real: {low} low, {medium} medium, {high} high"
        grades = ["high"] * high + ["medium"] * medium + ["low"] * low
        for area, grade in sorted(zip(ranked, grades, strict=True)):
            yield {
                "area": area,
                "grade": grade,
                "valid_from": f"{day}T00:00:00+08:00",
                "known_from": day + HOUR,
                "author": AUTHOR,
                "reason": reason,
            }


def succession_rows(gazetteer: Gazetteer) -> Iterable[dict[str, str]]:
    """The districts of each city become one unit on 3 March."""
    for code in districts(gazetteer):
        yield {
            "unit": code,
            "successors": urban_unit(code),
            "names": f"{gazetteer.area_name(code[:4])}城区",
            "valid_from": f"{MERGED}T00:00:00+08:00",
            "known_from": MERGED + HOUR,
            "author": AUTHOR,
            "reason": "On 3 Mar 2020 Hubei's list counted 76 units: the districts of a city as one",
        }


def write(name: str, rows: Iterable[dict[str, str]]) -> None:
    """Writes one file."""
    listed = list(rows)
    with (FOLDER / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(listed[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(listed)


def main() -> None:
    """Writes every file."""
    gazetteer = load_gazetteer()
    write("hubei-grades.csv", grade_rows(gazetteer))
    write("hubei-successions.csv", succession_rows(gazetteer))


if __name__ == "__main__":
    main()
