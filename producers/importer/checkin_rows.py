"""From one row of a list of health check-ins to one check-in, or to the reasons why not. Pure; as `producers.importer.rows`.

For whom a row is made stands in the row, an enterprise's code or a unit's; where neither does, it is who reports the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from producers.importer import words
from producers.importer.cells import Cell, read_number
from producers.importer.rows import ImportContext, Reader, event_id, filled, read_when
from producers.parsing import validate_checkin
from schemas.base import format_instant

_IN_A_COUNTY = re.compile(r"4114\d\d")


def make_checkin(cells: Mapping[str, Cell], context: ImportContext) -> dict[str, Any]:
    """The check-in for the cells of a row by field. Raises Rejected with every reason found."""
    reader = Reader(cells, context.kind)
    made_at = read_when(reader, "made", context)
    place = _place(reader, context.site_id)
    checkin = {
        "version": 1,
        "kind": reader.word("checkin_kind", words.CHECKINS) or ("employee" if "enterprise" in place else "resident"),
        "made_at": format_instant(made_at) if made_at else "",
        "person": reader.person(),
        **place,
        **filled(
            {
                **reader.health(),
                "whereabouts": reader.word("whereabouts", words.WHEREABOUTS),
                "reporter": reader.text("operator"),
            }
        ),
    }
    reader.finish()
    checkin["event_id"] = event_id(checkin, "made_at", context)
    validate_checkin(checkin)
    return checkin


def _place(reader: Reader, reporting: str) -> dict[str, Any]:
    """The enterprise or the unit of a row; `reporting` is a county, a unit or an enterprise."""
    area = reporting if _IN_A_COUNTY.match(reporting) else ""
    code, unit = reader.read("enterprise_code", read_number), reader.text("unit")
    if not code and not unit:
        code, unit = (None, area) if area else (reporting, None)
    place: dict[str, Any] = {"unit": unit} if unit else {}
    if code:
        county = reader.text("county") or area[:6]
        reader.need("enterprise_name")
        if not county:
            reader.need("county")
        place["enterprise"] = {"code": code, "name": reader.text("enterprise_name"), "county": county}
    return place
