"""The versions of an arrival: what changed from one to the next, by which row of the reference, who wrote it and why. Pure.

The revision of a version is the offset of the row that caused it, so the reference itself tells who and why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from reference.snapshot import Snapshot
from serving.arrival_json import plain_value
from serving.changes import by_text, changed_by, told_row
from serving.reasons import words
from serving.texts import Language, catalogue

_DEEPEST_FIRST = ("destination_village", "destination_street", "destination_county", "destination_outside")
_READ = ("revision", "cause", "recorded_at", "origin_code", *_DEEPEST_FIRST, "unit", "risk", "decision", "decided_by")
#: What is compared, in the order it is told.
COMPARED = ("origin", "destination", "unit", "risk", "decision", "decided_by")
_PLACES = frozenset({"origin", "destination", "unit"})


def versions_sql(event_id: str) -> tuple[str, dict[str, Any]]:
    """The SQL of every version of an arrival the asker may look at, oldest first."""
    sql = f"SELECT {', '.join(_READ)} FROM v_arrival_history WHERE event_id = toUUID(%(event_id)s) ORDER BY revision"
    return sql, {"event_id": event_id}


def versions(rows: Sequence[Mapping[str, Any]], snapshot: Snapshot) -> list[dict[str, Any]]:
    """The versions with what changed in each, and the row that changed it. Ready for JSON."""
    found: list[dict[str, Any]] = []
    before: dict[str, Any] | None = None
    for row in rows:
        now = _said(row)
        changed = [] if before is None else [n for n in COMPARED if before[n] != now[n]]
        found.append(
            {
                **{name: plain_value(row[name]) for name in ("revision", "cause", "recorded_at")},
                "by": changed_by(row["cause"], row["revision"], snapshot),
                "changes": [{"field": name, "before": (before or now)[name], "after": now[name]} for name in changed],
            }
        )
        before = now
    return found


def corrections(event_id: str, snapshot: Snapshot) -> list[dict[str, Any]]:
    """What people corrected, newest first; a withdrawn row took back what stands below it."""
    rows = snapshot.corrections.history(event_id)
    return [told_row("correction", row) | {"destination": row.data.destination, "origin": row.data.origin} for row in rows]


def _said(row: Mapping[str, Any]) -> dict[str, Any]:
    destination = next((row[name] for name in _DEEPEST_FIRST if row[name]), "")
    plain = {name: row[name] for name in ("unit", "risk", "decision", "decided_by")}
    return {"origin": row["origin_code"], "destination": destination, **plain}


def version_lines(told: Mapping[str, Any], name: Callable[[str], str], language: Language) -> Iterator[str]:
    """Versions and corrections as lines of plain words; nothing where there is one version that nobody corrected."""
    t = words(language)
    if len(told["versions"]) > 1:
        yield t["says.history"]
        for number, version in enumerate(told["versions"], 1):
            yield _title(number, version, language)
            for change in version["changes"]:
                before, after = (_value(change["field"], change[side], name, language) for side in ("before", "after"))
                yield "   " + t["says.change"].format(field=t[f"field.{change['field']}"], before=before, after=after)
    for row in told["corrections"]:
        yield t["says.correction"].format(author=row["author"], reason=row["reason"], at=_minute(row["known_from"]))


def _title(number: int, version: Mapping[str, Any], language: Language) -> str:
    said, at = by_text(version["cause"], version["by"], language), _minute(version["recorded_at"])
    return words(language)["says.version"].format(number=number, revision=version["revision"], at=at, cause=said)


def _value(field: str, value: str, name: Callable[[str], str], language: Language) -> str:
    if not value:
        return words(language)["unknown"]
    if field in _PLACES:
        return name(value)
    return catalogue(language)[f"{field}.{value}"] if field in ("risk", "decision") else value


def _minute(instant: str) -> str:
    return instant[: len("2020-02-18T08:30")].replace("T", " ")
