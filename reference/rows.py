"""Makes reference rows, from values in code or from the named columns of a line. Pure: a row's id follows from what it says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from reference.snapshot import KEY_OF
from schemas.areas import CaseCountData
from schemas.base import LOCAL, Instant
from schemas.errors import Rejected
from schemas.reference_rows import Data, GradeData, ReferenceRow

BEGINNING = datetime(2020, 1, 1, tzinfo=LOCAL)
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
_DATA: TypeAdapter[Data] = TypeAdapter(Data)
_DATED_COLUMNS = ("valid_from", "valid_to", "known_from", "author", "reason")


def row_id(data: Data, key: str, author: str, withdrawn: bool, dates: Sequence[datetime | None]) -> str:
    """The kind and 96 bits of a hash over everything the row says but why: loading a file twice gives the same ids.

    `dates` are valid_from, known_from and valid_to; one that is open does not count.
    """
    valid_from, known_from, valid_to = dates
    said = [data.model_dump_json(), key, str(valid_from), str(known_from), author, str(withdrawn)]
    said += [str(valid_to)] if valid_to else []
    return f"{data.kind}-{hashlib.sha256('|'.join(said).encode()).hexdigest()[:24]}"


def make_row(  # noqa: PLR0913  (a row says all of this)
    data: Data,
    *,
    key: str,
    author: str,
    reason: str,
    valid_from: datetime = BEGINNING,
    valid_to: datetime | None = None,
    known_from: datetime | None = None,
    withdrawn: bool = False,
) -> ReferenceRow:
    """A row ready to append; `known_from` defaults to `valid_from`."""
    return ReferenceRow(
        version=1,
        row_id=row_id(data, key, author, withdrawn, (valid_from, known_from or valid_from, valid_to)),
        key=key,
        valid_from=valid_from,
        valid_to=valid_to,
        known_from=known_from or valid_from,
        author=author,
        reason=reason,
        withdrawn=withdrawn,
        data=data,
    )


def row_of(kind: str, values: dict[str, Any], known: Callable[[str], bool]) -> ReferenceRow:
    """A reference row from the named values of one line. Raises Rejected naming the wrong columns."""
    withdrawn = str(values.pop("withdrawn", "")).lower() == "true"
    dates = {name: values.pop(name) for name in _DATED_COLUMNS if values.get(name) is not None}
    try:
        data = _DATA.validate_python({"kind": kind} | {k: v for k, v in values.items() if v is not None}, strict=False)
        times = {n: _INSTANT.validate_python(v) for n, v in dates.items() if n not in ("author", "reason")}
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, e["loc"])) + ": " + e["msg"] for e in error.errors(include_input=False))
        raise Rejected("reference_row", f"A row of kind '{kind}' is wrong ({fields}).") from None
    if isinstance(data, GradeData | CaseCountData) and not known(data.area):
        raise Rejected("area_unknown", f"The gazetteer has no area {data.area}.")
    if isinstance(data, CaseCountData):
        times = {"valid_from": data.counted_at, "valid_to": data.counted_at + timedelta(days=1)} | times
    if times.get("valid_to") and times["valid_to"] <= times.get("valid_from", BEGINNING):
        raise Rejected("reference_row", "A row ends before it begins (valid_to).")
    return make_row(
        data,
        key=KEY_OF[kind](data),
        author=dates.get("author", "arrivals"),
        reason=dates.get("reason", "loaded"),
        valid_from=times.get("valid_from", BEGINNING),
        valid_to=times.get("valid_to"),
        known_from=times.get("known_from"),
        withdrawn=withdrawn,
    )
