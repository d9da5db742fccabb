"""The rules, pass types and contact rules the program is shipped with, and how the rows of the topic lie above them. Pure.

No decision is ever made without rules: the shipped rows are the ground below the topic. A row of the topic supersedes the shipped
one of its key for the time it is valid, and a withdrawal on the topic takes a shipped rule back. Whoever wants past decisions
to stay exact across editions of the program appends the shipped rows to the topic: `arrivals reference load`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, TypeVar

from reference.dated import Dated, DatedTable, dated
from reference.rows import row_of
from reference.snapshot import KEY_OF, Snapshot
from schemas.contact_rules import ContactRuleData
from schemas.errors import Rejected
from schemas.reference_rows import ReferenceRow
from schemas.rules import PassTypeData, RuleData

D = TypeVar("D")
#: The offset of shipped rows: below every row of the topic.
SHIPPED = -1
KINDS = ("rule", "pass-type", "contact-rule")
_FILES = ("rules.toml", "contacts.toml")


@cache
def shipped_rows() -> tuple[ReferenceRow, ...]:
    """The shipped rows in the order of the files. Raises Rejected when a file is damaged."""
    folder = files("reference").joinpath("data")
    return tuple(row for name in _FILES for row in read_rows(folder.joinpath(name).read_text("utf-8")))


def read_rows(text: str) -> tuple[ReferenceRow, ...]:
    """Rows from TOML: a table `[[rule]]`, `[[pass-type]]` or `[[contact-rule]]` each. Raises Rejected naming the wrong fields."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Rejected("toml_invalid", f"This is no TOML: {error}.") from None
    unknown = sorted(set(tables) - set(KINDS))
    if unknown:
        raise Rejected("kind_unknown", f"There are tables of an unknown kind: {', '.join(unknown)}.")
    return tuple(row_of(kind, _with_reason(line), lambda _: True) for kind in KINDS for line in tables.get(kind, ()))


def _with_reason(line: dict[str, Any]) -> dict[str, Any]:
    return {"reason": line.get("source_en") or "loaded"} | line


def missing_shipped(snapshot: Snapshot) -> Iterator[ReferenceRow]:
    """The shipped rows the topic does not hold yet."""
    tables: tuple[DatedTable[Any], ...] = (snapshot.rules, snapshot.pass_types, snapshot.contact_rules)
    held = {row.row_id for table in tables for key in table.keys() for row in table.history(key)}
    return (row for row in shipped_rows() if row.row_id not in held)


@lru_cache(maxsize=8)
def rules_above_shipped(table: DatedTable[RuleData]) -> DatedTable[RuleData]:
    """The rules in force: those of the topic above the shipped ones. Rows of the first form (no conditions) are left out."""
    return _layered(table, RuleData, lambda data: bool(data.conditions))


@lru_cache(maxsize=8)
def pass_types_above_shipped(table: DatedTable[PassTypeData]) -> DatedTable[PassTypeData]:
    """The pass types in force: those of the topic above the shipped ones."""
    return _layered(table, PassTypeData, lambda _: True)


@lru_cache(maxsize=8)
def contact_rules_above_shipped(table: DatedTable[ContactRuleData]) -> DatedTable[ContactRuleData]:
    """The contact rules in force: those of the topic above the shipped ones."""
    return _layered(table, ContactRuleData, lambda _: True)


def _layered(table: DatedTable[D], kind: type[D], counts: Callable[[D], bool]) -> DatedTable[D]:
    ground: list[tuple[str, Dated[D]]] = [
        (KEY_OF[row.data.kind](row.data), dated(row, SHIPPED, row.data)) for row in shipped_rows() if isinstance(row.data, kind)
    ]
    above = [(key, row) for key in table.keys() for row in reversed(table.history(key)) if counts(row.data)]
    return DatedTable[D]().with_rows([*ground, *above])
