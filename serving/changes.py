"""Who changed an arrival, and why: the revision of a version is the offset of the row of the reference that caused it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from reference.dated import Dated
from reference.snapshot import TABLE_OF, Snapshot
from schemas.base import format_instant
from serving.reasons import words
from serving.texts import Language

#: Kinds of rows that change decisions; who holds which right is nobody's business here.
_TABLES = {kind: table for kind, table in TABLE_OF.items() if kind != "credential"}


def changed_by(cause: str, revision: int, snapshot: Snapshot) -> dict[str, Any] | None:
    """The row that caused a version: kind, row id, author, reason; None for what the scan itself caused."""
    return row_at(snapshot, revision) if cause != "scan" else None


@lru_cache(maxsize=512)
def row_at(snapshot: Snapshot, version: int) -> dict[str, Any] | None:
    """The row at an offset of the reference, as far as it concerns decisions."""
    for kind, table in _TABLES.items():
        rows = getattr(snapshot, table)
        for key in rows.keys():
            for row in rows.history(key):
                if row.offset == version:
                    return told_row(kind, row)
    return None


def told_row(kind: str, row: Dated[Any]) -> dict[str, Any]:
    """A row as people are told of it: what it is, who wrote it, why, and since when it was known."""
    return {
        "kind": kind,
        "row_id": row.row_id,
        "author": row.author,
        "reason": row.reason,
        "known_from": format_instant(row.known_from),
        "withdrawn": row.withdrawn,
    }


def by_text(cause: str, by: Mapping[str, Any] | None, language: Language) -> str:
    """Why a version was made, by whom and for what reason, in one line; what the scan caused is told by the cause alone."""
    t = words(language)
    told = t[f"cause.{cause}"]
    if by is None:
        return told
    return told + t["says.by"].format(kind=t.get(f"kind.{by['kind']}", by["kind"]), author=by["author"], reason=by["reason"])
