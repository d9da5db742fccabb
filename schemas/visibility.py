"""On whose lists an arrival stands. Pure; the same for lists, live streams and webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CITY = "4114"
HEALTH = "-health"
_TOWNSHIP, _VILLAGE = 9, 12


def units_seeing(arrival: Mapping[str, Any]) -> frozenset[str]:
    """Every unit on whose list an arrival stands, by the field names of `v_arrivals`."""
    unit, county = arrival["unit"], arrival["county_code"]
    base = unit.partition("-")[0]
    seeing = {unit, county} | {base[:size] for size in (_TOWNSHIP, _VILLAGE) if len(base) >= size}
    if arrival["risk"] == "high" or arrival["symptoms"]:
        seeing |= {f"{area}{HEALTH}" for area in (CITY, county, arrival["site_county"]) if area}
    return frozenset(seeing)
