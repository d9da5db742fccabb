"""Seats and berths as people write them: `05A`, `12F号`, `058`, `08下`, `12号上铺`. Pure.

Numbers alone say a row only by the layout of the coach. Ordinary carriages: five to a row and ten to a bay, window seats end
in 0, 4, 5 and 9. Road coaches: four to a row. Hard sleepers: two numbers to a compartment of six, soft ones (软) four.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

_LETTERED = re.compile(r"0*([1-9][0-9]{0,2})(?:排|号)?([A-HJ-M])(?:座|号)?\Z")
_NUMBERED = re.compile(r"0*([1-9][0-9]{0,2})(?:座|号)?(?:座)?\Z")
_BERTH = re.compile(r"(硬卧|软卧|软|硬)?0*([1-9][0-9]{0,2})号?([上中下])铺?\Z")
_NUMBER = re.compile(r"[0-9]+")
_SPACES = re.compile(r"[\s·,，.-]+")
#: Coaches added for the holidays (加1) are none of the numbered ones.
_EXTRA, EXTRA_COACHES = "加", 10_000
_RAIL_ROW, _RAIL_BAY, _ROAD_ROW = 5, 10, 4
_HARD, _SOFT = 2, 4


@dataclass(frozen=True, slots=True)
class Seat:
    """Where somebody sat or lay, as far as distances go: `row` counts rows, or compartments of a sleeper; `bay` counts bays."""

    kind: Literal["seat", "berth"]
    row: int
    bay: int


def read_rail_seat(text: str | None) -> Seat | None:
    """The seat or berth of a train ticket; None when it says nothing we understand."""
    plain = _plain(text)
    if found := _LETTERED.match(plain):
        return Seat("seat", int(found[1]), int(found[1]))
    if found := _NUMBERED.match(plain):
        number = int(found[1])
        return Seat("seat", number // _RAIL_ROW, number // _RAIL_BAY)
    if found := _BERTH.match(plain):
        berths = _SOFT if (found[1] or "").startswith("软") else _HARD
        compartment = (int(found[2]) - 1) // berths
        return Seat("berth", compartment, compartment)
    return None


def read_coach_seat(text: str | None) -> Seat | None:
    """The seat of a road coach; None when it says nothing we understand."""
    plain = _plain(text)
    if found := _LETTERED.match(plain):
        return Seat("seat", int(found[1]), int(found[1]))
    if found := _NUMBERED.match(plain):
        row = (int(found[1]) - 1) // _ROAD_ROW
        return Seat("seat", row, row)
    return None


def coach_number(text: str | None) -> int:
    """The number of a carriage (`5`, `05`, `05车厢`); extra ones count from 10,000 on; 0 when there is none.

    Must say the same as the view that fills `contact_keys`: a test compares them on the real engine.
    """
    plain = unicodedata.normalize("NFKC", text or "")
    found = _NUMBER.search(plain)
    if not found:
        return 0
    return int(found[0]) + (EXTRA_COACHES if _EXTRA in plain else 0)


def _plain(text: str | None) -> str:
    return _SPACES.sub("", unicodedata.normalize("NFKC", text or "")).upper()
