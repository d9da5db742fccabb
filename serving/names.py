"""Names of places and units as people say them. Pure."""

from __future__ import annotations

from datetime import datetime

from reference.snapshot import Snapshot
from serving.access import CITY, HEALTH

_COUNTY_DIGITS = 6
#: The two statistical zones have long official names; this is what fits on a map and is understood.
_SHORT = {"411471": "豫东物流区", "411472": "经济开发区"}
_HEALTH_NAME = "卫生健康组"
#: Levels of the national table that nobody says: 市辖区, 县, 省直辖县级行政区划.
_UNSAID = frozenset({"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"})


def place_name(snapshot: Snapshot, code: str) -> str:
    """A place in full: province, city and county outside Shangqiu, county downwards inside; '' for no code."""
    if not code:
        return ""
    base, _, custom = code.partition("-")
    chain = [snapshot.unit_name(area.code) for area in snapshot.gazetteer.chain(base)]
    if base in snapshot.new_names and not snapshot.gazetteer.known(base):
        chain.append(snapshot.new_names[base])
    if base.startswith(CITY) and len(base) > len(CITY):
        chain = chain[2:]
    said: list[str] = []
    for name in chain:
        if name not in _UNSAID and (not said or said[-1] != name):
            said.append(name)
    if custom:
        said.append(_HEALTH_NAME if f"-{custom}" == HEALTH else snapshot.unit_name(code))
    return " ".join(said) or code


def counties(snapshot: Snapshot) -> list[str]:
    """The counties of the city in the order of their codes, those made since the gazetteer too, and the city's own desk last."""
    made = (code for code in snapshot.new_codes if code.startswith(CITY) and len(code) == _COUNTY_DIGITS)
    return [*sorted({*(area.code for area in snapshot.gazetteer.children(CITY)), *made}), CITY]


def unit_exists(snapshot: Snapshot, unit: str) -> bool:
    """Whether there is such a unit: an area of the city from the city down, a custom unit, or a health desk."""
    base = unit.partition("-")[0]
    if not base.startswith(CITY) or not snapshot.known(base):
        return False
    if unit.endswith(HEALTH):
        return len(base) <= _COUNTY_DIGITS
    return unit == base or bool(snapshot.units.history(unit))


def short_name(snapshot: Snapshot, unit: str) -> str:
    """The last part of a unit's name: what people inside its county call it."""
    return _SHORT.get(unit) or place_name(snapshot, unit).rpartition(" ")[2] or unit


def site_name(snapshot: Snapshot, site_id: str, at: datetime) -> str:
    """The name of a site at a time; its id where no row names it."""
    site = snapshot.site(site_id, at)
    return site.name if site else site_id
