"""Makes the row of a correction out of what a person says, and refuses what names no place. Pure."""

from __future__ import annotations

from datetime import datetime

from reference.rows import make_row
from reference.snapshot import Snapshot
from schemas.errors import Reason, Rejected
from schemas.reference_rows import CorrectionData, ReferenceRow


def correction_row(said: CorrectionData, snapshot: Snapshot, known: datetime, author: str, reason: str) -> ReferenceRow:
    """The row that corrects an arrival; one that names no place takes all earlier corrections back.

    `known` is the moment the city learns it. Raises Rejected naming the wrong fields.
    """
    wrong = [
        Reason(field, "place_unknown", "there is no such place", "没有这个地方")
        for field, code in (("destination", said.destination), ("origin", said.origin))
        if code is not None and not _exists(code, snapshot)
    ]
    if wrong:
        raise Rejected("correction_invalid", "A place of the correction does not exist.", tuple(wrong))
    withdrawn = said.destination is None and said.origin is None
    return make_row(said, key=said.event_id, author=author, reason=reason, valid_from=known, withdrawn=withdrawn)


def _exists(code: str, snapshot: Snapshot) -> bool:
    area, dash, _ = code.partition("-")
    return snapshot.known(area) and (not dash or bool(snapshot.units.history(code)))
