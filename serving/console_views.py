"""What the console's templates show, made from the same JSON the API answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reference.snapshot import CITY, Snapshot
from serving.county_map import CountyMap
from serving.names import short_name
from serving.overview import RISKS, classes
from serving.texts import Language, catalogue

#: Columns of the counties' table.
COLUMNS = ("arrivals", "high", "medium", "fever", "turned_back", "at_desk", "by_rail")
#: The bars' drawing area in the picture's units; `command.js` uses the same.
_TOP, _FLOOR = 12, 188
_STEPS = (10, 12, 16, 20, 24, 30, 40, 60, 80, 100)
_EMPTY_YEAR = "1970"
#: A space at which no line breaks.
_TIED = "\u00a0"


def command_view(view: Mapping[str, Any], county_map: CountyMap, snapshot: Snapshot, language: Language) -> dict[str, Any]:
    """The context of the command view for an overview."""
    counts = {county["code"]: county for county in view["counties"]}
    none = dict.fromkeys(COLUMNS, 0)
    drawn = [shape.code for shape in county_map.shapes]
    zones = [code for code in counts if code not in drawn]
    level = classes([county["arrivals"] for code, county in counts.items() if code != CITY])
    every = {code: counts.get(code, none) for code in (*drawn, *zones)}
    desk = catalogue(language)["city_desk"]
    return {
        "view": view,
        "empty": view["day"].startswith(_EMPTY_YEAR),
        "map": county_map,
        "zones": zones,
        "leading": {name: _shares(view[name], language) for name in ("origins", "sites")},
        "counts": every,
        "levels": {code: level(county["arrivals"]) for code, county in every.items()},
        "names": {code: desk if code == CITY else short_name(snapshot, code) for code in every},
        "bars": bars(view["hours"]),
        "risks": RISKS,
        "columns": COLUMNS,
        "words": words(language),
    }


def _shares(places: Sequence[Mapping[str, Any]], language: Language) -> list[dict[str, Any]]:
    """Places with the length of their bar, 0 to 100; the longest fills it."""
    most = max((place["arrivals"] for place in places), default=1)
    unplaced = catalogue(language)["unplaced"]
    return [{**place, "name": place["name"] or unplaced, "share": round(100 * place["arrivals"] / most)} for place in places]


def words(language: Language) -> dict[str, str]:
    """The words the scripts put into the page."""
    wanted = (
        "risk.",
        "decision.",
        "lodging.",
        "temperature",
        "origin_unknown",
        "phone_",
        "document_",
        "born",
        "train_",
        "coach_",
        "plate",
        "moved_",
    )
    return {key: text for key, text in catalogue(language).items() if key.startswith(wanted)}


def bars(hours: Sequence[Sequence[int]]) -> dict[str, Any]:
    """The hourly bars: each hour's parts stacked by risk, the scale's top a round number."""
    top = _round_up(max((sum(parts) for parts in hours), default=0))
    drawn = []
    for at, parts in enumerate(hours):
        y, stacked = float(_FLOOR), []
        for risk, value in zip(RISKS, parts, strict=True):
            height = value * (_FLOOR - _TOP) / top
            y -= height
            stacked.append({"risk": risk, "y": f"{y:.1f}", "height": f"{height:.1f}"})
        drawn.append({"at": at, "total": sum(parts), "parts": stacked})
    return {"top": top, "half": top // 2, "hours": drawn}


def person_row(told: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """One row of a unit's page; `unit.js` makes the same for arrivals that come live."""
    t = catalogue(language)
    return {
        "event_id": told["event_id"],
        "revision": told["revision"],
        "risk": told["risk"],
        "risk_word": t[f"risk.{told['risk']}"],
        "decision_word": t[f"decision.{told['decision']}"],
        "time": told["occurred_at"][5:16].replace("T", " "),
        "name": told["name_masked"],
        "about": _about(told, t, language),
        "why": told[f"reason_{language}"],
        "origin": told["origin_name"] or t["origin_unknown"],
        "unit": told["unit_name"],
        "how": _how(told, t),
    }


def blank_row() -> dict[str, Any]:
    """The row of the page's template, to be filled by the script."""
    return dict.fromkeys(
        ("event_id", "risk_word", "decision_word", "time", "name", "about", "why", "origin", "unit", "how"), ""
    ) | {"risk": "low"}


def _about(told: Mapping[str, Any], t: Mapping[str, str], language: Language) -> str:
    parts = []
    if told["birth_year"]:
        parts.append(f"{t['born'] + _TIED if language == 'en' else ''}{told['birth_year']}{t['born_suffix']}")
    parts += [
        f"{t[word]}{_TIED}{told[f]}"
        for word, f in (("document_tail", "document_last4"), ("phone_tail", "phone_last4"))
        if told[f]
    ]
    return " · ".join(parts)


def _how(told: Mapping[str, Any], t: Mapping[str, str]) -> str:
    parts = [told["site_name"]]
    if told["train"]:
        coach = f" {told['coach']}{t['coach_suffix']}" if told["coach"] else ""
        parts.append(f"{told['train']}{t['train_suffix']}{coach}{' ' + told['seat'] if told['seat'] else ''}")
    elif told["plate_region"]:
        parts.append(f"{t['plate']} {told['plate_region']}")
    measured = told["temperature_c"]
    parts.append(t["temperature_missing"] if measured is None else f"{t['temperature']}{_TIED}{measured:.1f}{_TIED}℃")
    parts.append(t[f"lodging.{told['lodging']}"])
    return " · ".join(parts)


def _round_up(value: int) -> int:
    """A round even number not below the value, at least 10, so that the middle of the scale is whole."""
    unit: int = 10 ** max(0, len(str(value)) - 2)
    return next(step * unit for step in _STEPS if value <= step * unit)
