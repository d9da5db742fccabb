"""The map of the counties as SVG shapes, made once from the boundaries file: small, no script needed, readable on an
old phone. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 640.0
#: Points nearer than this many pixels to the one before are left out.
_FINEST = 2.0
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Shape:
    """One county: its path and where its label stands, in the map's pixels."""

    code: str
    path: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class CountyMap:
    """All shapes with the size of the drawing."""

    width: int
    height: int
    shapes: tuple[Shape, ...]


def draw(collection: Mapping[str, Any]) -> CountyMap:
    """The map of a GeoJSON FeatureCollection whose features carry the county code as `id` or as the property `code`."""
    counties = {_code(f): [ring for polygon in _polygons(f["geometry"]) for ring in polygon] for f in collection["features"]}
    points = [point for rings in counties.values() for ring in rings for point in ring]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    scale = WIDTH / (east - west)
    # An equirectangular map keeps shapes when a degree of latitude is drawn longer by 1/cos(latitude).
    stretch = scale / math.cos(math.radians((south + north) / 2))

    def project(point: Sequence[float]) -> Point:
        return (point[0] - west) * scale, (north - point[1]) * stretch

    shapes = tuple(_shape(code, [[project(p) for p in ring] for ring in rings]) for code, rings in sorted(counties.items()))
    return CountyMap(round(WIDTH), math.ceil((north - south) * stretch), shapes)


def _code(feature: Mapping[str, Any]) -> str:
    return str(feature.get("id") or feature["properties"]["code"])


def _polygons(geometry: Mapping[str, Any]) -> list[list[list[Point]]]:
    coordinates = geometry["coordinates"]
    return coordinates if geometry["type"] == "MultiPolygon" else [coordinates]


def _shape(code: str, rings: list[list[Point]]) -> Shape:
    x, y = _centroid(max(rings, key=lambda ring: abs(_area(ring))))
    return Shape(code, "".join(_path(ring) for ring in rings), round(x, 1), round(y, 1))


def _path(ring: Iterable[Point]) -> str:
    kept: list[Point] = []
    for point in ring:
        if not kept or math.dist(point, kept[-1]) >= _FINEST:
            kept.append(point)
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in kept) + "Z"


def _area(ring: Sequence[Point]) -> float:
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True)) / 2


def _centroid(ring: Sequence[Point]) -> Point:
    pairs = list(zip(ring, [*ring[1:], ring[0]], strict=True))
    area = _area(ring) or 1.0
    x = sum((x1 + x2) * (x1 * y2 - x2 * y1) for (x1, y1), (x2, y2) in pairs) / (6 * area)
    y = sum((y1 + y2) * (x1 * y2 - x2 * y1) for (x1, y1), (x2, y2) in pairs) / (6 * area)
    return x, y
