"""Names of places and units as people say them. Pure."""

from __future__ import annotations

from datetime import datetime

from reference.snapshot import Snapshot
from serving.access import CITY, HEALTH

_PROVINCE, _CITY, _COUNTY, _TOWNSHIP, _VILLAGE = 2, 4, 6, 9, 12
_CITY_NAME = "商丘市"
_HEALTH_NAME = "卫生健康组"
#: Levels of the national table that nobody says: 市辖区, 县, 省直辖县级行政区划.
_UNSAID = frozenset({"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"})


def place_name(snapshot: Snapshot, code: str) -> str:
    """A place in full: province, city and county outside Shangqiu, county downwards inside; '' for no code."""
    if not code:
        return ""
    base, _, custom = code.partition("-")
    sizes = (_COUNTY, _TOWNSHIP, _VILLAGE) if base.startswith(CITY) and len(base) > _CITY else (_PROVINCE, _CITY, _COUNTY)
    names = [_area(snapshot, base[:size]) for size in sizes if len(base) >= size]
    said: list[str] = []
    for name in names:
        if name and name not in _UNSAID and (not said or said[-1] != name):
            said.append(name)
    if custom:
        said.append(_HEALTH_NAME if f"-{custom}" == HEALTH else snapshot.unit_name(code))
    return " ".join(said) or code


def unit_exists(snapshot: Snapshot, unit: str) -> bool:
    """Whether there is such a unit: an area of the city from the city down, a custom unit, or a health desk."""
    base = unit.partition("-")[0]
    if not base.startswith(CITY) or snapshot.gazetteer.get(base) is None:
        return False
    if unit.endswith(HEALTH):
        return len(base) in (_CITY, _COUNTY)
    return unit == base or bool(snapshot.units.history(unit))


def short_name(snapshot: Snapshot, unit: str) -> str:
    """The last part of a unit's name: what people inside its county call it."""
    return place_name(snapshot, unit).rpartition(" ")[2] or unit


def site_name(snapshot: Snapshot, site_id: str, at: datetime) -> str:
    """The name of a site at a time; its id where no row names it."""
    site = snapshot.site(site_id, at)
    return site.name if site else site_id


def _area(snapshot: Snapshot, code: str) -> str:
    if code == CITY:
        return _CITY_NAME
    area = snapshot.gazetteer.get(code)
    return area.name if area else ""
