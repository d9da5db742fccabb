"""A unit's list as a roster to be signed: the same rows for the printed page and for the spreadsheet. Pure.

Names, numbers and phones are masked unless they were opened for whoever prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.texts import Language, catalogue

#: The columns from left to right; the last ones are empty, for pen and thermometer.
COLUMNS = (
    "number", "name", "document", "phone", "arrived", "origin", "stays", "risk", "decision", "state", "until", "temperature",
    "signature",
)  # fmt: skip
_HOME = "+86"
_BY_HAND = frozenset({"temperature", "signature"})


@dataclass(frozen=True, slots=True)
class Roster:
    """What is printed: the unit, the list by its word, the columns' titles and rows, and the mark that says by whom and when.

    `line` is the line of the audit trail when names were opened, else None.
    """

    unit: str
    unit_name: str
    list_name: str
    word: str
    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    mark: str
    line: int | None = None


def roster_rows(
    page: Mapping[str, Any], opened: Mapping[str, Mapping[str, Any]], language: Language
) -> tuple[tuple[str, ...], ...]:
    """The rows of a page of a list, in its order; `opened` is who people are, by event id, as far as the reader may know."""
    t = catalogue(language)
    rows = []
    for number, told in enumerate(page["arrivals"], 1):
        cells = _cells(told, page["duties"][told["event_id"]], opened.get(told["event_id"]), t)
        rows.append(tuple(str(number) if name == "number" else cells.get(name, "") for name in COLUMNS))
    return tuple(rows)


def titles(language: Language) -> tuple[str, ...]:
    """The columns' titles."""
    return tuple(catalogue(language)[f"roster.{name}"] for name in COLUMNS)


def _cells(
    told: Mapping[str, Any], duty: Mapping[str, Any], opened: Mapping[str, Any] | None, t: Mapping[str, str]
) -> dict[str, str]:
    observation = duty["observation"]
    return {
        **(_clear(opened) if opened is not None else _masked(told, t)),
        "arrived": (told.get("occurred_at") or told["received_at"])[5:16].replace("T", " "),
        "origin": told.get("origin_name") or t["origin_unknown"],
        "stays": _stays(duty["unit_name"], opened, told, t),
        "risk": t[f"risk.{duty['risk']}"],
        "decision": t[f"decision.{duty['decision']}"],
        "state": t[f"state.{duty['state']}"],
        "until": observation["until_day"][5:] if observation else "",
    }


def _clear(opened: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": opened["name"] or "",
        "document": opened["document_number"] or "",
        "phone": (opened["phone"] or "").removeprefix(_HOME),
    }


def _masked(told: Mapping[str, Any], t: Mapping[str, str]) -> dict[str, str]:
    tails = {"document": told.get("document_last4"), "phone": told.get("phone_last4")}
    shown = {name: f"{t['roster.tail']}{tail}" if tail else "" for name, tail in tails.items()}
    return {"name": told.get("name_masked") or "—", **shown}


def _stays(unit_name: str, opened: Mapping[str, Any] | None, told: Mapping[str, Any], t: Mapping[str, str]) -> str:
    lodging = told.get("lodging")
    parts = [unit_name.rpartition(" ")[2], (opened or {}).get("address"), t[f"lodging.{lodging}"] if lodging else None]
    return " ".join(part for part in parts if part)


def by_hand(column: str) -> bool:
    """Whether a column is left empty, to be filled by hand."""
    return column in _BY_HAND


def cells(roster: Roster) -> Sequence[Mapping[str, str]]:
    """The rows by the columns' names."""
    return [dict(zip(COLUMNS, row, strict=True)) for row in roster.rows]
