"""From one row of a list to one scan, or to the reasons why not. Pure: the same row with the same batch id gives the same
scan and event id.

The event id hashes the row's content, so a file imported twice, or saved in another format in between, is answered `duplicate`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

import orjson

from producers.importer import words
from producers.importer.cells import Cell, read_day, read_moment, read_number, read_temperature, read_text, show
from producers.importer.columns import LAYOUTS, Kind
from producers.importer.faults import reason
from producers.parsing import validate_scan
from schemas.base import LOCAL, format_instant
from schemas.errors import Reason, Rejected
from schemas.event_ids import RANDOM_BYTES, uuid7

T = TypeVar("T")
_CODE = re.compile(r"\d{2}|\d{4}|\d{6}|\d{9}|\d{12}")


@dataclass(frozen=True, slots=True)
class ImportContext:
    """What holds for all rows of a file: `batch` is the operator's name for this delivery, `arrived_at` counts where a
    row gives no time. For check-ins `site_id` is who reports: a county, a management unit or an enterprise.
    """

    kind: Kind
    site_id: str
    batch: str = ""
    arrived_at: datetime | None = None


def make_scan(cells: Mapping[str, Cell], context: ImportContext) -> dict[str, Any]:
    """The scan for the cells of a row by field. Raises Rejected with every reason found."""
    reader = Reader(cells, context.kind)
    arrived = read_when(reader, "arrived", context)
    special = _rail(reader) if context.kind == "rail-manifest" else _road(reader, context, arrived)
    scan = _common(reader, context, arrived) | special
    reader.finish()
    scan["event_id"] = event_id(scan, "occurred_at", context)
    validate_scan(scan)
    return scan


class Reader:
    """Reads cells by field and collects what is wrong with them, first of all what a list of that kind must hold."""

    def __init__(self, cells: Mapping[str, Cell], kind: Kind) -> None:
        self.cells = {name: cell for name, cell in cells.items() if show(cell)}
        self.reasons: list[Reason] = []
        for name in LAYOUTS[kind].required:
            self.need(name)

    def need(self, field: str) -> None:
        """Notes a missing cell."""
        if field not in self.cells:
            self.reasons.append(reason(field, "missing"))

    def finish(self) -> None:
        """Raises Rejected with everything that is wrong."""
        if self.reasons:
            raise Rejected("row", "The row cannot be used.", tuple(self.reasons))

    def read(self, field: str, how: Callable[[Cell, str], T]) -> T | None:
        """What `how` makes of a cell; None where it is empty or wrong."""
        if field not in self.cells:
            return None
        try:
            return how(self.cells[field], field)
        except Rejected as error:
            self.reasons.extend(error.reasons)
            return None

    def text(self, field: str) -> str | None:
        """The cell as text."""
        return self.read(field, read_text)

    def word(self, field: str, table: Mapping[str, str]) -> str | None:
        """The fixed word for what was written."""
        return self.read(field, lambda cell, name: words.word(read_text(cell, name), table, name))

    def place(self, field: str) -> dict[str, str]:
        """The place as a code or as text."""
        text = self.text(field)
        if not text:
            return {}
        return {"code": text} if _CODE.fullmatch(text) else {"text": text}

    def person(self) -> dict[str, Any]:
        """The person of the row."""
        number = self.read("document_number", read_number) or ""
        person = {
            "name": self.text("name"),
            "document_type": self.word("document_type", words.DOCUMENTS) or words.guess_document(number),
            "document_number": number,
            "phone": self.read("phone", read_number),
            "nationality": self.text("nationality"),
        }
        return filled(person)

    def health(self) -> dict[str, Any]:
        """The temperature and the symptoms of the row."""
        return {
            "temperature_c": self.read("temperature_c", read_temperature),
            "symptoms": self.read("symptoms", lambda cell, name: words.symptoms(read_text(cell, name))),
        }


def _common(reader: Reader, context: ImportContext, arrived: datetime | None) -> dict[str, Any]:
    return {
        "version": 1,
        "kind": "rail" if context.kind == "rail-manifest" else "checkpoint",
        "site_id": context.site_id,
        "sequence": 0,  # a list has no counter; the content is the identity
        "occurred_at": format_instant(arrived) if arrived else "",
        "person": reader.person(),
        "origin": reader.place("origin"),
        "destination": reader.place("destination"),
        **filled(
            {
                **reader.health(),
                "lodging": reader.word("lodging", words.LODGINGS),
                "purpose": reader.word("purpose", words.PURPOSES),
                "operator": reader.text("operator"),
            }
        ),
    }


def _rail(reader: Reader) -> dict[str, Any]:
    leg = {name: reader.text(name) for name in ("train", "coach", "seat", "from_station", "to_station")}
    day = reader.read("service_date", read_day)
    return {"rail": filled(leg | {"service_date": day.isoformat() if day else None})}


def _road(reader: Reader, context: ImportContext, arrived: datetime | None) -> dict[str, Any]:
    coach = context.kind == "coach-manifest"
    vehicle = filled({name: reader.text(name) for name in ("plate", "seat", "pass_id")})
    if not vehicle:
        return filled({"party_id": _party(reader.text("party"), context)})
    party = f"{vehicle.get('plate')}/{arrived:%Y-%m-%d}" if coach and arrived else reader.text("party")
    vehicle["role"] = "coach" if coach else "private"
    road: dict[str, Any] = {"vehicle": vehicle, "party_id": _party(party, context)}
    if coach and "purpose" not in reader.cells:
        road["purpose"] = "work_resumption"
    return filled(road)


def _party(text: str | None, context: ImportContext) -> str | None:
    """A group's id from what the list calls it; hashed, since it may be somebody's name."""
    if not text:
        return None
    return f"L-{hashlib.blake2b(f'{context.site_id}/{context.batch}/{text}'.encode(), digest_size=9).hexdigest()}"


def read_when(reader: Reader, what: Literal["arrived", "made"], context: ImportContext) -> datetime | None:
    """The moment as written (`…_on`, `…_at`), else of the whole file; a missing time is never made up."""
    day = reader.read(f"{what}_on", read_day)
    before = len(reader.reasons)
    moment = reader.read(f"{what}_at", lambda cell, name: read_moment(cell, day, name)) or context.arrived_at
    if moment is None and len(reader.reasons) == before:
        reader.reasons.append(reason(f"{what}_at", "time_missing"))
    return moment.astimezone(LOCAL) if moment else None


def event_id(event: Mapping[str, Any], when: str, context: ImportContext) -> str:
    """The id that follows from the content and from the time in the field `when`."""
    said = orjson.dumps([context.kind, context.batch, event], option=orjson.OPT_SORT_KEYS)
    occurred = datetime.fromisoformat(event[when])
    return uuid7(max(0, int(occurred.timestamp() * 1000)), hashlib.blake2b(said, digest_size=RANDOM_BYTES).digest())


def filled(values: dict[str, Any]) -> dict[str, Any]:
    """The values that are there."""
    return {name: value for name, value in values.items() if value not in (None, "", [])}
