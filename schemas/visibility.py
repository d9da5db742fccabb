"""On whose lists an arrival stands. Pure; the same for lists, live streams and webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CITY = "4114"
HEALTH = "-health"
_COUNTY, _TOWNSHIP, _VILLAGE = 6, 9, 12


def units_seeing(arrival: Mapping[str, Any]) -> frozenset[str]:
    """Every unit on whose list an arrival stands, by the field names of `v_arrivals`."""
    unit, county = arrival["unit"], arrival["county_code"]
    base = unit.partition("-")[0]
    seeing = {unit, county} | {base[:size] for size in (_TOWNSHIP, _VILLAGE) if len(base) >= size}
    if arrival["risk"] == "high" or arrival["symptoms"]:
        seeing |= {f"{area}{HEALTH}" for area in (CITY, county, arrival["site_county"]) if area}
    return frozenset(seeing)


def units_concerned(action: Mapping[str, Any]) -> frozenset[str]:
    """Every unit one of whose lists of duties a change may touch, by the field names of `unit-actions`."""
    concerned: set[str] = set()
    for unit in filter(None, (action["unit"], action.get("unit_before"), action.get("other_unit"))):
        base = unit.partition("-")[0]
        concerned |= {unit} | {base[:size] for size in (_COUNTY, _TOWNSHIP, _VILLAGE) if len(base) >= size}
    if action["risk"] == "high" or action.get("symptoms") or action.get("temperature_c") is not None:
        concerned |= {f"{area}{HEALTH}" for area in (CITY, action["unit"][:_COUNTY])}
    return frozenset(concerned)
