"""Locate: where a person comes from, has been, and goes to. A known code counts; otherwise the text, opened in
memory, is resolved.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from reference.resolver import Resolution
from reference.snapshot import CITY, Snapshot
from schemas.arrival import Location
from schemas.recorded import Address, RecordedScan

_NO_ADDRESS = Address()
#: Length of a code -> how many digits its last level has.
_LAST = {12: 3, 9: 3, 6: 2, 4: 2}
_STATUS_BY_LENGTH = {12: "ok", 9: "ok", 6: "county_only", 4: "city_only"}


@dataclass(frozen=True, slots=True)
class Located:
    """The places of one scan. `unit` is the deepest unit the destination supports; `origin_method` is `code`, `text`
    or `none`.
    """

    destination: Location
    unit: str | None
    origin_code: str | None
    origin_method: str
    stay_codes: tuple[str | None, ...]


def locate(scan: RecordedScan, address: Address | None, snapshot: Snapshot) -> Located:
    """Locates every place of a scan; `address` holds the texts that came without a code."""
    texts = address or _NO_ADDRESS
    location, unit = _destination(scan.destination_code, texts.destination, snapshot)
    origin, method = _area(scan.origin_code, texts.origin, snapshot)
    stays = tuple(
        _area(stay.code, texts.stays[i] if i < len(texts.stays) else None, snapshot)[0] for i, stay in enumerate(scan.stays)
    )
    return Located(location, unit, origin, method, stays)


def needs_text(scan: RecordedScan, snapshot: Snapshot) -> bool:
    """Whether locating a scan asks for its sealed address: some place has no code, or one nobody knows."""
    if scan.sealed.address is None:
        return False
    codes = (scan.destination_code, scan.origin_code, *(stay.code for stay in scan.stays))
    return not all(code is not None and snapshot.known(plain_code(code) or "") for code in codes)


def plain_code(code: str | None) -> str | None:
    """The code without the zeros that fill it up: 420000 is the province 42, 420100 the city 4201."""
    if code is None or len(code) <= len("4114"):
        return code
    while len(code) > len("42") and code.endswith("0" * _LAST[len(code)]):
        code = code[: -_LAST[len(code)]]
    return code


def _area(given: str | None, text: str | None, snapshot: Snapshot) -> tuple[str | None, str]:
    code = plain_code(given)
    if code is not None and snapshot.known(code):
        return code, "code"
    found = snapshot.gazetteer.find_area(text) if text else None
    return found, "text" if found else "none"


def _destination(given: str | None, text: str | None, snapshot: Snapshot) -> tuple[Location, str | None]:
    code = plain_code(given)
    if code is not None and snapshot.known(code):
        return coded(code)
    if not text:
        return Location(status="unresolved", method="none", score=0.0), None
    return _resolved(snapshot.resolver.resolve(text))


@lru_cache(maxsize=16_384)
def coded(code: str) -> tuple[Location, str | None]:
    """The location of a known code without filling zeros, and the unit it means; no unit outside the city."""
    if not code.startswith(CITY):
        return Location(status="outside", method="code", score=1.0, outside_code=code), None
    status = _STATUS_BY_LENGTH.get(len(code), "unresolved")
    location = Location(
        status=status,  # type: ignore[arg-type]
        method="code",
        score=1.0,
        county_code=code[:6] if len(code) >= len("411426") else None,
        street_code=code[:9] if len(code) >= len("411426104") else None,
        village_code=code if len(code) == len("411426104207") else None,
    )
    return location, code


def _resolved(found: Resolution) -> tuple[Location, str | None]:
    location = Location(
        status=found.status,
        method=found.method,
        score=round(found.score, 3),
        county_code=found.county_code,
        street_code=found.street_code,
        village_code=found.village_code,
        outside_code=found.outside_code,
        candidates=found.candidates,
        mismatch=found.mismatch,
    )
    return location, found.unit
