"""The audit trail: who did or read what, one line after the other, each holding the hash of the one before.

Guarantee: lines are only ever added, in the transaction of what they prove; the database refuses to change or remove one. Whoever
gets around that breaks the chain, and the hashes of acts also stand in `unit-actions`, out of the reach of the desk's database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from sqlalchemy import Connection, Engine, insert, select, update

from arrivals.runtime.desk_engine import reading
from serving.desk.tables import AUDIT_TRAIL, TRAIL_HEAD

#: An act; a look at who somebody is, at notes, at the contacts of an arrival; tasks for these; a roster with names; an account.
Kind = Literal["act", "reveal", "notes", "contacts", "trace", "roster", "account"]
NO_HASH = "0" * 64
_BATCH = 5_000
_COLUMNS = tuple(str(column.name) for column in AUDIT_TRAIL.columns)
_HASHED = ("line", "at", "actor", "role", "scope", "kind", "event_id", "detail", "previous")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a line says: `at` as our topics write it, codes and numbers in `detail`, never a person.

    `event_id` is the arrival it is about; empty for a line about an account, or about many arrivals, which `detail` then names.
    """

    at: str
    actor: str
    role: str
    scope: str
    kind: Kind
    event_id: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found: how many lines, the first wrong one with the reason, or no reason."""

    lines: int
    wrong_line: int | None = None
    problem: str = ""


def append(connection: Connection, entries: Sequence[Entry]) -> list[tuple[int, str]]:
    """Adds lines in the running transaction; their numbers and hashes. Others who append wait until it ends."""
    if not entries:
        return []
    line, previous = connection.execute(select(TRAIL_HEAD.c.line, TRAIL_HEAD.c.hash).with_for_update()).one()
    rows = []
    for entry in entries:
        line += 1
        row = {name: getattr(entry, name) for name in ("at", "actor", "role", "scope", "kind", "event_id")}
        row |= {"line": line, "detail": orjson.dumps(entry.detail, option=orjson.OPT_SORT_KEYS).decode(), "previous": previous}
        previous = row["hash"] = hash_of(row)
        rows.append(row)
    connection.execute(insert(AUDIT_TRAIL), rows)
    connection.execute(update(TRAIL_HEAD).values(line=line, hash=previous))
    return [(row["line"], row["hash"]) for row in rows]


def hash_of(row: Mapping[str, Any]) -> str:
    """The hash of a line: over everything it says and the hash of the line before."""
    return hashlib.sha256(orjson.dumps([row[name] for name in _HASHED])).hexdigest()


def verify(engine: Engine, anchors: Mapping[int, str] | None = None) -> Verdict:
    """Reads the whole trail and says where it is broken. `anchors` are hashes by line that were published elsewhere."""
    with reading(engine) as connection:
        head_line, head_hash = connection.execute(select(TRAIL_HEAD.c.line, TRAIL_HEAD.c.hash)).one()
        line, previous = 0, NO_HASH
        for row in _rows(connection):
            line += 1
            problem = _problem(row, line, previous, anchors or {})
            if problem:
                return Verdict(line - 1, line, problem)
            previous = row["hash"]
    if (line, previous) != (head_line, head_hash):
        return Verdict(line, line + 1, "lines are missing at the end")
    beyond = [number for number in anchors or {} if number > line]
    return Verdict(line, min(beyond), "lines that were published are missing at the end") if beyond else Verdict(line)


def _problem(row: Mapping[str, Any], line: int, previous: str, anchors: Mapping[int, str]) -> str:
    if row["line"] != line:
        return "a line is missing"
    if row["previous"] != previous:
        return "it does not continue the line before"
    if row["hash"] != hash_of(row):
        return "its content was changed"
    if anchors.get(line, row["hash"]) != row["hash"]:
        return "it is not the line that was published"
    return ""


def _rows(connection: Connection) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        statement = select(AUDIT_TRAIL).where(AUDIT_TRAIL.c.line > after).order_by(AUDIT_TRAIL.c.line).limit(_BATCH)
        rows = [dict(row) for row in connection.execute(statement).mappings()]
        if not rows:
            return
        yield from rows
        after = rows[-1]["line"]


def newest(engine: Engine, limit: int, before: int | None = None, event_id: str | None = None) -> list[dict[str, Any]]:
    """The newest lines below a number, of one arrival or of all."""
    statement = select(AUDIT_TRAIL).order_by(AUDIT_TRAIL.c.line.desc()).limit(limit)
    if before is not None:
        statement = statement.where(AUDIT_TRAIL.c.line < before)
    if event_id is not None:
        statement = statement.where(AUDIT_TRAIL.c.event_id == event_id)
    with reading(engine) as connection:
        rows = connection.execute(statement).all()
    # SQLAlchemy's names of columns are no plain text, which JSON asks for.
    told = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
    return [line | {"detail": orjson.loads(line["detail"])} for line in told]


def anchors_of(rows: Iterable[tuple[int | None, str]]) -> dict[int, str]:
    """Anchors from (line, hash) as they stand in `v_unit_actions`."""
    return {line: hashed for line, hashed in rows if line is not None}
