"""What the gateway writes to `scans`: the same scan with the person sealed and what is needed in clear derived.

Field by field this is safe to rest in a log: the name is masked (`张*`), the document is reduced to type, last four
characters and birth year, the plate to its region, and free text lies in `sealed.address`, which only the router's key opens.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from schemas.base import AreaCode, Day, EventId, Identifier, KeyedHash, Stamp, Tolerant
from schemas.scan import DocumentType, Lodging, Symptom, TripPurpose, VehicleRole

#: What the gateway noticed about the content of an accepted scan, in the order it looks.
QualityFlag = Literal[
    "id_invalid",
    "id_old_style",
    "id_unknown_prefix",
    "name_mojibake",
    "name_confusable",
    "name_placeholder",
    "phone_missing",
    "phone_invalid",
    "plate_invalid",
    "train_invalid",
    "temperature_missing",
    "temperature_implausible",
    "late",
    "clock_suspect",
    "stay_invalid",
]


class Sealed(Tolerant):
    """Ciphertexts, base64 of nonce + AES-GCM, under subkeys of the day key `key_id` (a local day)."""

    key_id: str
    identity: str
    address: str | None = None


class RecordedPerson(Tolerant):
    """The derived, readable remainder of a person."""

    key: KeyedHash
    name_masked: str
    document_type: DocumentType
    document_last4: str
    birth_year: int | None = None
    phone_last4: str | None = None
    nationality: str | None = None


class RecordedStay(Tolerant):
    """A stay by code; where only text was given the code is missing and the text lies in the sealed address."""

    code: AreaCode | None = None
    from_day: Day
    to_day: Day


class RecordedVehicle(Tolerant):
    """`region` is the plate's hanzi and letter (鄂A), a weak signal; `key` is equal for equal plates."""

    key: KeyedHash | None = None
    region: str | None = None
    role: VehicleRole = "private"
    seat: str | None = None
    pass_id: str | None = None


class RecordedRail(Tolerant):
    """The train normalised; `train_pair` is the lower of the odd/even pair one train runs under (K1234/K1235)."""

    train: str
    train_pair: str
    service_date: Day
    coach: str | None = None
    seat: str | None = None
    from_station: str | None = None
    to_station: str | None = None


class RecordedScan(Tolerant):
    """One accepted scan, version 1; key of the record on `scans` is `person.key`."""

    version: Literal[1]
    event_id: EventId
    kind: Literal["checkpoint", "rail"]
    site_id: Identifier
    device_id: Identifier
    sequence: int
    occurred_at: Stamp
    received_at: Stamp
    person: RecordedPerson
    origin_code: AreaCode | None = None
    destination_code: AreaCode | None = None
    stays: Annotated[tuple[RecordedStay, ...], Field(strict=False)] = ()
    temperature_c: float | None = None
    symptoms: Annotated[tuple[Symptom, ...], Field(strict=False)] = ()
    purpose: TripPurpose = "other"
    lodging: Lodging = "unknown"
    party_id: Identifier | None = None
    vehicle: RecordedVehicle | None = None
    rail: RecordedRail | None = None
    quality: Annotated[tuple[QualityFlag, ...], Field(strict=False)] = ()
    sealed: Sealed


class Address(Tolerant):
    """The plaintext of `sealed.address`: texts as written. `stays` runs parallel to the scan's stays."""

    origin: str | None = None
    destination: str | None = None
    stays: Annotated[tuple[str | None, ...], Field(strict=False)] = ()


RECORDED: TypeAdapter[RecordedScan] = TypeAdapter(RecordedScan)
ADDRESS: TypeAdapter[Address] = TypeAdapter(Address)

#: What stands for a word this release does not know yet; None: the word is left out. A newer gateway may write such words while
#: the routers are still being upgraded, and nobody's arrival may wait for that.
_UNKNOWN_WORDS: dict[tuple[str, ...], str | None] = {
    ("person", "document_type"): "other",
    ("vehicle", "role"): "other",
    ("purpose",): "other",
    ("lodging",): "unknown",
    ("symptoms",): "other",
    ("quality",): None,
}


def read_recorded(raw: bytes) -> RecordedScan:
    """A record of `scans`. Words of a newer release are read as `_UNKNOWN_WORDS` says. Raises ValidationError."""
    try:
        return RECORDED.validate_json(raw)
    except ValidationError as error:
        unknown = [e["loc"] for e in error.errors() if e["type"] == "literal_error" and isinstance(e["input"], str)]
        if len(unknown) != error.error_count() or not all(_word(at) in _UNKNOWN_WORDS for at in unknown):
            raise
        return RECORDED.validate_json(json.dumps(_without(json.loads(raw), unknown)))


def _word(at: tuple[int | str, ...]) -> tuple[str, ...]:
    return tuple(part for part in at if isinstance(part, str))


def _without(record: dict[str, Any], unknown: list[tuple[int | str, ...]]) -> dict[str, Any]:
    for at in reversed(unknown):  # from the end, so that leaving a word out moves no other
        holder: Any = record
        for part in at[:-1]:
            holder = holder[part]
        word = _UNKNOWN_WORDS[_word(at)]
        if word is None:
            del holder[at[-1]]
        else:
            holder[at[-1]] = word
    return record
